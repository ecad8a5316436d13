//! The pause that a server asks for with `Retry-After`.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::instant::saturating_add;
use crate::{Error, ext::error::ApiErrorResponse};

/// Requests that wait for the end of a cooldown are spread over this time.
const MAX_JITTER: Duration = Duration::from_millis(250);

/// An extension of a cooldown by less than this time is not logged.
const MIN_LOGGED: Duration = Duration::from_secs(1);

/// The default limit of a cooldown.
pub(crate) const MAX_COOLDOWN: Duration = Duration::from_secs(5 * 60);

/// A pause of all requests of a client, after any of them received a 429 or 503 with `Retry-After`.
#[derive(Debug)]
pub(crate) struct Cooldown {
    longest: Duration,
    current: watch::Sender<Option<Pause>>,
}

#[derive(Debug)]
struct Pause {
    /// The time of the last response that started or extended the pause.
    since: Instant,
    until: Instant,
    /// The response that determines the end.
    response: ApiErrorResponse,
}

impl Cooldown {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, current: watch::Sender::new(None) }
    }

    /// Limits a time that the server asks for, because its value may be wrong.
    pub(crate) fn limit(&self, time: Duration) -> Duration {
        time.min(self.longest)
    }

    /// Starts or extends a cooldown if the response asks for a pause. Never shortens a cooldown.
    pub(crate) fn on_error_response(&self, response: &ApiErrorResponse) {
        let pauses =
            matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let Some(requested) = response.retry_after.filter(|_| pauses) else { return };
        let now = Instant::now();
        let until = saturating_add(now, self.limit(requested));
        let mut extended_by = Duration::ZERO;
        self.current.send_if_modified(|current| {
            let end = current.as_ref().map_or(now, |pause| pause.until.max(now));
            extended_by = until.saturating_duration_since(end);
            *current = match current.take() {
                Some(pause) if pause.until >= until => Some(Pause { since: now, ..pause }),
                _ => Some(Pause { since: now, until, response: response.clone() }),
            };
            !extended_by.is_zero()
        });
        // Many requests may receive the same response.
        if extended_by >= MIN_LOGGED {
            tracing::warn!(
                status = response.status.as_u16(),
                retry_after = ?requested,
                cooldown = ?self.limit(requested),
                "requests paused, as the server asks"
            );
        }
    }

    /// Ends the cooldown if the request was sent after it began: the server accepts requests again.
    pub(crate) fn on_success(&self, sent_at: Instant) {
        self.current.send_if_modified(|current| current.take_if(|pause| pause.since < sent_at).is_some());
    }

    /// Returns the end of the cooldown, or `None` outside a cooldown.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        Some(self.current.borrow().as_ref()?.until).filter(|until| *until > Instant::now())
    }

    /// Returns the time until the cooldown ends, or `None` outside a cooldown.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        Some(self.ends_at()?.saturating_duration_since(Instant::now()))
    }

    /// Returns the error of a request that cannot be sent during the cooldown. `None` outside a cooldown.
    pub(crate) fn rate_limited(&self) -> Option<Error> {
        let remaining = self.remaining()?;
        let response = self.current.borrow().as_ref()?.response.clone();
        Some(Error::rate_limited(remaining).with_source(Error::rejected(response)))
    }

    /// Sleeps until `due` and until no cooldown runs, at most until the deadline.
    ///
    /// Returns an error as soon as a cooldown runs that ends after the deadline.
    pub(crate) async fn wait_until(&self, due: Instant, deadline: Instant) -> Result<(), Error> {
        let mut changes = self.current.subscribe();
        let mut due = due.min(deadline);
        loop {
            changes.mark_unchanged();
            let mut wake_at = due;
            if let Some(until) = self.ends_at() {
                if until > deadline
                    && let Some(error) = self.rate_limited()
                {
                    return Err(error);
                }
                wake_at = due.max(until + jitter()).min(deadline);
            }
            // A timer takes up to a millisecond, even if its time has passed.
            if wake_at <= Instant::now() || timeout_at(wake_at, changes.changed()).await.is_err() {
                return Ok(());
            }
            if self.remaining().is_none() {
                // The cooldown ended early.
                due = due.max(Instant::now() + jitter()).min(deadline);
            }
        }
    }
}

