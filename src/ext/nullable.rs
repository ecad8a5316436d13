//! Reads a property that may be left out or `null`, for the fields that `build/constructors.rs` generates.

use serde::{Deserialize, Deserializer};

/// Reads a property that is there: `null` is `Some(None)`.
#[allow(dead_code, reason = "not used as long as no property of the document is optional and nullable")]
#[expect(clippy::option_option, reason = "a property that is left out is not one that is null")]
pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::option_option, reason = "as in the generated code")]
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    struct Settings {
        #[serde(default, deserialize_with = "deserialize", skip_serializing_if = "Option::is_none")]
        seed: Option<Option<i64>>,
    }

    #[test]
    fn null_and_a_missing_property_stay_different() {
        for (json, seed) in [("{}", None), (r#"{"seed":null}"#, Some(None)), (r#"{"seed":7}"#, Some(Some(7)))]
        {
            let settings: Settings = serde_json::from_str(json).unwrap();
            assert_eq!(settings, Settings { seed });
            assert_eq!(serde_json::to_string(&settings).unwrap(), json);
        }
    }
}
