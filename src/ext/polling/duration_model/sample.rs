//! The durations of the last tasks.

use std::collections::VecDeque;

use super::{
    dispersion::{Deviations, median},
    kernel_density::Point,
};

/// The number of observations that are kept.
const CAPACITY: usize = 128;

/// The weight of an observation, as a fraction of the weight of the next one. 128 observations count as much as
/// 72 new ones.
const DECAY: f64 = 0.99;

/// The range of durations in seconds. Durations outside it are clamped to it.
const RANGE: (f64, f64) = (0.05, 86_400.0);

/// A duration that is known to lie between two durations, in seconds.
#[derive(Clone, Copy, Debug)]
struct Observation {
    least: f32,
    most: f32,
    /// The logarithm of the duration in the middle.
    log: f64,
    characters: Option<u32>,
}

/// The observations, newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    observations: VecDeque<Observation>,
    /// The number of observations since the server changed.
    recent: usize,
}

/// The logarithms of durations minus the effect of the length, newest first, and their weights.
pub(super) struct Residuals {
    pub(super) values: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// The number of values since the server changed.
    pub(super) recent: usize,
}

impl Sample {
    /// Adds a duration that is known to lie between `least` and `most`, in seconds.
    #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
    pub(super) fn push(&mut self, least: f64, most: f64, characters: Option<u32>) {
        self.observations.truncate(CAPACITY - 1);
        let (least, most) = (clamp(least), clamp(most));
        let log = (least + 0.5 * (most - least)).ln();
        let (least, most) = (least as f32, most as f32);
        self.observations.push_front(Observation { least, most, log, characters });
        self.recent = (self.recent + 1).min(self.observations.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.observations.is_empty()
    }

    /// Records that the server changed before the last `count` observations.
    pub(super) fn change_before(&mut self, count: usize) {
        self.recent = count.min(self.observations.len());
    }

    /// Returns the residuals. `effect` returns the effect of a length on the logarithm of the duration, or `None` to
    /// leave the observation out.
    pub(super) fn residuals(&self, effect: impl Fn(Option<u32>) -> Option<f64>) -> Residuals {
        let capacity = self.observations.len();
        let (mut values, mut weights) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        let mut recent = 0;
        for (index, weight, observation) in self.weighted() {
            if let Some(effect) = effect(observation.characters) {
                values.push(observation.log - effect);
                weights.push(weight);
                recent += usize::from(index < self.recent);
            }
        }
        Residuals { values, weights, recent }
    }

    /// Returns the residuals since the server changed. The weight of an interval is spread over it.
    pub(super) fn recent_points(&self, effect: impl Fn(Option<u32>) -> Option<f64>) -> Vec<Point> {
        let mut points = Vec::with_capacity(self.recent);
        for (_, weight, observation) in self.weighted().take(self.recent) {
            let Some(effect) = effect(observation.characters) else { continue };
            let (least, most) = (f64::from(observation.least), f64::from(observation.most));
            if most > least {
                points.extend([0.125, 0.375, 0.625, 0.875].map(|part| Point {
                    log: (least + part * (most - least)).ln() - effect,
                    weight: 0.25 * weight,
                }));
            } else {
                points.push(Point { log: observation.log - effect, weight });
            }
        }
        points
    }

    /// Returns each observation with its index and its weight.
    fn weighted(&self) -> impl Iterator<Item = (usize, f64, &Observation)> {
        let weights = std::iter::successors(Some(1.0), |weight| Some(weight * DECAY));
        self.observations
            .iter()
            .enumerate()
            .zip(weights)
            .map(|((index, observation), weight)| (index, weight, observation))
    }
}

impl Residuals {
    /// Returns the median of the residuals since the server changed.
    pub(super) fn recent_median(&self) -> f64 {
        median(&mut self.values[..self.recent].to_vec())
    }

