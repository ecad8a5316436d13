//! A distribution of durations that learns from observations.
//!
//! The model keeps a [`sample`] of the last durations. After each observation it estimates:
//!
//! 1. whether the server has [changed](change); older durations then count no longer, except for the next step
//! 2. the [spread](dispersion) of the durations, and from this the width of their [kernel density](kernel_density)
//! 3. the [hazard](hazard_curve) of this density, which determines the delay until the next poll

mod change;
mod dispersion;
mod hazard_curve;
mod kernel_density;
mod sample;

pub(super) use self::kernel_density::Prior;
use self::{
    change::ChangeDetector,
    hazard_curve::HazardCurve,
    kernel_density::{prior_curve, sample_curve},
    sample::Sample,
};

#[derive(Clone, Debug)]
pub(super) struct DurationModel {
    priors: &'static [Prior],
    sample: Sample,
    change: ChangeDetector,
    curve: HazardCurve,
}

impl DurationModel {
    pub(super) fn new(priors: &'static [Prior]) -> Self {
        let curve = prior_curve(priors);
        Self { priors, sample: Sample::default(), change: ChangeDetector::default(), curve }
    }

    /// Learns one duration that is known to lie between `least` and `most`, in seconds.
    pub(super) fn learn(&mut self, least: f64, most: f64) {
        let changed = self.change.update(least + 0.5 * (most - least), &self.curve);
        self.sample.push(least, most, None);
        if let Some(count) = changed {
            self.sample.change_before(count);
        }
        let residuals = self.sample.residuals(|_| Some(0.0));
        let (median, deviation) = (residuals.recent_median(), residuals.deviations().standard());
        let points = self.sample.recent_points(|_| Some(0.0));
        self.curve = sample_curve(self.priors, &points, median, deviation);
    }

    /// Returns the delay from the age `from` until the next poll is worth its price. All values are in
    /// seconds.
    pub(super) fn delay(&self, from: f64, price: f64) -> f64 {
        self.curve.delay(from, price)
    }

    /// Returns the probability that a duration of at least `from` seconds ends before `to` seconds.
    pub(super) fn likelihood(&self, from: f64, to: f64) -> f64 {
        self.curve.likelihood(from, to)
    }

    /// Returns the duration, in seconds, below which the fraction `part` of all durations lies. `part` is
    /// from 0 to 1.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        self.curve.quantile(part)
    }
}

#[cfg(test)]
mod tests;
