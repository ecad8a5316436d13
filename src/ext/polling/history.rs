//! What the answers to a wait have told, as ages of the task: without a clock.

use std::time::Duration;

use super::{CompletedTask, Phase, Progress};

/// The longest that a server's own duration is believed: beyond it, a clock was never set.
const MAX_SERVER_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Since when a task is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObservedFrom {
    /// Since its submission: it was first asked for when the policy wanted.
    Submission,
    /// It was submitted some time before anyone waited: its age is known, but not what it did meanwhile.
    Later,
    /// It was submitted elsewhere: its age counts from the wait.
    Resumption,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    observed_from: ObservedFrom,
    /// At most 4,096; there may be many waits.
    characters: Option<u16>,
    phase: Phase,
    polls: u32,
    last_response: Duration,
    /// The last answer that said it waits.
    waiting: Option<Duration>,
    /// From when on it counts as running.
    running: Option<Duration>,
}

impl History {
    pub(crate) fn submitted(characters: Option<u16>) -> Self {
        Self {
            observed_from: ObservedFrom::Submission,
            characters,
            phase: Phase::Unknown,
            polls: 0,
            last_response: Duration::ZERO,
            waiting: None,
            running: None,
        }
    }

    /// The wait begins only after the first poll was due.
    pub(crate) fn observed_late(self) -> Self {
        Self { observed_from: ObservedFrom::Later, ..self }
    }

    pub(crate) fn resumed() -> Self {
        Self { observed_from: ObservedFrom::Resumption, ..Self::submitted(None) }
    }

    /// An answer that is not the last.
    pub(crate) fn on_response(&mut self, phase: Phase, age: Duration) {
        if phase != Phase::Running {
            self.waiting = Some(age);
            self.running = None;
        } else if self.running.is_none() {
            self.running = Some(self.waiting.map_or(Duration::ZERO, |waiting| midpoint(waiting, age)));
        }
        self.phase = phase;
        self.last_response = age;
        self.polls += 1;
    }

    pub(crate) fn progress(&self, age: Duration, retry_after: Option<Duration>, left: Duration) -> Progress {
        Progress {
            age,
            phase: self.phase,
            in_phase: age.saturating_sub(self.running.unwrap_or_default()),
            since_last_poll: age.saturating_sub(self.last_response),
            polls: self.polls,
            characters: self.characters.map(u32::from),
            retry_after,
            left,
        }
    }

    /// The task is done, as an answer at this age says; `server` is the server's own duration. None where there is
    /// nothing to learn: a task that was done before anyone asked may have been so for days.
    pub(crate) fn completed(&self, age: Duration, server: Option<Duration>) -> Option<CompletedTask> {
        let server = server.filter(|server| *server <= MAX_SERVER_DURATION);
        let aged = self.observed_from != ObservedFrom::Resumption;
        let watched = self.polls > 0 || self.observed_from == ObservedFrom::Submission;
        if !watched && (!aged || server.is_none()) {
            return None;
        }
        // The last answer saw it undone, and this one sees it done: whatever the server's clock says, it was between.
        let done = server.filter(|_| aged).map_or(midpoint(self.last_response, age), |server| {
            server.clamp(self.last_response, age.max(self.last_response))
        });
        let waited = self.waiting.filter(|_| aged).map(|waiting| {
            // The first answer that said it runs is as far behind the middle as the last that said it waits before.
            let at_most = self.running.map_or(done, |running| running + running.saturating_sub(waiting));
            (waiting, at_most)
        });
        let ran = match (self.waiting, self.running) {
            (None, Some(_)) => Some(done).filter(|_| self.observed_from == ObservedFrom::Submission),
            (Some(_), Some(running)) => Some(done.saturating_sub(running)),
            // It began and ended between two polls.
            (Some(waiting), None) => Some(done.saturating_sub(waiting) / 2),
            (None, None) => None,
        };
        // It was seen undone for as long as it was watched.
        let total = if aged { Some(done) } else { server.map(|server| server.max(self.last_response)) };
        Some(CompletedTask { total, waited, ran, characters: self.characters.map(u32::from) })
    }
}

fn midpoint(from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from) / 2
}

#[cfg(test)]
mod tests {
    use super::{Phase::*, *};

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn after(history: History, answers: &[(Phase, u64)]) -> History {
        answers.iter().fold(history, |mut history, (phase, age)| {
            history.on_response(*phase, secs(*age));
            history
        })
    }

