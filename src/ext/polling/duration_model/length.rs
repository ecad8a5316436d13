//! The effect of a text's length on the duration.
//!
//! A server needs some time to start and some time for each character, and varies by a factor: T = b · (c + n) · ε,
//! with n characters. This is the regression ln T = ln b + ln(c + n) + ln ε, a straight line with both sides
//! transformed (R. J. Carroll and D. Ruppert, "Power transformations when fitting theoretical models to data",
//! JASA 79, 1984). c is the time to start, as a number of characters. It is selected by least absolute deviations.
//! This estimate is robust: an outlier counts in proportion to its logarithm, not to its square. The distribution
//! of the residuals contains b and ε, so neither needs an estimate here.
//!
//! The length is used only if it explains the observed durations clearly better than no length. Deviations with a
//! Laplace distribution have the log-likelihood −m · ln d, with m observations and a mean absolute deviation of d.

use super::sample::{Residuals, Sample};

/// The times to start that are compared, in characters. With adjacent values, durations differ by less than a
/// factor of 2, and on average by 10 %.
const STARTS: [f64; 8] = [0.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0];

/// The length of a text for which the effect is 0, in characters.
const REFERENCE: f64 = 300.0;

/// The minimum difference of the log-likelihoods with and without the length. The likelihood ratio is 20.
const MIN_EVIDENCE: f64 = 3.0;

/// The minimum sum of the weights of the observations.
const MIN_COUNT: f64 = 2.0;

/// The effect of the length for one time to start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LengthEffect {
    start: f64,
}

impl LengthEffect {
    /// Selects the effect that explains the sample best. Returns `None` if the length says nothing, or too little
    /// is known.
    pub(super) fn select(sample: &Sample) -> Option<Self> {
        let without = sample.residuals(|characters| characters.map(|_| 0.0));
        let deviations = without.deviations();
        // Without a recent observation, the scale is unknown.
        if deviations.count < MIN_COUNT || without.recent == 0 {
            return None;
        }
        let effects = STARTS.map(|start| {
            let effect = Self { start };
            (effect.residuals(sample).deviations().mean(), effect)
        });
        let (mean, effect) = effects.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let evidence = deviations.count * (deviations.mean() / mean).ln();
        (evidence > MIN_EVIDENCE).then_some(effect)
    }

    fn residuals(self, sample: &Sample) -> Residuals {
        sample.residuals(|characters| characters.map(|characters| self.log(characters)))
    }

    /// Returns the logarithm of the factor by which texts of this length take longer than those of the reference.
    pub(super) fn log(self, characters: u32) -> f64 {
        ((f64::from(characters) + self.start) / (REFERENCE + self.start)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of texts, in an order that says nothing.
    const LENGTHS: [u32; 10] = [300, 40, 2_500, 900, 20, 4_000, 150, 1_300, 70, 600];

    /// Factors that vary independently of the lengths.
    const NOISE: [f64; 7] = [1.1, 0.9, 1.2, 1.0, 0.8, 0.95, 1.05];

    fn sample(count: usize, seconds: impl Fn(f64) -> f64) -> Sample {
        let mut sample = Sample::default();
        for (characters, noise) in LENGTHS.iter().cycle().zip(NOISE.iter().cycle()).take(count) {
            let seconds = noise * seconds(f64::from(*characters));
            sample.push(seconds, seconds, Some(*characters));
        }
        sample
    }

    #[test]
    fn time_to_start_is_found() {
        for start in STARTS {
            let effect = LengthEffect::select(&sample(50, |characters| 0.006 * (start + characters)));
            assert_eq!(effect, Some(LengthEffect { start }));
        }
    }

    #[test]
    fn seven_tasks_are_enough() {
        assert!(LengthEffect::select(&sample(7, |characters| 0.5 + 0.006 * characters)).is_some());
        assert_eq!(LengthEffect::select(&sample(2, |characters| 0.5 + 0.006 * characters)), None);
    }

    #[test]
    fn weak_evidence_is_not_enough() {
        for count in [5, 8, 10] {
            assert_eq!(LengthEffect::select(&sample(count, |characters| characters.powf(0.15))), None);
        }
        assert!(LengthEffect::select(&sample(128, |characters| characters.powf(0.25))).is_some());
    }

    #[test]
    fn length_that_says_nothing_has_no_effect() {
        for count in [2, 5, 20, 128] {
            assert_eq!(LengthEffect::select(&sample(count, |_| 10.0)), None);
        }
    }

    #[test]
    fn outliers_do_not_hide_effect() {
        let mut sample = sample(50, |characters| 0.006 * (100.0 + characters));
        for characters in [20, 4_000, 500] {
            sample.push(300.0, 300.0, Some(characters));
        }
        assert_eq!(LengthEffect::select(&sample), Some(LengthEffect { start: 100.0 }));
    }

    #[test]
    fn effect_survives_change_of_speed() {
        let mut sample = sample(50, |characters| 0.006 * (100.0 + characters));
        for characters in [20, 4_000] {
            let seconds = 0.012 * (100.0 + f64::from(characters));
            sample.push(seconds, seconds, Some(characters));
        }
        sample.change_before(2);
        assert_eq!(LengthEffect::select(&sample), Some(LengthEffect { start: 100.0 }));
    }

    #[test]
    fn sample_without_recent_lengths_has_no_effect() {
        let mut sample = sample(50, |characters| 0.006 * characters);
        sample.push(9.0, 9.0, None);
        sample.change_before(1);
        assert_eq!(LengthEffect::select(&sample), None);
    }

    #[test]
    fn effect_is_ratio_to_reference() {
        let effect = LengthEffect { start: 100.0 };
        assert!(effect.log(300).abs() < 1e-9);
        assert!((effect.log(700) - 2.0_f64.ln()).abs() < 1e-9);
    }
}
