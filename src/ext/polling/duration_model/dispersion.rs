//! The median and the mean absolute deviation of a sample, which outliers affect little.

use std::f64::consts::FRAC_PI_2;

/// The number of observations for which [`PRIOR_DEVIATION`] counts.
const PRIOR_COUNT: f64 = 2.0;

/// The mean absolute deviation before anything is learned, as a natural logarithm.
const PRIOR_DEVIATION: f64 = 0.4;

/// Returns the median. Of an even number of values, this is the larger of the two in the middle. Returns 0 if there
/// are no values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

/// The absolute deviations of weighted values from their median.
///
/// The maximum-likelihood estimate for a Laplace distribution minimises their mean. This is the estimate of least
/// absolute deviations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deviations {
    sum: f64,
    pub(super) count: f64,
}

impl Deviations {
    /// Adds the deviations of values from their median.
    pub(super) fn add(&mut self, values: &[f64], weights: &[f64], median: f64) {
        for (value, weight) in values.iter().zip(weights) {
            self.sum += weight * (value - median).abs();
            self.count += weight;
        }
    }

    /// Returns the mean absolute deviation of the sample and of the prior.
    pub(super) fn mean(self) -> f64 {
        (PRIOR_COUNT * PRIOR_DEVIATION + self.sum) / (PRIOR_COUNT + self.count)
    }

    /// Returns the standard deviation of a normal distribution with the same mean.
    pub(super) fn standard(self) -> f64 {
        FRAC_PI_2.sqrt() * self.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviations(values: &[f64], weight: f64) -> Deviations {
        let mut deviations = Deviations::default();
        deviations.add(values, &vec![weight; values.len()], median(&mut values.to_vec()));
        deviations
    }

    #[test]
    fn median_of_values_is_value_in_middle() {
        assert_eq!(median(&mut [5.0, 1.0, 3.0]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(median(&mut []).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn mean_approaches_that_of_sample() {
        let values = [-0.3, -0.1, 0.0, 0.1, 0.3];
        assert!((deviations(&values, 0.0).mean() - PRIOR_DEVIATION).abs() < 1e-9);
        assert!((deviations(&values, 1.0).mean() - (0.8 + 0.8) / 7.0).abs() < 1e-9);
        assert!((deviations(&values, 1e6).mean() - 0.16).abs() < 1e-5);
    }

    #[test]
    fn outlier_affects_mean_in_proportion_to_its_distance() {
        let mut values = vec![0.0; 100];
        values[7] = 5.0;
        let mean = deviations(&values, 1e6).mean();
        assert!((mean - 0.05).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn standard_deviation_is_that_of_normal_distribution() {
        // The quantiles of a normal distribution with a standard deviation of 0.2.
        let values = [-1.645, -1.036, -0.674, -0.385, -0.126, 0.126, 0.385, 0.674, 1.036, 1.645];
        let standard = deviations(&values.map(|value| 0.2 * value), 1e6).standard();
        assert!((0.18..0.21).contains(&standard), "{standard}");
    }
}
