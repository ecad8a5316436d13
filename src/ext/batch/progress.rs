//! The progress of a batch.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::watch, time::Instant};

/// The progress of a batch, from [`Results::progress`](super::Results::progress).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of requests that are not started. `None` for a stream, whose length is unknown.
    pub queued: Option<usize>,
    /// The number of requests that are started and not finished.
    pub in_flight: usize,
    /// The number of requests that ended with a speech.
    pub done: usize,
    /// The number of requests that ended with an error other than in doubt.
    pub failed: usize,
    /// The number of requests that ended in doubt: they may be billed.
    pub in_doubt: usize,
    /// The number of requests to the API per second, averaged over the last ten seconds.
    pub requests_per_second: f64,
    /// The estimated time until the batch is finished, at the pace so far. `None` before the first
    /// result, and for a stream.
    pub time_left: Option<Duration>,
    /// The time until which all requests are held back, because the server responded with 429, or
    /// with 503 and `Retry-After`. `None` if requests are sent.
    pub held_until: Option<std::time::Instant>,
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
    pub(crate) fn new(sender: watch::Sender<Progress>, queued: Option<usize>) -> Self {
        let progress = Progress { queued, ..Progress::default() };
        Self { progress, started: None, recent: VecDeque::new(), sender }
    }

    pub(crate) fn on_started(&mut self) {
        self.started.get_or_insert_with(Instant::now);
        self.progress.queued = self.progress.queued.map(|queued| queued.saturating_sub(1));
        self.progress.in_flight += 1;
    }

    pub(crate) fn on_finished(&mut self, result: ResultKind) {
        self.progress.in_flight -= 1;
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

    pub(crate) fn on_hold(&mut self, held_until: Option<Instant>, unavailable_since: Option<Instant>) {
        self.progress.held_until = held_until.map(Instant::into_std);
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

    fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let (remaining, ended) = (self.progress.queued? + self.progress.in_flight, self.progress.ended());
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let ratio = remaining as f64 / ended as f64;
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * ratio).ok().filter(|_| ended > 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_left_is_estimated_from_the_pace_so_far() {
        let (sender, receiver) = watch::channel(Progress::default());
        let mut tracker = ProgressTracker::new(sender, Some(10));
        for _ in 0..4 {
            tracker.on_started();
        }
        tracker.publish();
        assert_eq!(receiver.borrow().time_left, None);
        advance(Duration::from_secs(8)).await;
        tracker.on_finished(ResultKind::Done);
        tracker.on_finished(ResultKind::InDoubt);
        tracker.publish();
        let progress = receiver.borrow().clone();
        assert_eq!((progress.queued, progress.in_flight, progress.ended()), (Some(6), 2, 2));
        assert_eq!(progress.time_left, Some(Duration::from_secs(32)));
    }

    #[tokio::test(start_paused = true)]
    async fn request_rate_is_averaged_over_the_last_ten_seconds() {
        let (sender, receiver) = watch::channel(Progress::default());
        let mut tracker = ProgressTracker::new(sender, None);
        tracker.on_started();
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
