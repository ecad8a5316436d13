//! How far a batch is.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::watch, time::Instant};

/// How far a batch is, by [`Results::progress`](super::Results::progress).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Not begun. None for a stream, of which nobody knows how much is to come.
    pub queued: Option<usize>,
    /// Begun and not ended: being submitted, or being waited for.
    pub in_flight: usize,
    /// Ended with a speech.
    pub done: usize,
    /// Ended with an error other than a doubt.
    pub failed: usize,
    /// Ended in doubt: may have been billed, and no id came back.
    pub in_doubt: usize,
    /// Requests to the API, on average of the last ten seconds.
    pub requests_per_second: f64,
    /// The time that what is queued and in flight will take, if it goes on as it went so far. None before the first has
    /// ended, and for a stream.
    pub time_left: Option<Duration>,
}

impl Progress {
    /// How many have ended, well or badly. See [`Results::progress`](super::Results::progress).
    #[must_use]
    pub fn ended(&self) -> usize {
        self.done + self.failed + self.in_doubt
    }
}

/// How many seconds the rate of requests is averaged over.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Counts, and tells those who watch.
pub(crate) struct ProgressTracker {
    progress: Progress,
    /// When the first request was taken.
    started: Option<Instant>,
    /// How many requests went out, by time in slices.
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
    pub(crate) fn new(told: watch::Sender<Progress>, queued: Option<usize>) -> Self {
        let progress = Progress { queued, ..Progress::default() };
        Self { progress, started: None, recent: VecDeque::new(), sender: told }
    }

    pub(crate) fn on_started(&mut self) {
        self.started.get_or_insert_with(Instant::now);
        self.progress.queued = self.progress.queued.map(|queued| queued.saturating_sub(1));
        self.progress.in_flight += 1;
    }

    pub(crate) fn on_finished(&mut self, end: ResultKind) {
        self.progress.in_flight -= 1;
        match end {
            ResultKind::Done => self.progress.done += 1,
            ResultKind::Failed => self.progress.failed += 1,
            ResultKind::InDoubt => self.progress.in_doubt += 1,
        }
    }

    pub(crate) fn on_request(&mut self) {
        /// Fine enough for an average over ten seconds, and few.
        const SLICE: Duration = Duration::from_millis(250);
        let now = Instant::now();
        match self.recent.back_mut() {
            Some((start, count)) if now - *start < SLICE => *count += 1,
            _ => self.recent.push_back((now, 1)),
        }
    }

    /// Tells those who watch, if there are any and there is something new.
    pub(crate) fn publish(&mut self) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let elapsed = self.started.map_or(Duration::ZERO, |begun| begun.elapsed());
        while self.recent.front().is_some_and(|(start, _)| start.elapsed() > RATE_WINDOW) {
            self.recent.pop_front();
        }
        let requests: u32 = self.recent.iter().map(|(_, count)| count).sum();
        // Of the first seconds there is less to average over; the first moments say nothing.
        let span = elapsed.clamp(Duration::from_secs(1), RATE_WINDOW);
        self.progress.requests_per_second = f64::from(requests) / span.as_secs_f64();
        self.progress.time_left = self.time_left(elapsed);
        let progress = &self.progress;
        self.sender.send_if_modified(|told| {
            let news = told != progress;
            if news {
                told.clone_from(progress);
            }
            news
        });
    }

    fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let (left, ended) = (self.progress.queued? + self.progress.in_flight, self.progress.ended());
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let ratio = left as f64 / ended as f64;
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * ratio).ok().filter(|_| ended > 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_left_is_as_long_as_it_took_so_far() {
        let (told, watched) = watch::channel(Progress::default());
        let mut tally = ProgressTracker::new(told, Some(10));
        for _ in 0..4 {
            tally.on_started();
        }
        tally.publish();
        assert_eq!(watched.borrow().time_left, None);
        advance(Duration::from_secs(8)).await;
        tally.on_finished(ResultKind::Done);
        tally.on_finished(ResultKind::InDoubt);
        tally.publish();
        let progress = watched.borrow().clone();
        assert_eq!((progress.queued, progress.in_flight, progress.ended()), (Some(6), 2, 2));
        assert_eq!(progress.time_left, Some(Duration::from_secs(32)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_ten_seconds() {
        let (told, watched) = watch::channel(Progress::default());
        let mut tally = ProgressTracker::new(told, None);
        tally.on_started();
        for _ in 0..300 {
            tally.on_request();
            advance(Duration::from_millis(50)).await;
        }
        tally.publish();
        let rate = watched.borrow().requests_per_second;
        assert!((19.0..=21.0).contains(&rate), "{rate}");
        advance(Duration::from_secs(60)).await;
        tally.publish();
        assert!(watched.borrow().requests_per_second < 0.1);
    }
}
