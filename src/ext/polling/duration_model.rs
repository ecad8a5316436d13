//! A distribution of durations that learns from observations, and the poll intervals that follow from it.
//!
//! Each observed duration contributes a narrow kernel on the logarithmic scale. The priors are a few wide
//! kernels whose weights add up to one observation. All kernels are logistic, so their tails are as heavy as
//! those of durations without a scale. Therefore a task that takes longer than all tasks before is polled
//! less and less often, but polling never stops.

use std::sync::LazyLock;

const CELLS: u32 = 64;
const EDGES: usize = CELLS as usize + 1;

/// The first and the last edge, in seconds. Durations outside this range are clamped to it.
const RANGE: (f64, f64) = (0.05, 3_600.0);

/// The width of the kernel of one observation, as a natural logarithm. An observation affects durations that
/// are up to about 15 % shorter or longer.
const KERNEL_WIDTH: f64 = 0.15;

/// The factor that scales all weights before each new observation. About a hundred observations count. After
/// a few dozen new ones, the model follows a server that has changed.
const DECAY: f64 = 0.99;

/// The edges of the cells, in seconds. The cells have equal width on the logarithmic scale, 19 % each.
static EDGE_SECONDS: LazyLock<[f64; EDGES]> = LazyLock::new(|| {
    let mut edge = 0;
    [(); EDGES].map(|()| {
        let seconds = RANGE.0 * (log_step() * f64::from(edge)).exp();
        edge += 1;
        seconds
    })
});

fn log_step() -> f64 {
    (RANGE.1 / RANGE.0).ln() / f64::from(CELLS)
}

/// One component of the distribution before anything is learned. `median` is in seconds, `width` is a natural
/// logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    pub(super) weight: f64,
    pub(super) median: f64,
    pub(super) width: f64,
}

#[derive(Clone, Debug)]
pub(super) struct DurationModel {
    priors: &'static [Prior],
    /// The weight of the observations at each edge. Each observed value is split between the two nearest
    /// edges.
    weights: [f64; EDGES],
    /// The sum of the hazard h up to each edge, which is −ln of the probability to last that long.
    cumulative_hazard: [f64; EDGES],
    /// The sum of √h up to each edge. With a price of λ for each poll, √(h/2λ) polls per second minimise the
    /// cost.
    cumulative_sqrt_hazard: [f64; EDGES],
}

impl DurationModel {
    pub(super) fn new(priors: &'static [Prior]) -> Self {
        let zero = [0.0; EDGES];
        let mut model = Self { priors, weights: zero, cumulative_hazard: zero, cumulative_sqrt_hazard: zero };
        model.refit();
        model
    }

    /// Learns one duration that is known to lie between `least` and `most`, in seconds.
    pub(super) fn learn(&mut self, least: f64, most: f64) {
        for weight in &mut self.weights {
            *weight *= DECAY;
        }
        for part in [0.125, 0.375, 0.625, 0.875] {
            let seconds = (least + part * (most - least)).max(RANGE.0).min(RANGE.1);
            let above = EDGE_SECONDS.partition_point(|edge| *edge <= seconds).clamp(1, EDGES - 1);
            let share = (seconds / EDGE_SECONDS[above - 1]).ln() / log_step();
            self.weights[above - 1] += 0.25 * (1.0 - share);
            self.weights[above] += 0.25 * share;
        }
        self.refit();
    }

    /// Returns the delay from the age `from` until the next poll is worth its price. All values are in
    /// seconds.
    pub(super) fn delay(&self, from: f64, price: f64) -> f64 {
        let sqrt_hazard =
            interpolate(&EDGE_SECONDS, &self.cumulative_sqrt_hazard, from) + (2.0 * price).sqrt();
        interpolate(&self.cumulative_sqrt_hazard, &EDGE_SECONDS, sqrt_hazard) - from
    }

    /// Returns the probability that a duration of at least `from` seconds ends before `to` seconds.
    pub(super) fn likelihood(&self, from: f64, to: f64) -> f64 {
        let hazard = |age| interpolate(&EDGE_SECONDS, &self.cumulative_hazard, age);
        -(hazard(from) - hazard(to)).min(0.0).exp_m1()
    }

