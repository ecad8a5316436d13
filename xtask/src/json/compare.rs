//! When two values say the same, where they stop saying it, and how to show one in a message.

use serde_json::Value;

use super::{Pointer, sorted};

/// How much of a value a message shows.
const MAX_EXCERPT_CHARS: usize = 160;

/// Whether two values say the same: order of keys is nothing, and 1 is 1.0.
pub(crate) fn equivalent(a: &Value, b: &Value) -> bool {
    difference(a, b).is_none()
}

/// The first place at which two values differ, with what each has there.
pub(crate) fn difference<'a>(
    a: &'a Value,
    b: &'a Value,
) -> Option<(Pointer, Option<&'a Value>, Option<&'a Value>)> {
    differ(Pointer::default(), a, b)
}

fn differ<'a>(
    at: Pointer,
    a: &'a Value,
    b: &'a Value,
) -> Option<(Pointer, Option<&'a Value>, Option<&'a Value>)> {
    let same = match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let missing = sorted(y).into_iter().find(|(key, _)| !x.contains_key(*key));
            return sorted(x)
                .into_iter()
                .find_map(|(key, one)| match y.get(key) {
                    Some(other) => differ(at.child(key), one, other),
                    None => Some((at.child(key), Some(one), None)),
                })
                .or_else(|| missing.map(|(key, other)| (at.child(key), None, Some(other))));
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let mut pairs = x.iter().zip(y).enumerate();
            return pairs.find_map(|(i, (one, other))| differ(at.child(i), one, other));
        }
        // An integer and a float are two things to serde_json, and one to whoever wrote the document.
        (Value::Number(x), Value::Number(y)) => {
            x == y || (x.is_f64() != y.is_f64() && x.as_f64() == y.as_f64())
        }
        _ => a == b,
    };
    (!same).then_some((at, Some(a), Some(b)))
}

/// A value on one line, cut when it is long.
pub(crate) fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_is_one_point_zero_and_key_order_is_nothing() {
        assert!(equivalent(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        assert!(!equivalent(&json!(1), &json!("1")));
        assert!(!equivalent(&json!([1, 2]), &json!([2, 1])));
    }

    #[test]
    fn names_the_first_difference() {
        let (a, b) = (json!({"x": {"y": [1, 2]}}), json!({"x": {"y": [1, 3]}}));
        let (at, one, other) = difference(&a, &b).unwrap();
        assert_eq!((at.as_str(), one, other), ("/x/y/1", Some(&json!(2)), Some(&json!(3))));
        let (a, b) = (json!({}), json!({"x": 1}));
        let (at, one, other) = difference(&a, &b).unwrap();
        assert_eq!((at.as_str(), one, other), ("/x", None, Some(&json!(1))));
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = excerpt(&json!("ä".repeat(500)));
        assert_eq!(shown.chars().count(), MAX_EXCERPT_CHARS + 1);
    }
}
