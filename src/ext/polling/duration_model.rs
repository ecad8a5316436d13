//! How long things take, learned one by one, and how often it is worth to look.
//!
//! Each duration is a narrow bell on the scale of its logarithm, and what is believed before there are any is a few wide
//! ones that weigh as much as one duration. The bells are logistic: their tails are as heavy as those of durations
//! without a scale, so that something that takes longer than all before is asked for ever less often, yet never given
//! up.

use std::sync::LazyLock;

const CELLS: u32 = 64;
const EDGES: usize = CELLS as usize + 1;

/// The first and the last edge in seconds. What is shorter or longer is learned as these.
const RANGE: (f64, f64) = (0.05, 3_600.0);

/// The width of a bell, in logarithms: a duration speaks for those up to 15 % shorter or longer.
const KERNEL_WIDTH: f64 = 0.15;

/// What a duration's weight is multiplied by with each one that follows: a hundred count, and a server that has
/// changed is known as it is now after some dozens.
const DECAY: f64 = 0.99;

/// Cells of equal width on the scale of the logarithm, 19 % each.
static EDGE_SECONDS: LazyLock<[f64; EDGES]> = LazyLock::new(|| {
    let mut edge = 0;
    [(); EDGES].map(|()| {
        let seconds = RANGE.0 * (step() * f64::from(edge)).exp();
        edge += 1;
        seconds
    })
});

fn step() -> f64 {
    (RANGE.1 / RANGE.0).ln() / f64::from(CELLS)
}

/// A part of what is believed before anything is learned: around this median, with this width in logarithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    pub(super) weight: f64,
    pub(super) median: f64,
    pub(super) width: f64,
}

#[derive(Clone, Debug)]
pub(super) struct DurationModel {
    priors: &'static [Prior],
    /// What was learned, at the edge that is nearest.
    weights: [f64; EDGES],
    /// Up to each edge: the hazard h added up, which is −ln of the chance to last as long.
    cumulative_hazard: [f64; EDGES],
    /// Up to each edge: √h added up. With a price of λ on each look, √(h/2λ) looks a second cost least.
    cumulative_sqrt_hazard: [f64; EDGES],
}

impl DurationModel {
    pub(super) fn new(beliefs: &'static [Prior]) -> Self {
        let zero = [0.0; EDGES];
        let mut new =
            Self { priors: beliefs, weights: zero, cumulative_hazard: zero, cumulative_sqrt_hazard: zero };
        new.refit();
        new
    }

    /// Learns a duration of which it is known that it lies between these seconds.
    pub(super) fn learn(&mut self, least: f64, most: f64) {
        for weight in &mut self.weights {
            *weight *= DECAY;
        }
        for part in [0.125, 0.375, 0.625, 0.875] {
            let seconds = (least + part * (most - least)).max(RANGE.0).min(RANGE.1);
            let above = EDGE_SECONDS.partition_point(|edge| *edge <= seconds).clamp(1, EDGES - 1);
            let share = (seconds / EDGE_SECONDS[above - 1]).ln() / step();
            self.weights[above - 1] += 0.25 * (1.0 - share);
            self.weights[above] += 0.25 * share;
        }
        self.refit();
    }

    /// How long to wait from the age of `from` for what is worth one look. `price` is that of a look, in seconds.
    pub(super) fn delay(&self, from: f64, price: f64) -> f64 {
        let effort = interpolate(&EDGE_SECONDS, &self.cumulative_sqrt_hazard, from) + (2.0 * price).sqrt();
        interpolate(&self.cumulative_sqrt_hazard, &EDGE_SECONDS, effort) - from
    }

    /// How likely something that has lasted for `from` seconds ends before `to`.
    pub(super) fn likelihood(&self, from: f64, to: f64) -> f64 {
        let risk = |age| interpolate(&EDGE_SECONDS, &self.cumulative_hazard, age);
        -(risk(from) - risk(to)).min(0.0).exp_m1()
    }

