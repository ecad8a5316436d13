//! A rate limit with a sliding window over the admitted requests.

use std::{collections::VecDeque, num::NonZeroUsize, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use tokio::time::Instant;

use super::{retry_after::RetryAfterFormat, seconds};

/// The number of requests that the API admits in a window of time. Submissions and polls count
/// together.
///
/// A request over the limit receives a 429 with a JSON message and `Retry-After`, by default in
/// seconds. [`retry_after_format`](Self::retry_after_format) selects another format. Such a request
/// is neither processed nor billed. Neither the limit nor a [`Script`](super::Script) counts the
/// request.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{RateLimit, RetryAfterFormat, Simulator};
/// use std::time::Duration;
///
/// let limit = RateLimit::per(1, Duration::from_millis(50))
///     .retry_after_format(RetryAfterFormat::Millis);
/// let simulator = Simulator::builder().rate_limit(limit).start().await?;
/// let client = simulator.client();
///
/// let (one, two) = tokio::join!(client.speak("One").submit(), client.speak("Two").submit());
///
/// assert!(one.is_ok() && two.is_ok(), "the rate-limited submission was retried");
/// assert_eq!(simulator.rate_limited(), 1);
/// assert_eq!(simulator.creates(), 2);
/// # Ok(()) }
/// ```
///
/// In JSON, the window is in seconds: `{ "requests": 20, "window": 1, "retry_after_format": "millis" }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a rate limit does nothing until it is passed to a simulator"]
pub struct RateLimit {
    requests: NonZeroUsize,
    #[serde(serialize_with = "seconds::serialize", deserialize_with = "window")]
    window: Duration,
    #[serde(default)]
    retry_after_format: RetryAfterFormat,
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let window = seconds::deserialize(deserializer)?;
    if window.is_zero() {
        return Err(D::Error::custom("window: 0 s is too short, expected at least 1 ns"));
    }
    Ok(window)
}

impl RateLimit {
    /// Admits `requests` requests in any window of one second.
    ///
    /// ```
    /// let limit = distribute_ai::testing::RateLimit::per_second(20);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `requests` is 0.
    #[track_caller]
    pub fn per_second(requests: usize) -> Self {
        Self::per(requests, Duration::from_secs(1))
    }

    /// Admits `requests` requests in any window of this length, measured on tokio's clock.
    ///
    /// # Panics
    ///
    /// Panics if `requests` or `window` is 0.
    #[track_caller]
    pub fn per(requests: usize, window: Duration) -> Self {
        let requests = NonZeroUsize::new(requests).expect("requests: 0 is too small, expected at least 1");
        assert!(!window.is_zero(), "window: 0 s is too short, expected at least 1 ns");
        Self { requests, window, retry_after_format: RetryAfterFormat::default() }
    }

    /// Sets the format in which a 429 reports when the next request will be admitted.
    pub fn retry_after_format(mut self, format: RetryAfterFormat) -> Self {
        self.retry_after_format = format;
        self
    }
}

/// A [`RateLimit`] in use. It remembers at most as many requests as it admits in one window.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    admitted: VecDeque<Instant>,
}

/// The rejection of a request over the limit.
#[derive(Debug, PartialEq)]
pub(crate) struct LimitExceeded {
    /// The time until the next request can be admitted.
    pub(crate) wait: Duration,
    pub(crate) retry_after_format: RetryAfterFormat,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, admitted: VecDeque::new() }
    }

    /// Admits a request at `now`, or returns how long to wait.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), LimitExceeded> {
        let RateLimit { requests, window, retry_after_format } = self.limit;
        // Each request is added and removed once, so the cost per request does not depend on the limit.
        while self.admitted.front().is_some_and(|oldest| now.duration_since(*oldest) >= window) {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(oldest) if self.admitted.len() == requests.get() => Err(LimitExceeded {
                wait: window.saturating_sub(now.duration_since(*oldest)),
                retry_after_format,
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
    fn limiter_admits_at_most_the_limit_in_every_window() {
        let mut limiter = Limiter::new(RateLimit::per_second(2).retry_after_format(RetryAfterFormat::Date));
        let start = Instant::now();
        let mut at = |time| limiter.admit(start + millis(time)).map_err(|exceeded| exceeded.wait);
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
    fn rejected_request_does_not_count_against_the_limit() {
        let mut limiter = Limiter::new(RateLimit::per(1, millis(10)));
        let start = Instant::now();
        for time in 0..100 {
            assert_eq!(limiter.admit(start + millis(time)).is_ok(), time % 10 == 0, "{time}");
        }
    }

    #[test]
    #[should_panic(expected = "requests: 0 is too small")]
    fn rate_limit_of_zero_requests_panics() {
        let _ = RateLimit::per_second(0);
    }

    #[test]
    #[should_panic(expected = "window: 0 s is too short")]
    fn rate_limit_with_zero_window_panics() {
        let _ = RateLimit::per(1, Duration::ZERO);
    }
}
