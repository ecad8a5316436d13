//! Detects that the server has become faster or slower.
//!
//! This is Page's cumulative sum of log-likelihood ratios (E. S. Page, "Continuous inspection schemes",
//! Biometrika 41, 1954). The hypotheses are the learned distribution, and a wide distribution with the same median.
//! The sum restarts at 0 whenever it falls below 0. If it exceeds a limit, the server changed when the sum was last
//! 0.

use super::hazard_curve::HazardCurve;

/// The width of the logistic distribution after a change, as a natural logarithm. For a factor of 2 in either
/// direction, its density is near the maximum.
const WIDTH: f64 = 0.7;

/// The largest log-likelihood ratio of one duration. Two of them do not exceed [`LIMIT`], so that two outliers are no
/// change.
const MAX_STEP: f64 = 3.0;

/// The sum at which the server has changed.
const LIMIT: f64 = 6.0;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChangeDetector {
    sum: f64,
    /// The number of durations since the sum was 0.
    count: usize,
}

impl ChangeDetector {
    /// Returns `true` if the last durations were unexpected, but too few for a change.
    pub(super) fn is_suspected(&self) -> bool {
        self.count > 0
    }

    /// Adds a duration, and the distribution that was learned before the suspected change. Returns the number of durations
    /// since the server changed, if a change is detected.
    pub(super) fn update(&mut self, duration: f64, expected: &HazardCurve) -> Option<usize> {
        let tail = (-(duration / expected.median_after(0.0)).ln().abs() / WIDTH).exp();
        let changed = tail / ((1.0 + tail) * (1.0 + tail)) / WIDTH;
        let ratio = changed / expected.log_density(duration);
        let step = ratio.ln();
        if step.is_nan() {
            return None;
        }
        self.sum += step.clamp(-MAX_STEP, MAX_STEP);
        self.count += 1;
        let detected = (self.sum > LIMIT).then_some(self.count);
        if self.sum <= 0.0 || detected.is_some() {
            *self = Self::default();
        }
        detected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::polling::duration_model::kernel_density::{Point, sample_curve};

    /// Returns the distribution after many durations of about 10 s, each within a factor of about 1.25.
    fn ten_seconds() -> HazardCurve {
        let logs = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3].map(|log| 10.0_f64.ln() + log);
        sample_curve(&[], &logs.map(|log| Point { log, weight: 10.0 }), logs[3], 0.2)
    }

    /// Returns the result for the first duration at which a change is detected, and the number of durations until then.
    fn first_change(durations: impl IntoIterator<Item = f64>) -> Option<(usize, usize)> {
        let (mut detector, curve) = (ChangeDetector::default(), ten_seconds());
        durations
            .into_iter()
            .zip(1..)
            .find_map(|(duration, index)| detector.update(duration, &curve).map(|count| (index, count)))
    }

    #[test]
    fn server_twice_as_fast_or_slow_is_noticed_after_few_tasks() {
        for durations in [[5.0; 5], [20.0; 5]] {
            let (index, count) = first_change(durations).expect("a change");
            assert!(index <= 3 && count == index, "{index} {count}");
        }
    }

    #[test]
    fn faster_and_slower_duration_count_the_same() {
        // Within the limits of a step, so that the median matters.
        for log in [0.4_f64, 0.45, 0.5] {
            let [faster, slower] = [-log, log].map(|log| {
                let mut detector = ChangeDetector::default();
                detector.update(10.0 * log.exp(), &ten_seconds());
                detector.sum
            });
            assert!((0.1..2.9).contains(&faster), "{faster} for {log}");
            assert!((faster / slower - 1.0).abs() < 0.1, "{faster} {slower} for {log}");
        }
    }

    #[test]
    fn change_starts_after_last_expected_duration() {
        let durations = [10.0, 9.0, 40.0, 11.0, 10.0, 9.0, 40.0, 50.0, 45.0];
        assert_eq!(first_change(durations), Some((9, 3)));
    }

    #[test]
    fn expected_durations_are_no_change() {
        assert_eq!(first_change([8.0, 12.0, 10.0, 13.0, 7.5, 9.0, 11.0].repeat(200)), None);
    }

    #[test]
    fn outlier_after_every_three_tasks_is_no_change() {
        assert_eq!(first_change([500.0, 10.0, 11.0, 9.0].repeat(200)), None);
    }

    #[test]
    fn invalid_duration_is_ignored() {
        assert_eq!(first_change([f64::NAN; 10]), None);
    }
}
