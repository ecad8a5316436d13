//! The progress of a batch.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::expected_time::{Limits, Pace, Texts, expected_seconds};
use crate::ext::polling::task_policy::TaskPolicy;

/// The progress of a batch, from [`Results::progress`](super::Results::progress).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of requests that are not started. `None` for a stream, whose length is unknown.
    pub queued: Option<usize>,
    /// The number of requests that are started and have no result yet. Results that you have not taken count in
    /// [`max_in_flight`](super::Batch::max_in_flight), but not here.
    pub in_flight: usize,
    /// The number of requests that ended with a speech.
    pub done: usize,
    /// The number of requests that ended with an error other than in doubt.
    pub failed: usize,
    /// The number of requests that ended in doubt: they may be billed.
    pub in_doubt: usize,
    /// The number of requests to the API per second, averaged over the last ten seconds.
    pub requests_per_second: f64,
    /// The estimated time until the batch is finished.
    ///
    /// The estimate uses the pace so far, and the lengths of the texts as far as the client has learned their effect. At
    /// the start, it uses the durations that the client has learned from earlier tasks, also those of earlier processes
    /// with the same [store](super::Batch::store). `None` for a stream, and if nothing is known before the first result.
    pub time_left: Option<Duration>,
    /// The time until which all requests are paused, because the server responded with 429, or
    /// with 503 and `Retry-After`. `None` if requests are sent.
    pub paused_until: Option<std::time::Instant>,
    /// The time since which no submission is sent, or one at a time, because the server is
    /// unavailable. `None` if the server is available.
    pub unavailable_since: Option<std::time::Instant>,
}

impl Progress {
    /// Returns the number of requests that ended, with a speech or an error.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.done + self.failed + self.in_doubt
    }
}

/// The time over which the rate of requests is averaged.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Counts the requests of a batch and publishes the progress.
pub(crate) struct ProgressTracker {
    progress: Progress,
    pace: Pace,
    pub(crate) limits: Limits,
    policy: TaskPolicy,
    /// The time at which the first request was taken.
    started: Option<Instant>,
    /// The numbers of requests sent, in time slices.
    recent: VecDeque<(Instant, u32)>,
    sender: watch::Sender<Progress>,
}

#[derive(Clone, Copy)]
pub(crate) enum ResultKind {
    Done,
    Failed,
    InDoubt,
}

impl ProgressTracker {
    /// Creates a tracker. The texts that are queued are unknown for a stream.
    pub(crate) fn new(sender: watch::Sender<Progress>, queued: Option<Texts>, policy: TaskPolicy) -> Self {
        let progress = Progress { queued: queued.map(|texts| texts.count), ..Progress::default() };
        let pace = Pace { queued: queued.unwrap_or_default(), ..Pace::default() };
        let limits = Limits { max_in_flight: 1, requests_per_second: None };
        Self { progress, pace, limits, policy, started: None, recent: VecDeque::new(), sender }
    }

    pub(crate) fn on_started(&mut self, characters: usize) {
        self.started.get_or_insert_with(Instant::now);
        self.progress.queued = self.progress.queued.map(|queued| queued.saturating_sub(1));
        self.progress.in_flight += 1;
        self.pace.queued.remove(characters);
        self.pace.in_flight.add(characters);
    }

    pub(crate) fn on_finished(&mut self, result: ResultKind, characters: usize) {
        self.progress.in_flight -= 1;
        self.pace.in_flight.remove(characters);
        self.pace.ended.add(characters);
        match result {
            ResultKind::Done => self.progress.done += 1,
            ResultKind::Failed => self.progress.failed += 1,
            ResultKind::InDoubt => self.progress.in_doubt += 1,
        }
    }

    pub(crate) fn on_request(&mut self) {
        /// Short enough for an average over ten seconds, and long enough to keep few slices.
        const SLICE: Duration = Duration::from_millis(250);
        let now = Instant::now();
        match self.recent.back_mut() {
            Some((start, count)) if now - *start < SLICE => *count += 1,
            _ => self.recent.push_back((now, 1)),
        }
    }

