//! The server's own times. The API's document has bare numbers without a unit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Numbers from here on are milliseconds, smaller ones seconds: as seconds this is the year 5138, as milliseconds
/// March 1973, and no task is as old or as young as that.
const MILLISECONDS_FROM: f64 = 1e11;

/// A moment since the epoch, in the unit that its magnitude tells; none if no clock could tell it.
pub(crate) fn timestamp(number: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(since_epoch(number)?)
}

/// From one moment to another; none if they stand in the wrong order.
pub(crate) fn elapsed(from: f64, to: f64) -> Option<Duration> {
    since_epoch(to)?.checked_sub(since_epoch(from)?)
}

fn since_epoch(number: f64) -> Option<Duration> {
    let seconds = if number < MILLISECONDS_FROM { number } else { number / 1_000.0 };
    Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds < MILLISECONDS_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_told_by_the_magnitude() {
        let seconds = timestamp(1_700_000_000.5).unwrap();
        assert_eq!(seconds, UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
        assert_eq!(timestamp(1_700_000_000_500.0), Some(seconds));
        assert_eq!(elapsed(1_700_000_000.0, 1_700_000_002.5), Some(Duration::from_millis(2_500)));
        assert_eq!(elapsed(1_700_000_000_000.0, 1_700_000_002_500.0), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn each_number_has_its_own_unit() {
        assert_eq!(elapsed(1_700_000_000.0, 1_700_000_002_500.0), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for number in [-1.0, f64::NAN, f64::INFINITY, 1e15] {
            assert_eq!(timestamp(number), None, "{number}");
        }
        assert_eq!(elapsed(1_700_000_002.0, 1_700_000_000.0), None);
    }
}
