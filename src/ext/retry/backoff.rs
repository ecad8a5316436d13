//! The pauses between failed attempts.

use std::time::Duration;

/// Returns the pause after a number of failures in a row: 0.25 s, doubling to 10 s.
///
/// It is independent of the poll policy, because a failure says nothing about how long the task takes.
pub(crate) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    Duration::from_millis(250 << doublings).min(Duration::from_secs(10))
}

/// Returns the delay changed by up to ten per cent up or down, so that clients that started together spread out.
pub(crate) fn with_jitter(delay: Duration) -> Duration {
    // `Duration::MAX` plus ten per cent would overflow.
    Duration::try_from_secs_f64(delay.as_secs_f64() * (0.9 + 0.2 * fastrand::f64())).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_ten_seconds() {
        let pauses: Vec<_> = (1..=8).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(backoff(u32::MAX), Duration::from_secs(10));
    }

    #[test]
    fn jitter_stays_within_ten_per_cent() {
        let second = Duration::from_secs(1);
        for _ in 0..1_000 {
            let delay = with_jitter(second);
            assert!((0.9..=1.1).contains(&delay.as_secs_f64()), "{delay:?}");
        }
        assert!((0..100).any(|_| with_jitter(second) != second));
        assert!(with_jitter(Duration::MAX) > second * 1_000_000_000, "no overflow");
    }
}