/// Returns a random delay of up to 250 ms, so that requests do not leave together at the end of a cooldown.
pub(crate) fn jitter() -> Duration {
    MAX_JITTER.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;
    use crate::ext::captured_log::CapturedLog;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn cooldown() -> Cooldown {
        Cooldown::new(MAX_COOLDOWN)
    }

    fn response(status: u16, retry_after: u64) -> ApiErrorResponse {
        ApiErrorResponse {
            status: StatusCode::from_u16(status).unwrap(),
            message: None,
            retry_after: Some(secs(retry_after)),
            request_id: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn longest_cooldown_counts_and_ends() {
        let (cooldown, start) = (cooldown(), Instant::now());
        assert_eq!(cooldown.remaining(), None);
        cooldown.on_error_response(&response(429, 5));
        cooldown.on_error_response(&response(503, 2));
        assert_eq!(cooldown.remaining(), Some(secs(5)));
        cooldown.wait_until(start, start + secs(60)).await.unwrap();
        assert!((secs(5)..=secs(5) + MAX_JITTER).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(cooldown.remaining(), None);
        assert!(cooldown.rate_limited().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn hundred_waits_are_spread_after_a_cooldown_however_it_ends() {
        for ends_early in [false, true] {
            let (cooldown, start) = (cooldown(), Instant::now());
            cooldown.on_error_response(&response(429, 5));
            let waits = (0..100).map(|_| async {
                cooldown.wait_until(start, start + secs(60)).await.unwrap();
                start.elapsed()
            });
            let end = async {
                if ends_early {
                    sleep_until(start + secs(2)).await;
                    cooldown.on_success(Instant::now());
                }
            };
            let (mut ends, ()) = tokio::join!(futures_util::future::join_all(waits), end);
            let base = if ends_early { secs(2) } else { secs(5) };
            ends.sort_unstable();
            assert!(ends.iter().all(|end| (base..=base + MAX_JITTER).contains(end)), "{ends:?}");
            let gaps = ends.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
            assert!(gaps.max().unwrap() < MAX_JITTER / 4, "{ends:?}");
            ends.dedup();
            assert!(ends.len() > 40, "the timer rounds to milliseconds: {ends:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cooldown_is_over_at_its_end_which_may_be_the_deadline() {
        let (cooldown, start) = (cooldown(), Instant::now());
        cooldown.on_error_response(&response(429, 5));
        cooldown.on_success(start);
        assert_eq!(cooldown.remaining(), Some(secs(5)), "a request of the same moment proves nothing");
        cooldown.wait_until(start, start + secs(5)).await.unwrap();
        assert_eq!((start.elapsed(), cooldown.remaining()), (secs(5), None));
    }

    #[tokio::test(start_paused = true)]
    async fn other_statuses_start_no_cooldown() {
        for status in [302, 400, 404, 408, 425, 499, 500, 502, 504] {
            let cooldown = cooldown();
            cooldown.on_error_response(&response(status, 31_536_000));
            assert_eq!(cooldown.remaining(), None, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn absurd_retry_after_is_limited() {
        for retry_after in [31_536_000, u64::MAX] {
            let cooldown = cooldown();
            cooldown.on_error_response(&response(429, retry_after));
            assert_eq!(cooldown.remaining(), Some(MAX_COOLDOWN));
        }
        let disabled = Cooldown::new(Duration::ZERO);
        disabled.on_error_response(&response(429, 5));
        assert_eq!(disabled.remaining(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_success_of_later_request_ends_cooldown() {
        let cooldown = cooldown();
        let sent_before = Instant::now();
        tokio::time::advance(secs(1)).await;
        cooldown.on_error_response(&response(429, 60));
        cooldown.on_success(sent_before);
        assert_eq!(cooldown.remaining(), Some(secs(60)));

        tokio::time::advance(secs(1)).await;
        let sent_between = Instant::now();
        tokio::time::advance(secs(1)).await;
        cooldown.on_error_response(&response(429, 1));
        cooldown.on_success(sent_between);
        assert_eq!(cooldown.remaining(), Some(secs(58)), "a later response confirmed the cooldown");

        tokio::time::advance(secs(1)).await;
        cooldown.on_success(Instant::now());
        assert_eq!(cooldown.remaining(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn cooldown_that_starts_during_a_wait_extends_it() {
        let (cooldown, start) = (cooldown(), Instant::now());
        let extend = async {
            sleep_until(start + secs(1)).await;
            cooldown.on_error_response(&response(429, 60));
        };
        let (waited, ()) = tokio::join!(cooldown.wait_until(start + secs(5), start + secs(600)), extend);
        waited.unwrap();
        assert!(start.elapsed() >= secs(61), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn cooldown_that_ends_early_releases_its_waits() {
        let (cooldown, start) = (cooldown(), Instant::now());
        cooldown.on_error_response(&response(429, 60));
        let end = async {
            sleep_until(start + secs(1)).await;
            cooldown.on_success(Instant::now());
        };
        let (waited, ()) = tokio::join!(cooldown.wait_until(start, start + secs(600)), end);
        waited.unwrap();
        assert!((secs(1)..=secs(1) + MAX_JITTER).contains(&start.elapsed()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn wait_fails_at_once_if_cooldown_ends_after_deadline() {
        let (cooldown, start) = (cooldown(), Instant::now());
        let begin = async {
            sleep_until(start + secs(1)).await;
            cooldown.on_error_response(&response(429, 60));
        };
        let (waited, ()) = tokio::join!(cooldown.wait_until(start + secs(5), start + secs(20)), begin);
        let error = waited.unwrap_err();
        assert!(error.is_rate_limited());
        assert_eq!(error.retry_after(), Some(secs(60)));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "server rejected the request: 429 Too Many Requests");
        assert_eq!(start.elapsed(), secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn cooldown_is_logged_once_for_many_equal_responses() {
        let (log, cooldown) = (CapturedLog::start(), cooldown());
        for _ in 0..10 {
            cooldown.on_error_response(&response(429, 5));
            tokio::time::advance(Duration::from_millis(50)).await;
        }
        assert_eq!(log.text().matches("requests paused, as the server asks").count(), 1, "{}", log.text());
    }
}
