//! When to ask again: plain functions from what is known to a delay.
//!
//! With a price on each request, the best interval grows with the square root of the age where the scale is unknown,
//! and the status tells more than the age: a task that runs ends soon. The figures come from simulations on
//! synthetic durations; no recorded ones exist yet.

use std::time::Duration;

use super::status::Phase;

/// How a client paces its polls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// By status and age.
    Adaptive,
    /// At a fixed interval.
    Every(Duration),
}

impl Pace {
    /// The delay from the submission to the first poll.
    pub(crate) fn first(self) -> Duration {
        match self {
            Self::Adaptive => Duration::from_secs(1),
            Self::Every(interval) => interval,
        }
    }

    /// The delay from an answer to the next poll: `age` counts from the submission, `in_phase` from the moment the
    /// task began to run.
    pub(crate) fn next(self, phase: Phase, age: Duration, in_phase: Duration) -> Duration {
        match self {
            Self::Every(interval) => interval,
            Self::Adaptive if phase == Phase::Waiting => clamped(age.as_secs_f64().sqrt(), 0.4),
            Self::Adaptive => clamped(0.5 * in_phase.as_secs_f64().sqrt(), 0.25),
        }
    }
}

fn clamped(seconds: f64, least: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(least, 5.0))
}

/// The pause after the `failures`th fault in a row: 0.25 s, doubling to 10 s. A clock of its own: a fault says nothing
/// about how long the task takes.
pub(crate) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    Duration::from_millis(250 << doublings).min(Duration::from_secs(10))
}

/// Ten per cent up or down, so that clients which started together don't stay together.
pub(crate) fn jittered(delay: Duration) -> Duration {
    // Through seconds, as a delay of "never" has no tenth more.
    Duration::try_from_secs_f64(delay.as_secs_f64() * (0.9 + 0.2 * fastrand::f64())).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    #[test]
    fn a_waiting_task_is_asked_less_and_less_often() {
        let delays = [0.0, 1.0, 4.0, 9.0, 100.0]
            .map(|age| Pace::Adaptive.next(Phase::Waiting, seconds(age), Duration::ZERO));
        assert_eq!(delays, [0.4, 1.0, 2.0, 3.0, 5.0].map(seconds));
    }

    #[test]
    fn a_running_task_is_asked_by_the_time_it_runs() {
        let delays = [0.0, 1.0, 4.0, 400.0]
            .map(|in_phase| Pace::Adaptive.next(Phase::Running, seconds(1000.0), seconds(in_phase)));
        assert_eq!(delays, [0.25, 0.5, 1.0, 5.0].map(seconds));
    }

    #[test]
    fn the_backoff_doubles_to_ten_seconds() {
        let pauses: Vec<_> = (1..=8).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(backoff(u32::MAX), seconds(10.0));
    }

    #[test]
    fn jitter_stays_within_ten_per_cent() {
        for _ in 0..1_000 {
            let delay = jittered(seconds(1.0));
            assert!((0.9..=1.1).contains(&delay.as_secs_f64()), "{delay:?}");
        }
        assert!((0..100).any(|_| jittered(seconds(1.0)) != seconds(1.0)));
        assert!(jittered(Duration::MAX) > seconds(1e9), "no overflow");
    }
}
