//! Server timestamps. The API's document defines them as numbers without a unit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The smallest number that is interpreted as milliseconds. Smaller numbers are seconds.
///
/// As seconds the limit is the year 5138, as milliseconds it is March 1973. No timestamp of a task is in the
/// range where both units would be plausible.
const MILLISECONDS_FROM: f64 = 1e11;

/// Converts a server timestamp. The magnitude decides the unit. Returns `None` if the number is not a valid
/// timestamp.
pub(crate) fn timestamp(number: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(since_epoch(number)?)
}

/// Returns the time between two server timestamps, or `None` if one is invalid or `to` is before `from`.
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
    fn unit_is_derived_from_magnitude() {
        let seconds = timestamp(1_700_000_000.5).unwrap();
        assert_eq!(seconds, UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
        assert_eq!(timestamp(1_700_000_000_500.0), Some(seconds));
        assert_eq!(elapsed(1_700_000_000.0, 1_700_000_002.5), Some(Duration::from_millis(2_500)));
        assert_eq!(elapsed(1_700_000_000_000.0, 1_700_000_002_500.0), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn elapsed_accepts_mixed_units() {
        assert_eq!(elapsed(1_700_000_000.0, 1_700_000_002_500.0), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn invalid_timestamp_is_none() {
        for number in [-1.0, f64::NAN, f64::INFINITY, 1e15] {
            assert_eq!(timestamp(number), None, "{number}");
        }
        assert_eq!(elapsed(1_700_000_002.0, 1_700_000_000.0), None);
    }

    #[test]
    fn unit_changes_at_a_hundred_billion() {
        assert_eq!(timestamp(1e11), Some(UNIX_EPOCH + Duration::from_secs(100_000_000)));
        assert_eq!(timestamp(1e14), None);
    }
}
