//! The expected seconds of audio of a text.
//!
//! The duration of speech is close to `a + b·characters`: `a` is the silence at the start and the end, `b` the inverse of the
//! speaking rate. A [`Rate`] learns both for one API, model and voice by Bayesian linear regression, which blends a prior
//! with the observations. [`fit`] has the formulas, and [`expected`] adds up the texts of a plan.
//!
//! # Prior
//!
//! Narrators read 130 to 160 words per minute \[1\], and a word of English has about 5.7 characters with the space after it.
//! That makes 0.066 to 0.081 seconds per character. A provider of synthetic speech counts 750 characters as one minute \[2\],
//! which is 0.08. Languages differ: readers speak 5.25 syllables per second in Vietnamese and 7.7 in Spanish \[3\]. So do
//! voices. The prior is therefore wide: 95 of 100 voices take 0.037 to 0.15 seconds per character. Scripts with one character
//! per syllable, such as Chinese, take about 0.2, which is outside of the prior. For them, the range holds only after the
//! first observations.
//!
//! 1. <https://www.promptvo.com/blogs/whats-an-average-speaking-rate-how-many-words-per-minute-wpm-is-average-when-reading-an-audiobook-or-giving-a-presentation>
//! 2. <https://unrealspeech.com/>
//! 3. C. Coupé, Y. M. Oh, D. Dediu, F. Pellegrino: Different languages, similar encoding efficiency. Science Advances 5 (2019),
//!    <https://doi.org/10.1126/sciadv.aaw2594>
//!
//! # Short texts
//!
//! A provider's minimum of about one second bends the line below 20 characters. Shorter texts therefore have a fit of their
//! own, and do not change the estimate for longer ones.
//!
//! # Limits
//!
//! The range assumes that texts are alike: it knows how much single texts scatter, but not that a whole book can consist of
//! numbers. In simulations, with lognormal scatter of 10 and 30 % and after 5, 50 and 1,000 observations, the range holds in
//! 90 to 99 of 100 cases. For a plan of texts below 20 characters only, it holds in at least 80, because the minimum makes
//! the scatter of their durations skewed. The range is then a few percent wide, and misses by about 1 %. The tests repeat
//! these simulations.

mod expected;
mod fit;
mod rate;
#[cfg(test)]
mod tests;

pub(super) use self::expected::Expected;
pub(crate) use self::{expected::Estimate, rate::Rate};
