//! Arithmetic with instants that cannot overflow.

use std::time::Duration;

use tokio::time::Instant;

/// Thirty years: as long as a clock can tell, everywhere.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `start + time`, or as far on as can be told: `Duration::MAX` is a fine way to say "for ever".
pub(crate) fn saturating_add(start: Instant, time: Duration) -> Instant {
    start + time.min(MAX_WAIT)
}
