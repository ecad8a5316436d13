use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::instant::saturating_add;

/// When the gate opens, those who waited at it go within this time, not in one instant.
const MAX_JITTER: Duration = Duration::from_millis(250);

/// Where `Retry-After` holds back every request of a client, not only the one that was told.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(Mutex<Option<Instant>>);

impl Cooldown {
    /// Closes for as long as the server asked. An earlier, longer wish still holds.
    pub(crate) fn extend(&self, time: Duration) {
        let until = saturating_add(Instant::now(), time);
        let mut opens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *opens = Some(opens.map_or(until, |opens| opens.max(until)));
    }

    /// How long it stays closed, if it is.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let left = self.ends_at()?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// Sleeps until it is due and the gate is open, or until the deadline if that comes first. A gate that closes
    /// meanwhile counts; at the deadline it doesn't, so ask [`closed_for`](Self::closed_for) where it should.
    pub(crate) async fn wait_until(&self, due: Instant, deadline: Instant) {
        let mut until = due;
        loop {
            sleep_until(until.min(deadline)).await;
            let now = Instant::now();
            match self.ends_at() {
                Some(opens) if opens > now && now < deadline => {
                    until = opens + jitter();
                }
                _ => return,
            }
        }
    }

    fn ends_at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long after the gate's opening to go: those who waited together go apart.
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
    async fn the_longest_wish_holds_and_passes() {
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
    async fn a_gate_that_closes_while_somebody_sleeps_holds_them_too() {
        let (cooldown, start) = (Cooldown::default(), Instant::now());
        let closing = async {
            sleep_until(start + secs(1)).await;
            cooldown.extend(secs(60));
        };
        tokio::join!(cooldown.wait_until(start + secs(5), start + secs(600)), closing);
        assert!(start.elapsed() >= secs(61), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_comes_before_the_gate() {
        let (cooldown, start) = (Cooldown::default(), Instant::now());
        cooldown.extend(secs(3600));
        cooldown.wait_until(start, start + secs(10)).await;
        assert_eq!(start.elapsed(), secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn for_ever_is_no_overflow() {
        let cooldown = Cooldown::default();
        cooldown.extend(Duration::MAX);
        assert!(cooldown.remaining().unwrap() > secs(1_000_000));
    }
}
