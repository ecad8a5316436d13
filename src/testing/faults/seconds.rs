//! Durations as numbers of seconds in JSON.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    from_number(f64::deserialize(deserializer)?)
}

fn from_number<E: Error>(seconds: f64) -> Result<Duration, E> {
    let problem = |error| E::custom(format!("seconds: {seconds} is out of range: {error}"));
    Duration::try_from_secs_f64(seconds).map_err(problem)
}

/// The same for durations that may be missing.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer, from_number};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_some(&time.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<f64>::deserialize(deserializer)?.map(from_number).transpose()
    }
}
