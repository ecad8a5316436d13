//! The rate limit: a sliding window over the requests that were let through.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::retry_after::RetryAfterFormat;

/// How many requests the API takes in how much time; both of its operations count together.
///
/// A request beyond that is answered 429 with a JSON message and, unless the [`retry_after_format`](Self::retry_after_format) says otherwise,
/// `Retry-After` in seconds. It is not carried out and not billed, does not count against the limit itself, and no
/// [`Script`](super::Script) sees it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{RetryAfterFormat, RateLimit, Simulator};
/// use std::time::Duration;
///
/// let limit = RateLimit::per(1, Duration::from_millis(50)).retry_after_format(RetryAfterFormat::Millis);
/// let simulator = Simulator::builder().rate_limit(limit).start().await?;
/// let client = simulator.client();
///
/// let (one, two) = tokio::join!(client.speak("One").submit(), client.speak("Two").submit());
///
/// assert!(one.is_ok() && two.is_ok(), "the one that was told to wait came back");
/// assert_eq!(simulator.rate_limited(), 1);
/// assert_eq!(simulator.creates(), 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a rate limit does nothing until the simulator is told"]
pub struct RateLimit {
    requests: usize,
    window: Duration,
    retry_after_format: RetryAfterFormat,
}

impl RateLimit {
    /// So many in any one second.
    ///
    /// ```
    /// let limit = distribute_ai::testing::RateLimit::per_second(20);
    /// ```
    ///
    /// # Panics
    ///
    /// For 0 requests: nothing would ever be answered.
    #[track_caller]
    pub fn per_second(requests: usize) -> Self {
        Self::per(requests, Duration::from_secs(1))
    }

    /// So many in any stretch of this length, on tokio's clock.
    ///
    /// # Panics
    ///
    /// For 0 requests or no time.
    #[track_caller]
    pub fn per(requests: usize, window: Duration) -> Self {
        assert!(requests > 0, "a rate limit must let at least 1 request through");
        assert!(!window.is_zero(), "a rate limit must have a window of time");
        Self { requests, window, retry_after_format: RetryAfterFormat::default() }
    }

    /// How a 429 says when the next request will be let through.
    pub fn retry_after_format(mut self, hint: RetryAfterFormat) -> Self {
        self.retry_after_format = hint;
        self
    }
}

/// The limit at work. It remembers no more requests than it lets through in one window.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    admitted: VecDeque<Instant>,
}

/// A request is too many.
#[derive(Debug, PartialEq)]
pub(crate) struct TooMany {
    /// Until then, at least.
    pub(crate) wait: Duration,
    pub(crate) retry_after_format: RetryAfterFormat,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, admitted: VecDeque::new() }
    }

    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), TooMany> {
        let RateLimit { requests, window, retry_after_format: hint } = self.limit;
        // Each request enters and leaves once, so that the cost of one does not depend on the limit.
        while self.admitted.front().is_some_and(|oldest| now.duration_since(*oldest) >= window) {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(oldest) if self.admitted.len() == requests => Err(TooMany {
                wait: window.saturating_sub(now.duration_since(*oldest)),
                retry_after_format: hint,
            }),
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn no_window_of_time_holds_more_than_the_limit_wherever_it_begins() {
        let mut limiter = Limiter::new(RateLimit::per_second(2).retry_after_format(RetryAfterFormat::Date));
        let start = Instant::now();
        let mut at = |time| limiter.admit(start + millis(time)).map_err(|refused| refused.wait);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(900), Ok(()));
        assert_eq!(at(900), Err(millis(100)));
        assert_eq!(at(999), Err(millis(1)));
        assert_eq!(at(1000), Ok(()));
        assert_eq!(at(1000), Err(millis(900)));
        assert_eq!(at(1900), Ok(()));
        assert_eq!(
            limiter.admit(start + millis(1901)).unwrap_err().retry_after_format,
            RetryAfterFormat::Date
        );
    }

    #[test]
    fn what_is_refused_does_not_count_against_the_limit() {
        let mut limiter = Limiter::new(RateLimit::per(1, millis(10)));
        let start = Instant::now();
        for time in 0..100 {
            assert_eq!(limiter.admit(start + millis(time)).is_ok(), time % 10 == 0, "{time}");
        }
    }

    #[test]
    #[should_panic(expected = "at least 1 request")]
    fn a_limit_of_nothing_is_refused() {
        let _ = RateLimit::per_second(0);
    }

    #[test]
    #[should_panic(expected = "a window of time")]
    fn a_limit_in_no_time_is_refused() {
        let _ = RateLimit::per(1, Duration::ZERO);
    }
}
