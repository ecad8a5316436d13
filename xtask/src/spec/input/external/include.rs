//! Inclusions: references where OpenAPI allows none, such as `get: {$ref: get.yaml}`.
//!
//! Documents of many files often use them. A copy of the target takes their place, because a reference within the document
//! would be invalid there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::{MAX_DEPTH, Pointer, too_deep};

/// The maximum size of all copies. Without this limit, ten small files can stand for a billion values.
const MAX_COPIED_BYTES: usize = 64 * 1024 * 1024;

/// The maximum number of inclusions within each other.
const MAX_NESTED: usize = 64;

/// A file and a pointer.
pub(super) type Place = (usize, Pointer);

/// The inclusions of all files: the target of each, by its own place.
pub(super) type Inclusions = BTreeMap<Place, Place>;

/// Returns the files with their inclusions replaced.
///
/// # Errors
///
/// Returns the place of an inclusion that includes itself, or that makes a file too large or too deep, and a message.
pub(super) fn expand(
    files: &[&Value],
    inclusions: &Inclusions,
) -> Result<Vec<(usize, Value)>, (Place, String)> {
    let mut expansion = Expansion { files, inclusions, open: Vec::new(), copied_bytes: 0 };
    let mut expanded = Vec::new();
    for file in 0..files.len() {
        let start = (file, Pointer::default());
        if expansion.within(&start).next().is_some() {
            expanded.push((file, expansion.value(&start)?));
        }
    }
    Ok(expanded)
}

struct Expansion<'a> {
    files: &'a [&'a Value],
    inclusions: &'a Inclusions,
    /// The inclusions around the current one.
    open: Vec<&'a Place>,
    copied_bytes: usize,
}

impl<'a> Expansion<'a> {
    /// Returns a copy of the value at a place, with its inclusions replaced.
    fn value(&mut self, place: &Place) -> Result<Value, (Place, String)> {
        let (file, at) = place;
        let mut value = self.files[*file].pointer(at.as_str()).cloned().unwrap_or_default();
        if !self.open.is_empty() {
            self.copied_bytes += bytes(&value);
        }
        for (inner, target) in self.within(place).collect::<Vec<_>>() {
            self.check(inner)?;
            self.open.push(inner);
            let included = self.value(target)?;
            self.open.pop();
            if inner.1.tokens().count() + height(&included) > MAX_DEPTH {
                return Err((inner.clone(), too_deep()));
            }
            if let Some(holder) = value.pointer_mut(&inner.1.as_str()[at.as_str().len()..]) {
                *holder = included;
            }
        }
        Ok(value)
    }

    /// Returns the inclusions within a place.
    fn within(&self, place: &Place) -> impl Iterator<Item = (&'a Place, &'a Place)> + use<'a> {
        let (file, at) = place.clone();
        let start = at.clone();
        let from = self.inclusions.range((file, at)..);
        let same_start = from.take_while({
            let at = start.clone();
            move |((other, inner), _)| *other == file && inner.as_str().starts_with(at.as_str())
        });
        same_start.filter(move |((_, inner), _)| inner.is_within(&start))
    }

    fn check(&self, inner: &Place) -> Result<(), (Place, String)> {
        let message = if self.open.contains(&inner) {
            "the file includes itself; use a reference where OpenAPI allows one, such as a schema".to_owned()
        } else if self.open.len() >= MAX_NESTED {
            format!("expected at most {MAX_NESTED} inclusions within each other")
        } else if self.copied_bytes > MAX_COPIED_BYTES {
            format!("expected at most {MAX_COPIED_BYTES} bytes of included files")
        } else {
            return Ok(());
        };
        Err((inner.clone(), message))
    }
}

/// Returns the approximate size of a value in memory.
fn bytes(value: &Value) -> usize {
    let within: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| key.len() + bytes(value)).sum(),
        _ => 0,
    };
    size_of::<Value>() + within
}

/// Returns the number of levels of lists and objects.
fn height(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(height).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(height).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(file: usize, at: &str) -> Place {
        (file, Pointer::new(at))
    }

    fn expanded(
        files: &[Value],
        inclusions: &[(Place, Place)],
    ) -> Result<Vec<(usize, Value)>, (Place, String)> {
        let files: Vec<_> = files.iter().collect();
        expand(&files, &inclusions.iter().cloned().collect())
    }

    #[test]
    fn inclusions_are_replaced_in_every_file() {
        let files = [json!({"a": {}, "ab": {"c": {}}}), json!({"x": {"y": {}}}), json!(1)];
        let inclusions = [
            (place(0, "/a"), place(1, "/x")),
            (place(0, "/ab/c"), place(2, "")),
            (place(1, "/x/y"), place(2, "")),
        ];
        let expected = vec![(0, json!({"a": {"y": 1}, "ab": {"c": 1}})), (1, json!({"x": {"y": 1}}))];
        assert_eq!(expanded(&files, &inclusions), Ok(expected));
    }

    #[test]
    fn inclusion_of_itself_is_an_error() {
        let files = [json!({"a": {}}), json!({"b": {}})];
        let inclusions = [(place(0, "/a"), place(1, "")), (place(1, "/b"), place(0, ""))];
        let (at, message) = expanded(&files, &inclusions).unwrap_err();
        assert_eq!(at, place(0, "/a"));
        assert!(message.starts_with("the file includes itself"), "{message}");
    }

    #[test]
    fn exponential_inclusions_are_an_error() {
        // Each file includes the next one ten times.
        let item = json!([{}, {}, {}, {}, {}, {}, {}, {}, {}, {}]);
        let files: Vec<_> = std::iter::repeat_n(item, 30).collect();
        let inclusions: Vec<_> = (0..29)
            .flat_map(|file| (0..10).map(move |item| (place(file, &format!("/{item}")), place(file + 1, ""))))
            .collect();
        let (_, message) = expanded(&files, &inclusions).unwrap_err();
        assert_eq!(message, "expected at most 67108864 bytes of included files");
    }

    #[test]
    fn deep_inclusions_are_an_error() {
        let chain = |length: usize, value: &Value| {
            let files = vec![value.clone(); length];
            let inclusions: Vec<_> =
                (1..length).map(|file| (place(file - 1, "/0/0/0"), place(file, ""))).collect();
            expanded(&files, &inclusions)
        };
        assert!(chain(32, &json!([[[{}]]])).is_ok());
        assert_eq!(chain(60, &json!([[[{}]]])).unwrap_err().1, too_deep());
        let message = chain(100, &json!([[[{}]]])).unwrap_err().1;
        assert_eq!(message, "expected at most 64 inclusions within each other");
    }
}
