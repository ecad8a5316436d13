//! The expected duration of many texts, added up in fixed space.

use super::{
    fit::{Fit, Posterior, Prior, to_f64},
    rate::{LONG, LONG_PRIOR, Rate, SHORT_PRIOR},
};

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_964;

/// An expected duration in seconds. According to the model, the range holds in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) low: f64,
    pub(crate) mean: f64,
    pub(crate) high: f64,
}

/// The sum of the durations of texts with one [`Rate`]. A text that is shorter than `minimum` seconds counts as that.
pub(crate) struct Expected {
    minimum: f64,
    short: Sum,
    long: Sum,
}

impl Rate {
    /// Returns the expected duration of the audio of texts with these lengths together, in seconds.
    ///
    /// According to the model, the range holds in 95 of 100 cases.
    pub(crate) fn expect(&self, lengths: impl IntoIterator<Item = usize>) -> Estimate {
        let mut expected = Expected::new(self, 0.0);
        lengths.into_iter().for_each(|characters| expected.add(characters));
        Estimate::of_all([&expected])
    }
}

impl Expected {
    pub(crate) fn new(rate: &Rate, minimum: f64) -> Self {
        let short = Sum::new(&SHORT_PRIOR, &rate.short);
        Self { minimum, short, long: Sum::new(&LONG_PRIOR, &rate.long) }
    }

    pub(crate) fn add(&mut self, characters: usize) {
        let sum = if characters < LONG { &mut self.short } else { &mut self.long };
        sum.add(to_f64(characters), self.minimum);
    }
}

impl Estimate {
    /// Returns the estimate for the texts of all sums together.
    ///
    /// The sum of durations is about lognormal, by its mean and its variance (Fenton and Wilkinson). The variance is itself
    /// estimated, so the quantile is that of Student's distribution, with the degrees of freedom of Welch and Satterthwaite.
    pub(crate) fn of_all<'a>(all: impl IntoIterator<Item = &'a Expected>) -> Self {
        let (mut mean, mut variance, mut doubt) = (0.0, 0.0, 0.0);
        for expected in all {
            for sum in [&expected.short, &expected.long] {
                let (part, sensitivity) = sum.variance();
                mean += sum.mean;
                variance += part;
                doubt += sensitivity * sensitivity / sum.posterior.freedom;
            }
        }
        if mean <= 0.0 {
            return Self { low: 0.0, mean: 0.0, high: 0.0 };
        }
        let spread = (variance / (mean * mean)).ln_1p();
        let distance = student(variance * variance / doubt) * spread.sqrt();
        let bound = |distance: f64| mean * (distance - spread / 2.0).exp();
        Self { low: bound(-distance), mean, high: bound(distance) }
    }
}

/// The sum of the durations of texts that have one fit.
struct Sum {
    prior: &'static Prior,
    posterior: Posterior,
    mean: f64,
    /// The variance from the scatter of single texts, which averages out.
    scatter: f64,
    /// The gradient of the mean by the parameters, whose uncertainty does not average out.
    gradient: [f64; 2],
}

impl Sum {
    fn new(prior: &'static Prior, fit: &Fit) -> Self {
        Self { prior, posterior: fit.posterior(prior), mean: 0.0, scatter: 0.0, gradient: [0.0; 2] }
    }

    /// Adds a text. Gauss-Hermite quadrature with three points finds how often the minimum applies, and its effect on the
    /// mean.
    fn add(&mut self, characters: f64, minimum: f64) {
        let (mean, uncertainty) = self.posterior.predict(1.0, characters);
        let scatter = self.posterior.scatter * self.prior.mean(characters).powi(2);
        let distance = (3.0 * (scatter + uncertainty)).sqrt();
        let points = [(1.0 / 6.0, mean - distance), (2.0 / 3.0, mean), (1.0 / 6.0, mean + distance)];
        let above: f64 = points.iter().filter(|(_, point)| *point > minimum).map(|(weight, _)| weight).sum();
        self.mean += points.iter().map(|(weight, point)| weight * point.max(minimum)).sum::<f64>();
        self.scatter += above * scatter;
        self.gradient[0] += above;
        self.gradient[1] += above * characters;
    }

    /// Returns the variance of the sum, and how much it changes with the logarithm of the scatter.
    fn variance(&self) -> (f64, f64) {
        let [x1, x2] = self.gradient;
        let (_, uncertainty) = self.posterior.predict(x1, x2);
        (self.scatter + uncertainty, self.scatter + self.posterior.sensitivity(x1, x2))
    }
}

/// Returns the 97.5 % quantile of Student's distribution, by the expansion of Cornish and Fisher.
///
/// See M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 26.7.5. It is exact to 0.03 from 3 degrees of
/// freedom.
pub(super) fn student(freedom: f64) -> f64 {
    let z2 = Z * Z;
    let terms = [
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
    ];
    let inverse = 1.0 / freedom.max(1.0);
    Z * (1.0 + inverse * (terms[0] + inverse * (terms[1] + inverse * terms[2])))
}
