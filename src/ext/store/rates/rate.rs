//! The rate of speech, learned from the audio of texts.

use serde::{Deserialize, Deserializer, Serialize};

use super::fit::{Fit, Prior};

/// The length in characters from which a text is not short.
pub(super) const LONG: usize = 20;

pub(super) static SHORT_PRIOR: Prior = Prior { fixed: (0.8, 0.4), per_character: (0.03, 0.03) };
pub(super) static LONG_PRIOR: Prior = Prior { fixed: (0.3, 0.3), per_character: (0.08, 0.03) };

/// The learned duration of speech for one API, model and voice.
///
/// It is part of the file format of a store: the names are stable, unknown ones are ignored, and content that is invalid
/// counts as nothing learned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rate {
    #[serde(default, deserialize_with = "valid_or_default")]
    pub(super) short: Fit,
    #[serde(default, deserialize_with = "valid_or_default")]
    pub(super) long: Fit,
}

impl Rate {
    /// Learns from the audio of a text. Ignores durations that are not positive numbers.
    pub(crate) fn observe(&mut self, characters: usize, seconds: f64) {
        if characters < LONG {
            self.short.observe(&SHORT_PRIOR, characters, seconds);
        } else {
            self.long.observe(&LONG_PRIOR, characters, seconds);
        }
    }
}

fn valid_or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fit, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok().filter(Fit::is_valid).unwrap_or_default())
}
