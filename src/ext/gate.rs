use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

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

    /// The first moment at or after `due` at which the gate is open.
    pub(crate) fn next(&self, due: Instant) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map_or(due, |opens| opens.max(due))
    }
}

/// `start + time`, or thirty years on where that can't be told: `Duration::MAX` is a fine way to say "for ever".
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    start + time.min(FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_wish_holds() {
        let (gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.next(now), now);
        gate.close_for(Duration::from_secs(5));
        gate.close_for(Duration::from_secs(2));
        assert_eq!(gate.next(now), now + Duration::from_secs(5));
        assert_eq!(gate.next(now + Duration::from_secs(9)), now + Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn for_ever_is_no_overflow() {
        assert!(after(Instant::now(), Duration::MAX) > Instant::now());
    }
}