    /// The duration that this part of them, from 0 to 1, is shorter than.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        interpolate(&self.cumulative_hazard, &EDGE_SECONDS, -(-part).ln_1p())
    }

    /// Works out the curves anew.
    fn refit(&mut self) {
        let kernel = {
            let mut distance = f64::from(CELLS);
            // By how many edges a duration lies above: from as many as there are to as few.
            [(); 2 * EDGES - 1].map(|()| {
                let tail = logistic_tail(-distance * step() / KERNEL_WIDTH);
                distance -= 1.0;
                tail
            })
        };
        let (mut before, mut age, mut risk, mut effort) = (None, 0.0, 0.0, 0.0);
        for at in 0..EDGES {
            let believed: f64 = self
                .priors
                .iter()
                .map(|belief| {
                    belief.weight * logistic_tail((EDGE_SECONDS[at] / belief.median).ln() / belief.width)
                })
                .sum();
            // The bell of a duration `j` edges above this one stands at CELLS - j.
            let bells = &kernel[at..at + EDGES];
            let learned: f64 = self.weights.iter().rev().zip(bells).map(|(weight, tail)| weight * tail).sum();
            let left = believed + learned;
            let before = before.replace(left).unwrap_or_else(|| self.total());
            let (more, time) = ((before / left).ln().max(0.0), EDGE_SECONDS[at] - age);
            age = EDGE_SECONDS[at];
            risk += more;
            effort += (more * time).sqrt();
            self.cumulative_hazard[at] = risk;
            self.cumulative_sqrt_hazard[at] = effort;
        }
    }

    fn total(&self) -> f64 {
        self.priors.iter().map(|belief| belief.weight).chain(self.weights).sum()
    }
}

/// The part of a logistic bell above this many widths from its middle.
fn logistic_tail(widths: f64) -> f64 {
    1.0 / (1.0 + widths.exp())
}

/// A growing curve through the origin and these points, straight between them and behind the last two.
fn interpolate(xs: &[f64; EDGES], ys: &[f64; EDGES], x: f64) -> f64 {
    let above = xs.partition_point(|edge| *edge <= x).min(EDGES - 1);
    let (x0, y0) = if above == 0 { (0.0, 0.0) } else { (xs[above - 1], ys[above - 1]) };
    y0 + (x - x0) * (ys[above] - y0) / (xs[above] - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BELIEFS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

    fn learned(seconds: &[f64], times: usize) -> DurationModel {
        let mut durations = DurationModel::new(BELIEFS);
        for _ in 0..times {
            for seconds in seconds {
                durations.learn(*seconds, *seconds);
            }
        }
        durations
    }

    #[track_caller]
    fn close(value: f64, expected: f64, part: f64) {
        assert!((value / expected - 1.0).abs() < part, "{value} is not within {part} of {expected}");
    }

    #[test]
    fn before_anything_is_learned_it_is_as_believed() {
        let durations = DurationModel::new(BELIEFS);
        for (quantile, seconds) in [(0.25, 10.0 / 3.0), (0.5, 10.0), (0.75, 30.0)] {
            close(durations.quantile(quantile), seconds, 0.02);
        }
        close(durations.likelihood(10.0, 30.0), 0.5, 0.02);
    }

    #[test]
    fn the_delay_is_that_of_the_hazard() {
        // Far behind the middle the hazard of a logistic bell is 1 / (width · age).
        let durations = DurationModel::new(BELIEFS);
        close(durations.delay(1_000.0, 0.05), (2.0_f64 * 0.05 * 1_000.0).sqrt(), 0.1);
    }

    #[test]
    fn a_look_just_before_it_is_likely_is_not_worth_it() {
        let durations = learned(&[5.0], 50);
        let first = durations.delay(0.0, 0.05);
        assert!((3.0..5.0).contains(&first), "{first}");
        assert!(durations.delay(5.0, 0.05) < 0.5);
    }

    #[test]
    fn what_has_changed_is_noticed_after_some_dozens() {
        let mut durations = learned(&[2.0], 1_000);
        for _ in 0..100 {
            durations.learn(40.0, 40.0);
        }
        close(durations.quantile(0.7), 40.0, 0.15);
        assert!(durations.weights.iter().sum::<f64>() < 101.0);
    }

    #[test]
    fn what_is_known_to_lie_between_is_spread() {
        let mut durations = DurationModel::new(BELIEFS);
        (0..50).for_each(|_| durations.learn(10.0, 30.0));
        let (low, high) = (durations.quantile(0.1), durations.quantile(0.9));
        assert!((9.0..15.0).contains(&low) && (25.0..36.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn no_duration_makes_it_lose_its_mind() {
        for seconds in [0.0, 1e-300, 0.05, 3_600.0, 1e300, f64::MAX] {
            let durations = learned(&[seconds], 500);
            for age in [0.0, 1e-9, 0.05, 1.0, 3_599.0, 3_600.0, 1e9] {
                let delay = durations.delay(age, 0.05);
                assert!(delay > 0.0 && delay.is_finite(), "{delay} at {age} after {seconds}");
                let likelihood = durations.likelihood(age, age + 1.0);
                assert!((0.0..=1.0).contains(&likelihood), "{likelihood} at {age} after {seconds}");
            }
        }
    }
}
