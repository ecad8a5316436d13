//! Arithmetic with instants that cannot overflow.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait, 30 years: an instant of every platform can hold the sum.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns `start + time`, at most [`MAX_WAIT`] later. So `Duration::MAX` means indefinitely.
pub(crate) fn saturating_add(start: Instant, time: Duration) -> Instant {
    start + time.min(MAX_WAIT)
}
