//! The hazard of a distribution of durations, and the poll intervals that follow from it.
//!
//! With the hazard h(t) and a price of λ for each poll, √(h/2λ) polls per second minimise the expected lag plus
//! the price of the polls (J. B. Keller, "Optimum checking schedules for systems subject to random failure",
//! Management Science 21, 1974). The next poll is therefore due when the integral of √h has grown by √(2λ).
//!
//! A curve has no unit. If all durations are multiplied by s, the integral of √h is multiplied by √s. A curve
//! for durations in units of s therefore gives s · `delay(age / s, λ / s)`, and one curve serves texts of every
//! length.

use std::f64::consts::LN_2;

pub(super) const EDGES: usize = 65;

/// The logarithmic distance from the centre to the first and to the last edge. This is a factor of 8,000.
const REACH: f64 = 9.0;

#[derive(Clone, Debug)]
pub(super) struct HazardCurve {
    /// The ages at which the curve is known.
    edges: [f64; EDGES],
    /// The integral of the hazard h up to each edge, which is −ln of the probability to last that long.
    cumulative_hazard: [f64; EDGES],
    /// The integral of √h up to each edge.
    cumulative_sqrt_hazard: [f64; EDGES],
}

/// Returns the logarithms of the edges of a curve. They are dense within `resolution` of the centre, and their
/// distance grows exponentially outside.
pub(super) fn log_edges(centre: f64, resolution: f64) -> [f64; EDGES] {
    let end = (REACH / resolution).asinh();
    let step = 2.0 * end / 64.0;
    let mut position = -end - step;
    [(); EDGES].map(|()| {
        position += step;
        centre + resolution * position.sinh()
    })
}

impl HazardCurve {
    /// Creates a curve from the logarithms of ages, and the probability to last longer than each age.
    pub(super) fn new(log_edges: &[f64; EDGES], survival: &[f64; EDGES]) -> Self {
        let edges = log_edges.map(f64::exp);
        let zero = [0.0; EDGES];
        let mut curve = Self { edges, cumulative_hazard: zero, cumulative_sqrt_hazard: zero };
        let (mut previous, mut age, mut hazard, mut sqrt_hazard) = (1.0, 0.0, 0.0, 0.0);
        for (at, (edge, survival)) in edges.iter().zip(survival).enumerate() {
            let increment = (previous / survival).ln().max(0.0);
            hazard += increment;
            sqrt_hazard += (increment * (edge - age)).sqrt();
            (previous, age) = (*survival, *edge);
            curve.cumulative_hazard[at] = hazard;
            curve.cumulative_sqrt_hazard[at] = sqrt_hazard;
        }
        curve
    }

    /// Returns the delay from the age `from` until the next poll is worth its price.
    pub(super) fn delay(&self, from: f64, price: f64) -> f64 {
        let sqrt_hazard = interpolate(&self.edges, &self.cumulative_sqrt_hazard, from) + (2.0 * price).sqrt();
        interpolate(&self.cumulative_sqrt_hazard, &self.edges, sqrt_hazard) - from
    }

    /// Returns the probability that a duration of at least `from` ends before `to`.
    pub(super) fn likelihood(&self, from: f64, to: f64) -> f64 {
        let hazard = |age| interpolate(&self.edges, &self.cumulative_hazard, age);
        -(hazard(from) - hazard(to)).min(0.0).exp_m1()
    }

    /// Returns the duration below which the fraction `part` of all durations lies. `part` is from 0 to 1.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        interpolate(&self.cumulative_hazard, &self.edges, -(-part).ln_1p())
    }

    /// Returns the median of the durations of at least `from`. The hazard that is left until then is ln 2.
    pub(super) fn median_after(&self, from: f64) -> f64 {
        let hazard = interpolate(&self.edges, &self.cumulative_hazard, from);
        interpolate(&self.cumulative_hazard, &self.edges, hazard + LN_2).max(from)
    }

    /// Returns the probability density of the logarithm of a duration.
    pub(super) fn log_density(&self, duration: f64) -> f64 {
        let above = self.edges.partition_point(|edge| *edge <= duration).clamp(1, EDGES - 1);
        let survival = |edge: usize| (-self.cumulative_hazard[edge]).exp();
        (survival(above - 1) - survival(above)) / (self.edges[above] / self.edges[above - 1]).ln()
    }
}

/// Evaluates an increasing curve through the origin and these points at `x`. The curve is linear between the
/// points, and extends the line through the last two.
fn interpolate(xs: &[f64; EDGES], ys: &[f64; EDGES], x: f64) -> f64 {
    let above = xs.partition_point(|edge| *edge <= x).min(EDGES - 1);
    let (x0, y0) = if above == 0 { (0.0, 0.0) } else { (xs[above - 1], ys[above - 1]) };
    y0 + (x - x0) * (ys[above] - y0) / (xs[above] - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the curve of an exponential distribution with this mean, whose hazard is constant.
    fn exponential(mean: f64) -> HazardCurve {
        let edges = log_edges(mean.ln(), 1.0);
        HazardCurve::new(&edges, &edges.map(|edge| (-edge.exp() / mean).exp().max(1e-300)))
    }

    #[track_caller]
    fn assert_close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 0.02, "{value} is not {expected}");
    }

    #[test]
    fn constant_hazard_gives_constant_interval() {
        // √(2λ / h) with h = 1 / 20.
        for age in [0.0, 0.1, 7.0, 40.0] {
            assert_close(exponential(20.0).delay(age, 0.1), 2.0);
        }
    }

    #[test]
    fn constant_hazard_has_no_memory() {
        for from in [0.0, 3.0, 30.0] {
            assert_close(exponential(10.0).likelihood(from, from + 5.0), 1.0 - (-0.5_f64).exp());
        }
        for from in [0.0, 3.0, 30.0] {
            assert_close(exponential(10.0).median_after(from), from + 10.0 * LN_2);
        }
    }

    #[test]
    fn log_density_is_density_of_logarithm() {
        // t · exp(−t / 10) / 10
        for duration in [1.0_f64, 10.0, 20.0] {
            let (density, expected) =
                (exponential(10.0).log_density(duration), duration / 10.0 * (-duration / 10.0).exp());
            assert!((density / expected - 1.0).abs() < 0.05, "{density} is not {expected}");
        }
    }

    #[test]
    fn curve_in_other_unit_gives_same_delay() {
        let (seconds, minutes) = (exponential(90.0), exponential(1.5));
        assert_close(60.0 * minutes.delay(20.0 / 60.0, 0.05 / 60.0), seconds.delay(20.0, 0.05));
    }

    #[test]
    fn edges_are_dense_near_centre_and_reach_far() {
        let edges = log_edges(2.0, 0.1);
        assert!((edges[32] - 2.0).abs() < 1e-9 && edges[33] - edges[32] < 0.02, "{edges:?}");
        assert!((edges[0] + 7.0).abs() < 1e-6 && (edges[64] - 11.0).abs() < 1e-6, "{edges:?}");
    }
}