    fn submitted(answers: &[(Phase, u64)]) -> History {
        after(History::submitted(Some(7)), answers)
    }

    #[track_caller]
    fn in_phase(history: History, age: u64, expected: u64) {
        assert_eq!(history.progress(secs(age), None, secs(600)).in_phase, secs(expected));
    }

    #[test]
    fn a_phase_begins_half_way_between_two_answers() {
        in_phase(submitted(&[]), 3, 3);
        in_phase(submitted(&[(Waiting, 2)]), 3, 3);
        in_phase(submitted(&[(Waiting, 2), (Running, 6)]), 6, 2);
        in_phase(submitted(&[(Waiting, 2), (Running, 6), (Running, 8)]), 8, 4);
        in_phase(submitted(&[(Running, 6)]), 6, 6);
        in_phase(submitted(&[(Running, 2), (Waiting, 4)]), 6, 6);
        in_phase(submitted(&[(Running, 2), (Waiting, 4), (Running, 8)]), 8, 2);
    }

    #[test]
    fn progress_says_what_was_heard() {
        let progress = submitted(&[(Waiting, 2), (Running, 6)]).progress(secs(9), Some(secs(1)), secs(50));
        assert_eq!((progress.phase, progress.polls, progress.since_last_poll), (Running, 2, secs(3)));
        assert_eq!(
            (progress.characters, progress.retry_after, progress.left),
            (Some(7), Some(secs(1)), secs(50))
        );
    }

    #[track_caller]
    fn finished(
        history: History,
        server: Option<u64>,
        expected: (Option<u64>, Option<(u64, u64)>, Option<u64>),
    ) {
        let done = history.completed(secs(20), server.map(secs)).unwrap();
        let (total, waited, ran) = expected;
        assert_eq!(done.total, total.map(secs));
        assert_eq!(done.waited, waited.map(|(least, most)| (secs(least), secs(most))));
        assert_eq!(done.ran, ran.map(secs));
    }

    #[test]
    fn the_servers_time_is_believed_where_the_polls_allow() {
        let history = submitted(&[(Waiting, 2), (Running, 6), (Running, 10)]);
        finished(history, Some(15), (Some(15), Some((2, 6)), Some(11)));
        finished(history, Some(1), (Some(10), Some((2, 6)), Some(6)));
        finished(history, Some(999), (Some(20), Some((2, 6)), Some(16)));
        finished(history, None, (Some(15), Some((2, 6)), Some(11)));
    }

    #[test]
    fn what_was_not_seen_is_not_told() {
        finished(submitted(&[]), Some(15), (Some(15), None, None));
        finished(submitted(&[(Running, 6)]), Some(15), (Some(15), None, Some(15)));
        finished(submitted(&[(Waiting, 6)]), Some(16), (Some(16), Some((6, 16)), Some(5)));
    }

    #[test]
    fn a_task_that_is_watched_later_does_not_tell_what_it_did_before() {
        let later = |answers: &[_]| after(History::submitted(None).observed_late(), answers);
        assert_eq!(later(&[]).completed(secs(20), None), None);
        finished(later(&[]), Some(3), (Some(3), None, None));
        finished(later(&[(Running, 10)]), Some(15), (Some(15), None, None));
        finished(later(&[(Waiting, 10), (Running, 12)]), Some(15), (Some(15), Some((10, 12)), Some(4)));
    }

    #[test]
    fn a_resumed_task_tells_what_began_while_it_was_watched() {
        let resumed = |answers: &[_]| after(History::resumed(), answers);
        assert_eq!(resumed(&[]).completed(secs(20), Some(secs(15))), None);
        finished(resumed(&[(Running, 0)]), Some(99), (Some(99), None, None));
        finished(resumed(&[(Running, 0)]), None, (None, None, None));
        // Not shorter than it was seen undone, and none that takes days.
        finished(resumed(&[(Running, 15)]), Some(1), (Some(15), None, None));
        finished(resumed(&[(Running, 15)]), Some(1_700_000_000), (None, None, None));
        finished(resumed(&[(Waiting, 2), (Running, 6), (Running, 10)]), Some(99), (Some(99), None, Some(11)));
    }
}