    /// Returns the duration, in seconds, below which the fraction `part` of all durations lies. `part` is
    /// from 0 to 1.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        interpolate(&self.cumulative_hazard, &EDGE_SECONDS, -(-part).ln_1p())
    }

    /// Recomputes both cumulative curves from the priors and the weights.
    fn refit(&mut self) {
        let kernel = {
            let mut distance = f64::from(CELLS);
            // The number of edges by which a duration lies above an edge, from CELLS down to -CELLS.
            [(); 2 * EDGES - 1].map(|()| {
                let tail = logistic_tail(-distance * log_step() / KERNEL_WIDTH);
                distance -= 1.0;
                tail
            })
        };
        let (mut previous, mut age, mut hazard, mut sqrt_hazard) = (None, 0.0, 0.0, 0.0);
        for at in 0..EDGES {
            let prior: f64 = self
                .priors
                .iter()
                .map(|prior| {
                    prior.weight * logistic_tail((EDGE_SECONDS[at] / prior.median).ln() / prior.width)
                })
                .sum();
            // The tail of a duration that lies `j` edges above this edge is at index CELLS - j.
            let tails = &kernel[at..at + EDGES];
            let learned: f64 = self.weights.iter().rev().zip(tails).map(|(weight, tail)| weight * tail).sum();
            let survival = prior + learned;
            let previous = previous.replace(survival).unwrap_or_else(|| self.total());
            let (increment, time) = ((previous / survival).ln().max(0.0), EDGE_SECONDS[at] - age);
            age = EDGE_SECONDS[at];
            hazard += increment;
            sqrt_hazard += (increment * time).sqrt();
            self.cumulative_hazard[at] = hazard;
            self.cumulative_sqrt_hazard[at] = sqrt_hazard;
        }
    }

    fn total(&self) -> f64 {
        self.priors.iter().map(|prior| prior.weight).chain(self.weights).sum()
    }
}

/// Returns the fraction of a logistic distribution that lies more than `widths` widths above its centre.
fn logistic_tail(widths: f64) -> f64 {
    1.0 / (1.0 + widths.exp())
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

    const PRIORS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

    fn model_after(seconds: &[f64], times: usize) -> DurationModel {
        let mut model = DurationModel::new(PRIORS);
        for _ in 0..times {
            for duration in seconds {
                model.learn(*duration, *duration);
            }
        }
        model
    }

    #[track_caller]
    fn assert_close(value: f64, expected: f64, part: f64) {
        assert!((value / expected - 1.0).abs() < part, "{value} is not within {part} of {expected}");
    }

    #[test]
    fn new_model_matches_priors() {
        let model = DurationModel::new(PRIORS);
        for (quantile, seconds) in [(0.25, 10.0 / 3.0), (0.5, 10.0), (0.75, 30.0)] {
            assert_close(model.quantile(quantile), seconds, 0.02);
        }
        assert_close(model.likelihood(10.0, 30.0), 0.5, 0.02);
    }

    #[test]
    fn delay_far_above_median_follows_hazard() {
        // Far above the median, the hazard of a logistic distribution is 1 / (width · age).
        let model = DurationModel::new(PRIORS);
        assert_close(model.delay(1_000.0, 0.05), (2.0_f64 * 0.05 * 1_000.0).sqrt(), 0.1);
    }

    #[test]
    fn first_delay_ends_shortly_before_learned_duration() {
        let model = model_after(&[5.0], 50);
        let first = model.delay(0.0, 0.05);
        assert!((3.0..5.0).contains(&first), "{first}");
        assert!(model.delay(5.0, 0.05) < 0.5);
    }

    #[test]
    fn learn_after_server_change_forgets_old_durations() {
        let mut model = model_after(&[2.0], 1_000);
        for _ in 0..100 {
            model.learn(40.0, 40.0);
        }
        assert_close(model.quantile(0.7), 40.0, 0.15);
        assert!(model.weights.iter().sum::<f64>() < 101.0);
    }

    #[test]
    fn learn_range_spreads_weight_over_it() {
        let mut model = DurationModel::new(PRIORS);
        (0..50).for_each(|_| model.learn(10.0, 30.0));
        let (low, high) = (model.quantile(0.1), model.quantile(0.9));
        assert!((9.0..15.0).contains(&low) && (25.0..36.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn extreme_durations_keep_delay_and_likelihood_valid() {
        for seconds in [0.0, 1e-300, 0.05, 3_600.0, 1e300, f64::MAX] {
            let model = model_after(&[seconds], 500);
            for age in [0.0, 1e-9, 0.05, 1.0, 3_599.0, 3_600.0, 1e9] {
                let delay = model.delay(age, 0.05);
                assert!(delay > 0.0 && delay.is_finite(), "{delay} at {age} after {seconds}");
                let likelihood = model.likelihood(age, age + 1.0);
                assert!((0.0..=1.0).contains(&likelihood), "{likelihood} at {age} after {seconds}");
            }
        }
    }
}