    /// Returns the deviations from the median. A change of the server moves the median, but says nothing about the
    /// deviations. The residuals before and since the change are therefore compared with a median of their own.
    pub(super) fn deviations(&self) -> Deviations {
        let mut deviations = Deviations::default();
        let (recent, older) = self.values.split_at(self.recent);
        let (recent_weights, older_weights) = self.weights.split_at(self.recent);
        for (values, weights) in [(recent, recent_weights), (older, older_weights)] {
            deviations.add(values, weights, median(&mut values.to_vec()));
        }
        deviations
    }
}

/// Returns the duration in seconds, clamped to the range. NaN becomes the shortest duration.
fn clamp(seconds: f64) -> f64 {
    seconds.max(RANGE.0).min(RANGE.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: &[f64]) -> Sample {
        let mut sample = Sample::default();
        for seconds in seconds {
            sample.push(*seconds, *seconds, Some(100));
        }
        sample
    }

    #[test]
    fn oldest_observations_are_dropped() {
        let residuals = sample(&[vec![1.0; 50], vec![10.0; CAPACITY]].concat()).residuals(|_| Some(0.0));
        assert_eq!(residuals.values.len(), CAPACITY);
        assert!(residuals.values.iter().all(|value| *value > 2.0));
    }

    #[test]
    fn weights_decay_with_age() {
        let residuals = sample(&[1.0, 2.0, 3.0]).residuals(|_| Some(0.0));
        assert!((residuals.values[2] - 1.0_f64.ln()).abs() < 1e-9);
        assert!(residuals.weights.is_sorted_by(|newer, older| older < newer), "{:?}", residuals.weights);
        assert!(
            (sample(&[1.0; CAPACITY]).residuals(|_| Some(0.0)).weights.iter().sum::<f64>() - 72.0).abs()
                < 1.0
        );
    }

    #[test]
    fn effect_is_subtracted_from_observations_that_have_it() {
        let mut sample = sample(&[10.0]);
        sample.push(10.0, 10.0, None);
        let effect = |characters: Option<u32>| characters.map(|_| 10.0_f64.ln());
        let residuals = sample.residuals(effect);
        assert_eq!((residuals.values.len(), residuals.recent), (1, 1));
        assert!(residuals.values[0].abs() < 1e-9);
        assert!(sample.recent_points(effect)[0].log.abs() < 1e-9);
    }

    #[test]
    fn interval_is_spread_over_points_with_weight_of_one() {
        let mut sample = Sample::default();
        sample.push(10.0, 30.0, None);
        let points = sample.recent_points(|_| Some(0.0));
        assert!((points.iter().map(|point| point.weight).sum::<f64>() - 1.0).abs() < 1e-9);
        let halved: Vec<_> = sample.recent_points(|_| Some(2.0_f64.ln()));
        assert!((points[0].log - halved[0].log - 2.0_f64.ln()).abs() < 1e-9);
        let seconds: Vec<_> = points.iter().map(|point| (2.0 * point.log.exp()).round()).collect();
        assert_eq!(seconds, [25.0, 35.0, 45.0, 55.0]);
        assert!((sample.residuals(|_| Some(0.0)).values[0] - 20.0_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn change_moves_median_and_keeps_deviations() {
        let mut sample = sample(&[[10.0, 12.0, 14.0].repeat(10), vec![100.0, 120.0, 140.0]].concat());
        let mixed = sample.residuals(|_| Some(0.0)).deviations().mean();
        sample.change_before(3);
        let residuals = sample.residuals(|_| Some(0.0));
        assert!((residuals.recent_median() - 120.0_f64.ln()).abs() < 1e-9);
        assert_eq!(sample.recent_points(|_| Some(0.0)).len(), 3);
        let deviations = residuals.deviations();
        assert!(deviations.mean() < 0.5 * mixed && deviations.count > 25.0, "{deviations:?} {mixed}");
    }

    #[test]
    fn observations_after_change_are_recent() {
        let mut sample = sample(&[1.0, 1.0, 5.0]);
        sample.change_before(1);
        sample.push(5.0, 5.0, None);
        assert_eq!(sample.residuals(|_| Some(0.0)).recent, 2);
    }

    #[test]
    fn invalid_durations_are_clamped() {
        for (seconds, expected) in [(f64::NAN, RANGE.0), (-1.0, RANGE.0), (f64::INFINITY, RANGE.1)] {
            let value = sample(&[seconds]).residuals(|_| Some(0.0)).values[0];
            assert!((value - expected.ln()).abs() < 1e-6, "{value} for {seconds}");
        }
    }
}
