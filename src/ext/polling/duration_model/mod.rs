//! A distribution of durations that learns from observations.
//!
//! The model keeps a [`sample`] of the last durations. After each observation it estimates:
//!
//! 1. whether the server has [changed](change); older durations then count no longer, except for the next two steps
//! 2. the [effect of the length](length) of the text, if there is one
//! 3. the [spread](dispersion) of the residuals, and from this the width of their [kernel density](kernel_density)
//! 4. the [hazard](hazard_curve) of this density, which determines the delay until the next poll
//!
//! A text of n characters multiplies a duration by s(n) = (c + n) / (c + 300). The density of the residuals is
//! therefore a distribution in units of s(n). Without an effect of the length, s is 1. A second curve does not use
//! the length. It serves tasks whose length is unknown.
//!
//! A model takes 6 to 9 KiB. A task stores nothing of this.

mod change;
mod dispersion;
mod hazard_curve;
mod kernel_density;
mod length;
mod sample;

pub(super) use self::kernel_density::Prior;
use self::{
    change::ChangeDetector,
    hazard_curve::HazardCurve,
    kernel_density::{prior_curve, sample_curve},
    length::LengthEffect,
    sample::Sample,
};

#[derive(Clone, Debug)]
pub(super) struct DurationModel {
    priors: &'static [Prior],
    sample: Sample,
    change: ChangeDetector,
    curves: Curves,
    /// The curves before a change that is suspected. Otherwise, the first duration after a change would make the next
    /// one expected.
    before_change: Option<Box<Curves>>,
}

#[derive(Clone, Debug)]
struct Curves {
    /// The distribution of all durations, in seconds.
    marginal: HazardCurve,
    /// The distribution for texts of a known length, in units of the length's factor.
    by_length: Option<(LengthEffect, HazardCurve)>,
}

impl DurationModel {
    pub(super) fn new(priors: &'static [Prior]) -> Self {
        Self {
            priors,
            sample: Sample::default(),
            change: ChangeDetector::default(),
            curves: Curves { marginal: prior_curve(priors), by_length: None },
            before_change: None,
        }
    }

    /// Learns one duration that is known to lie between `least` and `most`, in seconds.
    pub(super) fn learn(&mut self, least: f64, most: f64, characters: Option<u32>) {
        let expected = self.before_change.as_deref().unwrap_or(&self.curves).given(characters);
        let changed = self.change.update((least + 0.5 * (most - least)) / expected.scale, expected.curve);
        self.sample.push(least, most, characters);
        if let Some(count) = changed {
            self.sample.change_before(count);
        }
        let by_length = LengthEffect::select(&self.sample).map(|effect| {
            (effect, self.curve(|characters| characters.map(|characters| effect.log(characters))))
        });
        let learned = Curves { marginal: self.curve(|_| Some(0.0)), by_length };
        let before = std::mem::replace(&mut self.curves, learned);
        if !self.change.is_suspected() {
            self.before_change = None;
        } else if self.before_change.is_none() {
            self.before_change = Some(Box::new(before));
        }
    }

    /// Returns `true` if nothing was learned yet.
    pub(super) fn is_empty(&self) -> bool {
        self.sample.is_empty()
    }

    fn curve(&self, effect: impl Fn(Option<u32>) -> Option<f64>) -> HazardCurve {
        let residuals = self.sample.residuals(&effect);
        let (median, deviation) = (residuals.recent_median(), residuals.deviations().standard());
        sample_curve(self.priors, &self.sample.recent_points(&effect), median, deviation)
    }

    /// Returns the distribution for a text of this length.
    pub(super) fn given(&self, characters: Option<u32>) -> Conditional<'_> {
        self.curves.given(characters)
    }
}

impl Curves {
    fn given(&self, characters: Option<u32>) -> Conditional<'_> {
        match (characters, &self.by_length) {
            (Some(characters), Some((effect, curve))) => {
                Conditional { curve, scale: effect.log(characters).exp() }
            }
            _ => Conditional { curve: &self.marginal, scale: 1.0 },
        }
    }
}

/// The distribution of durations for a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditional<'a> {
    curve: &'a HazardCurve,
    /// The unit of the curve, in seconds.
    scale: f64,
}

impl Conditional<'_> {
    /// Returns the delay from the age `from` until the next poll is worth its price. All values are in
    /// seconds.
    pub(super) fn delay(self, from: f64, price: f64) -> f64 {
        self.scale * self.curve.delay(from / self.scale, price / self.scale)
    }

    /// Returns the probability that a duration of at least `from` seconds ends before `to` seconds.
    pub(super) fn likelihood(self, from: f64, to: f64) -> f64 {
        self.curve.likelihood(from / self.scale, to / self.scale)
    }

    /// Returns the median of the durations of at least `from` seconds.
    pub(super) fn median_after(self, from: f64) -> f64 {
        self.scale * self.curve.median_after(from / self.scale)
    }

    /// Returns the duration, in seconds, below which the fraction `part` of all durations lies. `part` is
    /// from 0 to 1.
    pub(super) fn quantile(self, part: f64) -> f64 {
        self.scale * self.curve.quantile(part)
    }
}

#[cfg(test)]
mod tests;