    pub(crate) fn on_hold(&mut self, paused_until: Option<Instant>, unavailable_since: Option<Instant>) {
        self.progress.paused_until = paused_until.map(Instant::into_std);
        self.progress.unavailable_since = unavailable_since.map(Instant::into_std);
    }

    /// Publishes the progress, if it has changed and there are receivers.
    pub(crate) fn publish(&mut self) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let elapsed = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        while self.recent.front().is_some_and(|(start, _)| start.elapsed() > RATE_WINDOW) {
            self.recent.pop_front();
        }
        let requests: u32 = self.recent.iter().map(|(_, count)| count).sum();
        // At the start the window is shorter, but at least one second.
        let window = elapsed.clamp(Duration::from_secs(1), RATE_WINDOW);
        self.progress.requests_per_second = f64::from(requests) / window.as_secs_f64();
        self.progress.time_left = self.time_left(elapsed);
        let progress = &self.progress;
        self.sender.send_if_modified(|published| {
            let modified = published != progress;
            if modified {
                published.clone_from(progress);
            }
            modified
        });
    }

    fn time_left(&mut self, elapsed: Duration) -> Option<Duration> {
        self.progress.queued?;
        let expected = |characters| expected_seconds(&mut self.policy, characters);
        let seconds = self.pace.seconds_left(elapsed.as_secs_f64(), self.limits, expected)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;
    use crate::{
        ext::polling::client_policy::ClientPolicy,
        pacing::{Adaptive, CompletedTask, Pacing},
    };

    fn tracker(sender: watch::Sender<Progress>, queued: Option<Texts>) -> ProgressTracker {
        let policy = TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(Adaptive::new()))));
        ProgressTracker::new(sender, queued, policy)
    }

    #[tokio::test(start_paused = true)]
    async fn time_left_is_estimated_from_the_pace_so_far() {
        let (sender, receiver) = watch::channel(Progress::default());
        let mut tracker = tracker(sender, Some(Texts { count: 12, characters: 120 }));
        for _ in 0..4 {
            tracker.on_started(10);
        }
        tracker.publish();
        assert_eq!(receiver.borrow().time_left, None);
        advance(Duration::from_secs(8)).await;
        tracker.on_finished(ResultKind::Done, 10);
        tracker.on_finished(ResultKind::InDoubt, 10);
        tracker.publish();
        let progress = receiver.borrow().clone();
        assert_eq!((progress.queued, progress.in_flight, progress.ended()), (Some(8), 2, 2));
        // One text in three is spoken: each of the two in flight counts half.
        assert_eq!(progress.time_left, Some(Duration::from_secs(24)));
    }

    #[tokio::test(start_paused = true)]
    async fn time_left_of_a_new_batch_follows_from_learned_durations() {
        let (sender, receiver) = watch::channel(Progress::default());
        let policy = Adaptive::new();
        let total = Some(Duration::from_secs(20));
        (0..50).for_each(|_| policy.learn(&CompletedTask { total, ..CompletedTask::default() }));
        let policy = TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(policy))));
        let texts = Texts { count: 12, characters: 120 };
        let mut tracker = ProgressTracker::new(sender, Some(texts), policy);
        tracker.limits.max_in_flight = 4;
        (0..4).for_each(|_| tracker.on_started(10));
        advance(Duration::from_secs(5)).await;
        tracker.publish();
        let left = receiver.borrow().time_left.unwrap();
        assert!((53..58).contains(&left.as_secs()), "{left:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn request_rate_is_averaged_over_the_last_ten_seconds() {
        let (sender, receiver) = watch::channel(Progress::default());
        let mut tracker = tracker(sender, None);
        tracker.on_started(10);
        for _ in 0..300 {
            tracker.on_request();
            advance(Duration::from_millis(50)).await;
        }
        tracker.publish();
        let rate = receiver.borrow().requests_per_second;
        assert!((19.0..=21.0).contains(&rate), "{rate}");
        advance(Duration::from_secs(60)).await;
        tracker.publish();
        assert!(receiver.borrow().requests_per_second < 0.1);
    }
}
