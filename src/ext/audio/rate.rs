//! Decides when a download is too slow, and when it is given up.

use std::time::Duration;

use tokio::time::Instant;

use crate::ext::{
    retry::backoff::{backoff, with_jitter},
    transport::instant::MAX_WAIT,
};

/// The time over which the rate is averaged.
const WINDOW: Duration = Duration::from_secs(30);

/// The number of failures in a row after which an impatient download fails.
pub(super) const MAX_ATTEMPTS: u32 = 5;

/// The longest `Retry-After` of the audio host that an impatient download waits for: it is without a deadline.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// Measures the rate of one response. Only the time counts in which the download waits for the host, so a slow
/// reader of the audio is not an error.
#[derive(Debug)]
pub(super) struct RateMeter {
    /// The number of bytes that a window must have.
    min_bytes: u64,
    waited: Duration,
    bytes: u64,
}

impl RateMeter {
    /// `min_rate` is in bytes per second.
    pub(super) fn new(min_rate: u64) -> Self {
        Self { min_bytes: window_bytes(min_rate), waited: Duration::ZERO, bytes: 0 }
    }

    /// Returns the time until the rate is judged.
    pub(super) fn remaining(&self) -> Duration {
        if self.min_bytes == 0 { MAX_WAIT } else { WINDOW.saturating_sub(self.waited) }
    }

    /// Counts bytes and the time in which they arrived. Returns `false` if a window has ended with too few bytes.
    pub(super) fn record(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < WINDOW {
            return true;
        }
        let is_enough = self.bytes >= self.min_bytes;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_enough
    }
}

fn window_bytes(min_rate: u64) -> u64 {
    min_rate.saturating_mul(WINDOW.as_secs())
}

/// The failures in a row.
///
/// Only a number of bytes that the least rate gives in a window ends the row. Otherwise, a host that sends one
/// byte for each request would hold a download indefinitely.
#[derive(Debug)]
pub(super) struct Failures {
    pub(super) count: u32,
    first: Option<Instant>,
    /// The number of bytes since the last failure.
    bytes: u64,
    min_bytes: u64,
}

impl Failures {
    pub(super) fn new(min_rate: u64) -> Self {
        Self { count: 0, first: None, bytes: 0, min_bytes: window_bytes(min_rate).max(1) }
    }

    pub(super) fn count_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes >= self.min_bytes {
            (self.count, self.first) = (0, None);
        }
    }

    /// Counts a failure. Returns the pause before the next attempt, or `None` if the download fails.
    ///
    /// After [`MAX_ATTEMPTS`] failures in a row, there is a next attempt only within the patience.
    pub(super) fn record(
        &mut self,
        now: Instant,
        patience: Duration,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        self.count += 1;
        self.bytes = 0;
        let failing_for = now - *self.first.get_or_insert(now);
        let pause = retry_after.unwrap_or_default();
        let delay = pause.max(with_jitter(backoff(self.count)));
        let has_attempts = self.count < MAX_ATTEMPTS && pause <= MAX_DELAY;
        (has_attempts || failing_for.saturating_add(delay) <= patience).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rate_below_the_least_rate_ends_the_window() {
        let mut meter = RateMeter::new(1024);
        assert_eq!(meter.remaining(), WINDOW);
        assert!((0..29).all(|_| meter.record(SECOND, 1023)), "no verdict before the end of the window");
        assert_eq!(meter.remaining(), SECOND);
        assert!(!meter.record(SECOND, 1023));
        assert!((0..90).all(|_| meter.record(SECOND, 1024)));
        // A burst does not count for the next window.
        assert!(meter.record(WINDOW, 1024 * 1024));
        assert!(!meter.record(WINDOW, 1024 * 29));
    }

    #[test]
    fn rate_of_zero_is_no_limit() {
        let mut meter = RateMeter::new(0);
        assert!(meter.record(100 * WINDOW, 0));
        assert_eq!(meter.remaining(), MAX_WAIT);
    }

    #[test]
    fn failures_in_a_row_end_after_the_attempts_or_the_patience() {
        let mut failures = Failures::new(1024);
        let mut now = Instant::now();
        let delays: Vec<_> = std::iter::from_fn(|| failures.record(now, Duration::ZERO, None))
            .map(|d| d.as_secs_f64())
            .collect();
        assert_eq!(delays.len(), 4);
        assert!(delays.iter().sum::<f64>() < 5.0, "{delays:?}");

        let (mut failures, start) = (Failures::new(1024), now);
        while let Some(delay) = failures.record(now, 600 * SECOND, None) {
            now += delay;
        }
        assert!((585..=600).contains(&(now - start).as_secs()), "{:?}", now - start);
    }

    #[test]
    fn failures_continue_the_row_until_the_bytes_of_a_window_arrive() {
        let mut failures = Failures::new(1024);
        let mut fail = |bytes| {
            failures.count_bytes(bytes);
            failures.record(Instant::now(), Duration::ZERO, None).is_some()
        };
        assert!((0..20).all(|_| fail(1024 * 30)));
        assert_eq!((0..20).take_while(|_| fail(1024)).count(), 3, "four attempts, the first one above");
    }

    #[test]
    fn failure_with_long_retry_after_needs_patience() {
        let record = |patience, pause| {
            Failures::new(1).record(Instant::now(), patience, Some(pause)).map(|delay| delay.as_secs())
        };
        assert_eq!(record(Duration::ZERO, 60 * SECOND), Some(60));
        assert_eq!(record(Duration::ZERO, 61 * SECOND), None);
        assert_eq!(record(600 * SECOND, 61 * SECOND), Some(61));
        assert_eq!(record(600 * SECOND, Duration::MAX), None);
    }
}
