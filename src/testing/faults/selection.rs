//! The positions that a script selects.

use std::{num::NonZeroU64, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use super::seconds;

/// The positions of a rule, each with its value. In JSON, the name of the constructor of
/// [`Script`](super::Script) with its arguments.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Selection<T> {
    Always(T),
    Nth(NonZeroU64, T),
    Next(u64, T),
    FromNth(NonZeroU64, T),
    Steps(Vec<Option<T>>),
    During(#[serde(with = "seconds")] Duration, T),
    Random(Random<T>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Random<T> {
    pub(crate) seed: u64,
    #[serde(deserialize_with = "probability")]
    pub(crate) probability: f64,
    #[serde(bound(deserialize = "T: Deserialize<'de>"), deserialize_with = "choices")]
    pub(crate) choices: Vec<T>,
}

/// The count of the requests or tasks that a rule has seen, and its random numbers.
#[derive(Debug)]
pub(crate) struct Counter {
    count: u64,
    rng: fastrand::Rng,
}

impl<T> Selection<T> {
    /// Returns a counter. `stream` tells the random numbers of the counters of one rule apart.
    pub(crate) fn counter(&self, stream: u64) -> Counter {
        let seed = if let Self::Random(random) = self { random.seed } else { 0 };
        Counter { count: 0, rng: fastrand::Rng::with_seed(seed ^ stream) }
    }

    /// Counts the next request or task, and returns the value selected for it. `age` is the time since the
    /// script was set.
    pub(crate) fn next(&self, counter: &mut Counter, age: Duration) -> Option<&T> {
        counter.count += 1;
        let n = counter.count;
        match self {
            Self::Always(value) => Some(value),
            Self::Nth(nth, value) => (n == nth.get()).then_some(value),
            Self::Next(last, value) => (n <= *last).then_some(value),
            Self::FromNth(first, value) => (n >= first.get()).then_some(value),
            Self::Steps(steps) => steps.get(usize::try_from(n).ok()? - 1)?.as_ref(),
            Self::During(time, value) => (age < *time).then_some(value),
            Self::Random(Random { probability, choices, .. }) => {
                let (draw, choice) = (counter.rng.f64(), counter.rng.usize(..choices.len()));
                (draw < *probability).then(|| &choices[choice])
            }
        }
    }

    /// Returns all values that the selection can give.
    pub(crate) fn values(&self) -> Vec<&T> {
        match self {
            Self::Always(value)
            | Self::Nth(_, value)
            | Self::Next(_, value)
            | Self::FromNth(_, value)
            | Self::During(_, value) => vec![value],
            Self::Steps(steps) => steps.iter().flatten().collect(),
            Self::Random(random) => random.choices.iter().collect(),
        }
    }
}

impl<T> Random<T> {
    /// Returns an error that names the invalid argument.
    pub(crate) fn check_probability(probability: f64) -> Result<(), String> {
        if (0.0..=1.0).contains(&probability) {
            return Ok(());
        }
        Err(format!("probability: {probability} is out of range, expected 0 to 1"))
    }

    pub(crate) fn check_choices(choices: &[T]) -> Result<(), String> {
        if choices.is_empty() { Err("choices: empty, expected at least 1".to_owned()) } else { Ok(()) }
    }
}

fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let probability = f64::deserialize(deserializer)?;
    Random::<()>::check_probability(probability).map_err(D::Error::custom)?;
    Ok(probability)
}

fn choices<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let choices = Vec::deserialize(deserializer)?;
    Random::check_choices(&choices).map_err(D::Error::custom)?;
    Ok(choices)
}
