//! Bayesian linear regression of durations on lengths, from sums of fixed size.
//!
//! The duration `y` of `c` characters is divided by the duration `p` that the prior expects. The scatter of `u = y/p` then
//! hardly depends on the length, which is why weighted least squares divide by it. Then `u = x·β` with `x = (1/p, c/p)` and
//! `β = (a, b)`. With a normal prior of mean `m₀` and precision `Λ₀`, and the weighted sums `S = Σ w·x·xᵀ` and
//! `s = Σ w·x·u`, the posterior is normal with
//!
//! - covariance `P = (Λ₀ + S/σ²)⁻¹`
//! - mean `m = P·(Λ₀·m₀ + s/σ²)`
//! - scatter `σ² = (ν₀·σ₀² + Σ w·(u − x·m)²) / ν` with `ν = ν₀ + n − tr(P·S/σ²)` degrees of freedom, iterated with the
//!   lines above (empirical Bayes)
//!
//! See C. M. Bishop, Pattern Recognition and Machine Learning (2006), sections 3.3 and 3.5.
//!
//! An observation far outside of what is expected, such as a speech that repeats itself, has a low weight `w` (an
//! M-estimator with a redescending influence). The sums forget: old observations count less and less, so that a fit follows a
//! voice that has changed.

use serde::{Deserialize, Serialize};

/// The sum of the weights at which each new observation makes all others count less.
const MEMORY: f64 = 200.0;

/// `σ₀`: the scatter of single texts before any observation, relative to the duration.
const PRIOR_SCATTER: f64 = 0.15;

/// `ν₀`: the number of observations that the prior scatter counts as.
const PRIOR_FREEDOM: f64 = 0.25;

/// The number of standard deviations from which an observation counts less.
const OUTLIER: f64 = 4.0;

/// The relative deviation up to which an observation counts in full, also if all others scatter less.
const TOLERANCE: f64 = 1.0;

/// Longer durations and texts are ignored.
const MAX: f64 = 1e6;

/// Enough for the scatter to change by less than 1 % in the last iteration.
const ITERATIONS: usize = 8;

/// Means and standard deviations before any observation, in seconds.
pub(super) struct Prior {
    /// The fixed part of a duration.
    pub(super) fixed: (f64, f64),
    pub(super) per_character: (f64, f64),
}

impl Prior {
    /// Returns `p`, the duration of a text with this length.
    pub(super) fn mean(&self, characters: f64) -> f64 {
        self.fixed.0 + self.per_character.0 * characters
    }
}

/// The sums over all observations. See the module for their meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fit {
    /// `Σ w`
    n: f64,
    /// `Σ w²`
    n2: f64,
    /// `S`: its upper left, its lower right, and its other elements.
    s11: f64,
    s22: f64,
    s12: f64,
    /// `s`
    t1: f64,
    t2: f64,
    /// `Σ w·u²`
    uu: f64,
}

impl Fit {
    pub(super) fn is_valid(&self) -> bool {
        let Self { n, n2, s11, s22, s12, t1, t2, uu } = *self;
        let in_range = |sum: f64| (0.0..=1e30).contains(&sum);
        [n, n2, s11, s22, s12, t1, t2, uu].into_iter().all(in_range)
            && n <= MEMORY * (1.0 + 1e-9)
            && n2 <= n * (1.0 + 1e-9)
            // The inequality of Cauchy and Schwarz, up to rounding.
            && s12 * s12 <= s11 * s22 * (1.0 + 1e-9)
            && t1 * t1 <= s11 * uu * (1.0 + 1e-9)
            && t2 * t2 <= s22 * uu * (1.0 + 1e-9)
    }

    pub(super) fn observe(&mut self, prior: &Prior, characters: usize, seconds: f64) {
        let length = to_f64(characters);
        if characters == 0 || length > MAX || !(seconds > 0.0 && seconds <= MAX) {
            return;
        }
        let expected = prior.mean(length);
        let (x1, x2, u) = (1.0 / expected, length / expected, seconds / expected);
        let posterior = self.posterior(prior);
        let (mean, variance) = posterior.predict(x1, x2);
        let usual = (variance + posterior.scatter).sqrt().max(mean * TOLERANCE / OUTLIER);
        let deviation = (u - mean).abs() / usual;
        let weight = if deviation > OUTLIER { (OUTLIER / deviation).powi(3) } else { 1.0 };
        let kept = if self.n > 0.0 { ((MEMORY - weight) / self.n).min(1.0) } else { 0.0 };
        let add = |sum: &mut f64, term: f64| *sum = *sum * kept + weight * term;
        add(&mut self.n, 1.0);
        self.n2 = self.n2 * kept * kept + weight * weight;
        add(&mut self.s11, x1 * x1);
        add(&mut self.s22, x2 * x2);
        add(&mut self.s12, x1 * x2);
        add(&mut self.t1, x1 * u);
        add(&mut self.t2, x2 * u);
        add(&mut self.uu, u * u);
    }

