use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// When the gate opens, those who waited at it go within this time, not in one instant.
const SPREAD: Duration = Duration::from_millis(250);

/// Where `Retry-After` holds back every request of a client, not only the one that was told.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Closes for as long as the server asked. An earlier, longer wish still holds.
    pub(crate) fn close_for(&self, time: Duration) {
        let until = after(Instant::now(), time);
        let mut opens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *opens = Some(opens.map_or(until, |opens| opens.max(until)));
    }

    /// How long it stays closed, if it is.
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        let left = self.opens()?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// Sleeps until it is due and the gate is open, or until the deadline if that comes first. A gate that closes
    /// meanwhile counts; at the deadline it doesn't, so ask [`closed_for`](Self::closed_for) where it should.
    pub(crate) async fn pass(&self, due: Instant, deadline: Instant) {
        let mut until = due;
        loop {
            sleep_until(until.min(deadline)).await;
            let now = Instant::now();
            match self.opens() {
                Some(opens) if opens > now && now < deadline => {
                    until = opens + spread();
                }
                _ => return,
            }
        }
    }

    fn opens(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long after the gate's opening to go: those who waited together go apart.
pub(crate) fn spread() -> Duration {
    SPREAD.mul_f64(fastrand::f64())
}

/// Thirty years: as long as a clock can tell, everywhere.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `start + time`, or as far on as can be told: `Duration::MAX` is a fine way to say "for ever".
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    start + time.min(FOR_EVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wish_holds_and_passes() {
        let (gate, start) = (Gate::default(), Instant::now());
        assert_eq!(gate.closed_for(), None);
        gate.close_for(secs(5));
        gate.close_for(secs(2));
        assert_eq!(gate.closed_for(), Some(secs(5)));
        gate.pass(start, start + secs(60)).await;
        assert!((secs(5)..=secs(5) + SPREAD).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(gate.closed_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_closes_while_somebody_sleeps_holds_them_too() {
        let (gate, start) = (Gate::default(), Instant::now());
        let closing = async {
            sleep_until(start + secs(1)).await;
            gate.close_for(secs(60));
        };
        tokio::join!(gate.pass(start + secs(5), start + secs(600)), closing);
        assert!(start.elapsed() >= secs(61), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_comes_before_the_gate() {
        let (gate, start) = (Gate::default(), Instant::now());
        gate.close_for(secs(3600));
        gate.pass(start, start + secs(10)).await;
        assert_eq!(start.elapsed(), secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn for_ever_is_no_overflow() {
        let gate = Gate::default();
        gate.close_for(Duration::MAX);
        assert!(gate.closed_for().unwrap() > secs(1_000_000));
    }
}
