//! Arithmetic with instants that cannot overflow.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait, 30 years: an instant of every platform can hold the sum.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns `start + time`, at most [`MAX_WAIT`] later. So `Duration::MAX` means indefinitely.
pub(crate) fn saturating_add(start: Instant, time: Duration) -> Instant {
    start + time.min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_added_up_to_thirty_years() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(saturating_add(start, second), start + second);
        assert_eq!(saturating_add(start, Duration::MAX), start + 946_080_000 * second);
    }
}
