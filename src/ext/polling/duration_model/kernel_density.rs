//! Estimates a distribution of durations from a weighted sample, with a kernel density on the logarithmic scale.
//!
//! The bandwidth follows Silverman's rule of thumb: the kernel's standard deviation is 0.9 · σ · n^(−1/5)
//! (B. W. Silverman, "Density Estimation for Statistics and Data Analysis", 1986, section 3.4.2). σ is the
//! standard deviation of the sample, and n the sum of the weights. The kernels are logistic, so their tails are
//! heavier than those of a normal distribution.
//!
//! The priors are a few wide kernels whose weights add up to one observation. They keep the tails as heavy as
//! those of durations without a scale. Therefore a task that takes longer than all tasks before is polled less
//! and less often, but polling never stops.

use std::f64::consts::PI;

use super::hazard_curve::{EDGES, HazardCurve, log_edges};

/// The widths of the kernel of an observation, as natural logarithms.
///
/// The minimum keeps the exponential functions below in range. The maximum keeps separate modes apart: for a
/// mixture of distributions, Silverman's rule is too wide. A width of 0.18 affects durations that are up to
/// about 20 % shorter or longer.
const WIDTHS: (f64, f64) = (0.02, 0.18);

/// The limit of the resolution of a curve, as a natural logarithm.
const MAX_RESOLUTION: f64 = 3.0;

/// One component of the distribution before anything is learned. `median` is in seconds, `width` is a natural
/// logarithm.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Prior {
    pub(in super::super) weight: f64,
    pub(in super::super) median: f64,
    pub(in super::super) width: f64,
}

/// The logarithm of an observed duration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) log: f64,
    pub(super) weight: f64,
}

/// Returns the curve of the priors.
pub(super) fn prior_curve(priors: &[Prior]) -> HazardCurve {
    let largest = priors.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
    curve(priors, &[], largest.map_or(0.0, |prior| prior.median.ln()), MAX_RESOLUTION, WIDTHS.1)
}

/// Returns the curve of the priors and of a sample with this median and this standard deviation.
pub(super) fn sample_curve(priors: &[Prior], points: &[Point], median: f64, deviation: f64) -> HazardCurve {
    let count: f64 = points.iter().map(|point| point.weight).sum();
    let kernel_deviation = 0.9 * deviation * count.max(1.0).powf(-0.2);
    let width = (kernel_deviation * 3.0_f64.sqrt() / PI).clamp(WIDTHS.0, WIDTHS.1);
    curve(priors, points, median, deviation.clamp(2.0 * width, MAX_RESOLUTION), width)
}

fn curve(priors: &[Prior], points: &[Point], centre: f64, resolution: f64, width: f64) -> HazardCurve {
    let log_edges = log_edges(centre, resolution);
    // For a point z, the weight above the edge e is 1 / (1 + exp((e − z) / width)). The exponential is a product, so
    // that each edge and each point needs only one.
    let exponentials = log_edges.map(|edge| ((edge - centre) / width).exp());
    let mut survival = [0.0; EDGES];
    for point in points {
        let factor = ((centre - point.log) / width).exp();
        for (survival, exponential) in survival.iter_mut().zip(&exponentials) {
            *survival += point.weight / (1.0 + exponential * factor);
        }
    }
    let mut total: f64 = points.iter().map(|point| point.weight).sum();
    for prior in priors {
        total += prior.weight;
        for (survival, edge) in survival.iter_mut().zip(&log_edges) {
            *survival += prior.weight / (1.0 + ((edge - prior.median.ln()) / prior.width).exp());
        }
    }
    HazardCurve::new(&log_edges, &survival.map(|weight| weight / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIORS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

    fn points(count: u32, deviation: f64) -> Vec<Point> {
        // The quantiles of a uniform distribution with this standard deviation.
        let half = 3.0_f64.sqrt() * deviation;
        let part = |index: u32| (f64::from(index) + 0.5) / f64::from(count);
        (0..count).map(|index| Point { log: half * (2.0 * part(index) - 1.0), weight: 1.0 }).collect()
    }

    #[track_caller]
    fn assert_close(value: f64, expected: f64, part: f64) {
        assert!((value / expected - 1.0).abs() < part, "{value} is not within {part} of {expected}");
    }

    #[test]
    fn curve_without_sample_matches_priors() {
        let curve = prior_curve(PRIORS);
        for (quantile, seconds) in [(0.25, 10.0 / 3.0), (0.5, 10.0), (0.75, 30.0)] {
            assert_close(curve.quantile(quantile), seconds, 0.02);
        }
        assert_close(curve.likelihood(10.0, 30.0), 0.5, 0.02);
    }

    #[test]
    fn delay_far_above_median_follows_hazard() {
        // Far above the median, the hazard of a logistic distribution is 1 / (width · age).
        assert_close(prior_curve(PRIORS).delay(1_000.0, 0.05), (2.0_f64 * 0.05 * 1_000.0).sqrt(), 0.1);
    }

    #[test]
    fn kernel_is_as_wide_as_rule_of_thumb() {
        // One point has a kernel with the quartiles exp(±width · ln 3).
        let curve = sample_curve(&[], &[Point { log: 0.0, weight: 32.0 }], 0.0, 0.2);
        let width = 0.9 * 0.2 / 2.0 * 3.0_f64.sqrt() / PI;
        assert_close(curve.quantile(0.75).ln(), width * 3.0_f64.ln(), 0.02);
        assert_close(-curve.quantile(0.25).ln(), width * 3.0_f64.ln(), 0.02);
    }

    #[test]
    fn wide_sample_keeps_modes_apart() {
        let modes = [0.0, 3.0].map(|log| Point { log, weight: 20.0 });
        let curve = sample_curve(PRIORS, &modes, 3.0, 1.5);
        assert!(curve.likelihood(2.5, 10.0) < 0.1, "{}", curve.likelihood(2.5, 10.0));
    }

    #[test]
    fn narrow_sample_gives_narrow_distribution() {
        for deviation in [0.05, 0.1, 0.3] {
            let curve = sample_curve(PRIORS, &points(50, deviation), 0.0, deviation);
            let quartiles = curve.quantile(0.75).ln() - curve.quantile(0.25).ln();
            // Half of the width of the uniform distribution, plus that of the kernel and the prior.
            let uniform = 3.0_f64.sqrt() * deviation;
            assert!((uniform..1.25 * uniform).contains(&quartiles), "{quartiles} for {deviation}");
        }
    }

    #[test]
    fn prior_counts_as_one_observation() {
        let curve = sample_curve(PRIORS, &[Point { log: 0.0, weight: 3.0 }], 0.0, 0.1);
        // A quarter of the weight is the prior, of which 9 / 10 lies above a tenth of its median.
        assert_close(1.0 - curve.likelihood(0.0, 1.0), 0.75 * 0.5 + 0.25 * 10.0 / 11.0, 0.02);
    }
}