    pub(super) fn posterior(&self, prior: &Prior) -> Posterior {
        let precision =
            [prior.fixed, prior.per_character].map(|(_, deviation)| 1.0 / (deviation * deviation));
        let pull = [prior.fixed.0 * precision[0], prior.per_character.0 * precision[1]];
        // With forgetting, old observations count less, and the number of equal ones is smaller (Kish).
        let count = if self.n2 > 0.0 { self.n * self.n / self.n2 } else { 0.0 };
        let share = if self.n > 0.0 { count / self.n } else { 0.0 };
        let [s11, s22, s12, t1, t2, uu] =
            [self.s11, self.s22, self.s12, self.t1, self.t2, self.uu].map(|sum| sum * share);

        let mut scatter = PRIOR_SCATTER * PRIOR_SCATTER;
        let mut posterior = None;
        for _ in 0..ITERATIONS {
            let [p11, p22, p12] =
                inverse(precision[0] + s11 / scatter, precision[1] + s22 / scatter, s12 / scatter);
            let (r1, r2) = (pull[0] + t1 / scatter, pull[1] + t2 / scatter);
            let (m1, m2) = (p11 * r1 + p12 * r2, p12 * r1 + p22 * r2);
            let parameters = (p11 * s11 + 2.0 * p12 * s12 + p22 * s22) / scatter;
            let residuals =
                uu - 2.0 * (m1 * t1 + m2 * t2) + m1 * m1 * s11 + 2.0 * m1 * m2 * s12 + m2 * m2 * s22;
            let freedom = PRIOR_FREEDOM + (count - parameters).max(0.0);
            posterior = Some(Posterior {
                mean: [m1, m2],
                covariance: [p11, p22, p12],
                information: [s11, s22, s12].map(|sum| sum / scatter),
                scatter,
                freedom,
            });
            scatter = (PRIOR_FREEDOM * PRIOR_SCATTER * PRIOR_SCATTER + residuals.max(0.0)) / freedom;
        }
        posterior.expect("the loop runs at least once")
    }
}

/// The estimate of the fixed part and the rate, and of the scatter of single texts.
pub(super) struct Posterior {
    mean: [f64; 2],
    /// A symmetric matrix: upper left, lower right, and the others.
    covariance: [f64; 3],
    /// `S/σ²`
    information: [f64; 3],
    /// `σ²`, relative to the square of a duration.
    pub(super) scatter: f64,
    /// `ν`
    pub(super) freedom: f64,
}

impl Posterior {
    /// Returns the mean and the variance of `x·β`.
    pub(super) fn predict(&self, x1: f64, x2: f64) -> (f64, f64) {
        let mean = (self.mean[0] * x1 + self.mean[1] * x2).max(0.0);
        (mean, quadratic(&self.covariance, [x1, x2]))
    }

    /// Returns how much the variance of `x·β` changes with the logarithm of `σ²`: `xᵀ·P·(S/σ²)·P·x`.
    pub(super) fn sensitivity(&self, x1: f64, x2: f64) -> f64 {
        let [p11, p22, p12] = self.covariance;
        quadratic(&self.information, [p11 * x1 + p12 * x2, p12 * x1 + p22 * x2])
    }
}

fn quadratic([m11, m22, m12]: &[f64; 3], [x1, x2]: [f64; 2]) -> f64 {
    (m11 * x1 * x1 + 2.0 * m12 * x1 * x2 + m22 * x2 * x2).max(0.0)
}

/// Returns the inverse of a symmetric positive definite matrix.
fn inverse(m11: f64, m22: f64, m12: f64) -> [f64; 3] {
    let determinant = m11 * m22 - m12 * m12;
    [m22 / determinant, m11 / determinant, -m12 / determinant]
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
pub(super) fn to_f64(length: usize) -> f64 {
    length as f64
}
