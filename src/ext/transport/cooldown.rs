//! The pause that a server asks for with `Retry-After`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::instant::saturating_add;

/// Requests that wait for the end of a cooldown are spread over this time.
const MAX_JITTER: Duration = Duration::from_millis(250);

/// A pause of all requests of a client, after any of them received a `Retry-After`.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(Mutex<Option<Instant>>);

impl Cooldown {
    /// Starts a cooldown. Never shortens one that is already running.
    pub(crate) fn extend(&self, time: Duration) {
        let end = saturating_add(Instant::now(), time);
        let mut ends_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ends_at = Some(ends_at.map_or(end, |running| running.max(end)));
    }

    /// Returns the time until the cooldown ends, or `None` outside a cooldown.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let remaining = self.ends_at()?.saturating_duration_since(Instant::now());
        Some(remaining).filter(|remaining| !remaining.is_zero())
    }

    /// Sleeps until `due` has passed and no cooldown runs, or until the deadline.
    ///
    /// A cooldown that starts meanwhile counts. At the deadline it does not: where it should, check
    /// [`remaining`](Self::remaining).
    pub(crate) async fn wait_until(&self, due: Instant, deadline: Instant) {
        let mut until = due;
        loop {
            sleep_until(until.min(deadline)).await;
            let now = Instant::now();
            match self.ends_at() {
                Some(ends_at) if ends_at > now && now < deadline => until = ends_at + jitter(),
                _ => return,
            }
        }
    }

    fn ends_at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a random delay of up to 250 ms, so that requests do not leave together at the end of a cooldown.
pub(crate) fn jitter() -> Duration {
    MAX_JITTER.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn longest_cooldown_counts_and_ends() {
        let (cooldown, start) = (Cooldown::default(), Instant::now());
        assert_eq!(cooldown.remaining(), None);
        cooldown.extend(secs(5));
        cooldown.extend(secs(2));
        assert_eq!(cooldown.remaining(), Some(secs(5)));
        cooldown.wait_until(start, start + secs(60)).await;
        assert!((secs(5)..=secs(5) + MAX_JITTER).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(cooldown.remaining(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn cooldown_that_starts_during_a_wait_extends_it() {
        let (cooldown, start) = (Cooldown::default(), Instant::now());
        let extend = async {
            sleep_until(start + secs(1)).await;
            cooldown.extend(secs(60));
        };
        tokio::join!(cooldown.wait_until(start + secs(5), start + secs(600)), extend);
        assert!(start.elapsed() >= secs(61), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn wait_ends_at_the_deadline_during_a_cooldown() {
        let (cooldown, start) = (Cooldown::default(), Instant::now());
        cooldown.extend(secs(3600));
        cooldown.wait_until(start, start + secs(10)).await;
        assert_eq!(start.elapsed(), secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn longest_duration_does_not_overflow() {
        let cooldown = Cooldown::default();
        cooldown.extend(Duration::MAX);
        assert!(cooldown.remaining().unwrap() > secs(1_000_000));
    }
}
