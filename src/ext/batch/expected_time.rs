//! The expected time of a batch. Everything here is pure.

use crate::ext::polling::{Progress, task_policy::TaskPolicy};

/// The limits of a batch that determine how long it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_in_flight: usize,
    pub(crate) requests_per_second: Option<f64>,
}

/// A number of texts and their length together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) count: usize,
    pub(crate) characters: usize,
}

/// The texts of a batch by their state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) queued: Texts,
    pub(crate) in_flight: Texts,
    pub(crate) ended: Texts,
}

impl Texts {
    pub(crate) fn add(&mut self, characters: usize) {
        self.count += 1;
        self.characters += characters;
    }

    pub(crate) fn remove(&mut self, characters: usize) {
        self.count = self.count.saturating_sub(1);
        self.characters = self.characters.saturating_sub(characters);
    }

    fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, characters: self.characters + other.characters }
    }

    /// Returns the seconds that these tasks take together, from the seconds of a task with a text of this length. `None`
    /// if they are unknown.
    ///
    /// A task takes some time to start and some for each character. So the mean over all texts is the time of a text of
    /// the mean length.
    pub(crate) fn seconds(self, expected: impl FnOnce(u32) -> Option<f64>) -> Option<f64> {
        let Some(mean) = self.characters.checked_div(self.count) else { return Some(0.0) };
        Some(to_f64(self.count) * expected(u32::try_from(mean).unwrap_or(u32::MAX))?)
    }
}

impl Limits {
    /// Returns the seconds until these texts have been spoken, if their tasks take so many seconds together.
    pub(crate) fn seconds(self, texts: Texts, together: f64) -> f64 {
        if texts.count == 0 {
            return 0.0;
        }
        let in_parallel = to_f64(texts.count.min(self.max_in_flight).max(1));
        // Each task needs a submission and at least one poll.
        let requests = self.requests_per_second.map_or(0.0, |limit| 2.0 * to_f64(texts.count) / limit);
        (together / in_parallel).max(requests)
    }
}

impl Pace {
    /// Returns the seconds until the batch has ended, `elapsed` seconds after its start. `None` if nothing is known.
    ///
    /// A task in flight counts as half done. The pace so far counts from the moment at which more tasks have ended than are
    /// in flight. Until then, the first tasks are at the same point, and the expected durations say more if they are known.
    pub(crate) fn seconds_left(
        self,
        elapsed: f64,
        limits: Limits,
        mut expected: impl FnMut(u32) -> Option<f64>,
    ) -> Option<f64> {
        let all = self.queued.and(self.in_flight).and(self.ended);
        let known = all.seconds(&mut expected);
        if let Some(together) = known
            && self.ended.count <= self.in_flight.count
        {
            return Some((limits.seconds(all, together) - elapsed).max(0.0));
        }
        if self.ended.count == 0 {
            return None;
        }
        // Without expected durations, each text counts the same.
        let mut weight = |characters: u32| if known.is_some() { expected(characters) } else { Some(1.0) };
        let [queued, in_flight, ended] =
            [self.queued, self.in_flight, self.ended].map(|texts| texts.seconds(&mut weight));
        let (left, done) = (queued? + 0.5 * in_flight?, ended? + 0.5 * in_flight?);
        Some(elapsed * left / done)
    }
}

/// Returns the expected seconds of a task with a text of this length, by a poll policy.
pub(crate) fn expected_seconds(policy: &mut TaskPolicy, characters: u32) -> Option<f64> {
    let task = Progress { characters: Some(characters), ..Progress::default() };
    policy.expected(&task).map(|time| time.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_in_flight: 4, requests_per_second: None };

    fn texts(count: usize, characters: usize) -> Texts {
        Texts { count, characters }
    }

    /// A server that needs one second and ten milliseconds for each character.
    #[expect(clippy::unnecessary_wraps, reason = "as a policy")]
    fn server(characters: u32) -> Option<f64> {
        Some(1.0 + 0.01 * f64::from(characters))
    }

    #[track_caller]
    fn assert_left(pace: Pace, elapsed: f64, expected: impl Fn(u32) -> Option<f64>, seconds: Option<f64>) {
        let left = pace.seconds_left(elapsed, LIMITS, expected);
        let is_close = |(a, b): (f64, f64)| (a - b).abs() < 1e-9;
        assert!(left.is_some() == seconds.is_some() && left.zip(seconds).is_none_or(is_close), "{left:?}");
    }

    #[test]
    fn texts_take_as_long_together_as_their_number_of_mean_texts() {
        let mut sum = texts(0, 0);
        for characters in [100, 500, 900] {
            sum.add(characters);
        }
        assert_eq!(sum.seconds(server), Some(2.0 + 6.0 + 10.0));
        assert_eq!(sum.seconds(|_| None), None);
        sum.remove(900);
        assert_eq!((sum, texts(0, 0).seconds(server)), (texts(2, 600), Some(0.0)));
    }

    #[test]
    fn limits_determine_how_long_texts_take() {
        let assert_seconds = |limits: Limits, count: usize, expected: f64| {
            let seconds = limits.seconds(texts(count, 0), 3.0 * to_f64(count));
            assert!((seconds - expected).abs() < 1e-9, "{seconds} for {count}");
        };
        for (count, seconds) in [(0, 0.0), (1, 3.0), (4, 3.0), (40, 30.0)] {
            assert_seconds(LIMITS, count, seconds);
        }
        let slow = Limits { requests_per_second: Some(0.5), ..LIMITS };
        assert_seconds(slow, 1, 4.0);
        assert_seconds(slow, 40, 160.0);
    }

    #[test]
    fn expected_durations_count_until_more_tasks_have_ended_than_are_in_flight() {
        let start = Pace { queued: texts(36, 3_600), in_flight: texts(4, 400), ended: texts(0, 0) };
        assert_left(start, 0.5, server, Some(40.0 * 2.0 / 4.0 - 0.5));
        let first = Pace { ended: texts(4, 400), queued: texts(32, 3_200), ..start };
        assert_left(first, 2.5, server, Some(20.0 - 2.5));
        // The server is slower than expected.
        let later = Pace { ended: texts(5, 500), queued: texts(31, 3_100), ..start };
        assert_left(later, 14.0, server, Some(14.0 * (31.0 + 2.0) / (5.0 + 2.0)));
    }

    #[test]
    fn overdue_batch_has_no_time_left() {
        let last = Pace { queued: texts(0, 0), in_flight: texts(1, 100), ended: texts(0, 0) };
        assert_left(last, 9.0, server, Some(0.0));
    }

    #[test]
    fn long_texts_that_are_left_count_by_their_length() {
        let pace = Pace { queued: texts(2, 1_800), in_flight: texts(0, 0), ended: texts(10, 1_000) };
        assert_left(pace, 10.0, server, Some(10.0 * 20.0 / 20.0));
    }

    #[test]
    fn pace_without_expected_durations_counts_texts() {
        let pace = Pace { queued: texts(6, 9_999), in_flight: texts(2, 1), ended: texts(2, 1) };
        assert_left(pace, 8.0, |_| None, Some(8.0 * 7.0 / 3.0));
        assert_left(Pace { ended: texts(0, 0), ..pace }, 8.0, |_| None, None);
    }
}
