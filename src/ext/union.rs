//! Chooses the alternative of a union, for the types that `build/unions.rs` generates.

#![cfg_attr(not(test), allow(dead_code, reason = "not used as long as the document has no unions"))]

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The value of a union, and the alternative that has kept most of it so far.
pub(crate) struct Choice<T> {
    value: Value,
    /// The variant for any other value.
    other: Option<fn(Value) -> T>,
    /// The best alternative, with the number of values that it has lost.
    best: Option<(usize, T)>,
    /// The parts of the value that any alternative keeps.
    kept: Value,
}

impl<T> Choice<T> {
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        other: Option<fn(Value) -> T>,
    ) -> Result<Self, D::Error> {
        Ok(Self { value: Value::deserialize(deserializer)?, other, best: None, kept: Value::Null })
    }

    /// Returns the value of the tag.
    pub(crate) fn tag(&self, property: &str) -> Option<String> {
        self.value.get(property)?.as_str().map(str::to_owned)
    }

    pub(crate) fn into_value(self) -> Value {
        self.value
    }

    /// Reads the alternative that the tag selects. A value that does not fit it is any other value.
    pub(crate) fn tagged<C: DeserializeOwned>(self, variant: fn(C) -> T) -> Result<T, serde_json::Error> {
        match (C::deserialize(&self.value), self.other) {
            (Ok(content), _) => Ok(variant(content)),
            (Err(_), Some(other)) => Ok(other(self.value)),
            (Err(error), None) => Err(error),
        }
    }

    /// Keeps an alternative if it loses less of the value than those before.
    pub(crate) fn consider<C: DeserializeOwned + Serialize>(&mut self, variant: fn(C) -> T) {
        if self.best.as_ref().is_some_and(|(lost, _)| *lost == 0) {
            return;
        }
        let Ok(content) = C::deserialize(&self.value) else { return };
        let Ok(kept) = serde_json::to_value(&content) else { return };
        let lost = lost(&self.value, &kept);
        match (&mut self.kept, kept) {
            (Value::Object(all), Value::Object(kept)) => all.extend(kept),
            (all, kept) => *all = kept,
        }
        if self.best.as_ref().is_none_or(|(least, _)| lost < *least) {
            self.best = Some((lost, variant(content)));
        }
    }

    /// Returns the alternative that loses least. If it loses everything, or what another alternative keeps, the value is
    /// any other value.
    pub(crate) fn closest(self) -> Result<T, &'static str> {
        let (all, unknown) = (size(&self.value), lost(&self.value, &self.kept));
        match (self.best, self.other) {
            (Some((lost, _)), Some(other)) if lost > unknown || lost > 0 && lost >= all => {
                Ok(other(self.value))
            }
            (Some((_, best)), _) => Ok(best),
            (None, Some(other)) => Ok(other(self.value)),
            (None, None) => Err("the value fits no alternative"),
        }
    }
}

/// Returns the number of values in a value, without `null`.
fn size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => members.values().map(|value| size(value).max(1)).sum(),
        _ => 1,
    }
}

/// Returns the number of values that are missing in what was kept of a value.
fn lost(value: &Value, kept: &Value) -> usize {
    match (value, kept) {
        (Value::Object(value), Value::Object(kept)) => {
            let lost = value.iter().map(|(name, value)| match kept.get(name) {
                Some(kept) => lost(value, kept),
                None => size(value),
            });
            lost.sum()
        }
        (Value::Array(value), Value::Array(kept)) if value.len() == kept.len() => {
            value.iter().zip(kept).map(|(value, kept)| lost(value, kept)).sum()
        }
        (Value::Number(value), Value::Number(kept)) if value.as_f64() == kept.as_f64() => 0,
        (value, kept) if value == kept => 0,
        (value, _) => size(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    }

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Image {
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    }

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Size {
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<i64>,
    }

    #[derive(Debug, PartialEq)]
    enum Part {
        Size(Size),
        Text(Text),
        Image(Image),
        Count(i64),
        Other(Value),
    }

    fn closest(value: &Value, other: Option<fn(Value) -> Part>) -> Result<Part, &'static str> {
        let mut choice = Choice::read(value.clone(), other).unwrap();
        choice.consider(Part::Text);
        choice.consider(Part::Image);
        choice.consider(Part::Size);
        choice.consider(Part::Count);
        choice.closest()
    }

    #[test]
    fn alternative_that_keeps_most_is_chosen() {
        let text = |text: &str| Some(text.to_owned());
        for (value, expected) in [
            (json!({"text": "a"}), Part::Text(Text { text: text("a") })),
            (json!({"url": "a"}), Part::Image(Image { url: text("a"), text: None })),
            (
                json!({"text": "a", "url": "b", "new": 1}),
                Part::Image(Image { url: text("b"), text: text("a") }),
            ),
            (json!({"text": "a", "new": 1}), Part::Text(Text { text: text("a") })),
            (json!({"url": "a", "size": 1}), Part::Other(json!({"url": "a", "size": 1}))),
            (json!({"size": 1, "new": 1}), Part::Size(Size { size: Some(1) })),
            (json!({}), Part::Text(Text { text: None })),
            (json!(3), Part::Count(3)),
            (json!({"new": {"a": [1]}}), Part::Other(json!({"new": {"a": [1]}}))),
            (json!("a"), Part::Other(json!("a"))),
        ] {
            assert_eq!(closest(&value, Some(Part::Other)), Ok(expected), "{value}");
        }
        assert_eq!(closest(&json!("a"), None), Err("the value fits no alternative"));
        assert_eq!(closest(&json!({"new": 1}), None), Ok(Part::Text(Text { text: None })));
    }

    #[test]
    fn values_are_counted_without_null_and_as_lost_if_they_differ() {
        for (value, expected) in [
            (json!(null), 0),
            (json!(false), 1),
            (json!([]), 1),
            (json!([1, null, "a"]), 3),
            (json!({}), 0),
            (json!({"a": null, "b": [1, 2], "c": {"d": 1, "e": 2}}), 6),
        ] {
            assert_eq!((size(&value), lost(&value, &value)), (expected, 0), "{value}");
            assert_eq!(lost(&value, &json!("other")), expected, "{value}");
        }
        assert_eq!(lost(&json!([1, 2]), &json!([1])), 3);
        assert_eq!(lost(&json!([1, 2]), &json!([1, 3])), 1);
        assert_eq!((lost(&json!(1), &json!(1.0)), lost(&json!(1), &json!(1.5))), (0, 1));
    }

    #[test]
    fn tag_selects_the_alternative_and_any_other_value_is_kept() {
        let value = json!({"type": "text", "text": 5});
        let choice = |other| Choice::read(value.clone(), other).unwrap();
        assert_eq!(choice(None).tag("type").as_deref(), Some("text"));
        assert_eq!(choice(None).tag("text"), None);
        assert_eq!(choice(None).into_value(), value);
        assert_eq!(choice(Some(Part::Other)).tagged(Part::Text).unwrap(), Part::Other(value.clone()));
        assert!(choice(None).tagged(Part::Text).is_err());
        let image = Choice::read(json!({"type": "image", "url": "u"}), None).unwrap().tagged(Part::Image);
        assert_eq!(image.unwrap(), Part::Image(Image { url: Some("u".to_owned()), text: None }));
    }
}
