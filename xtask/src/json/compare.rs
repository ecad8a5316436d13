//! Equality of two values, the first difference between them, and excerpts for messages.

use serde_json::Value;

use super::{Pointer, normalized_number, sorted};

/// The maximum length of a value in a message.
const MAX_EXCERPT_CHARS: usize = 160;

/// Returns `true` if two values are equal. The order of keys does not count, and 1 equals 1.0.
///
/// Returns `true` exactly if the [`normalized`](super::normalized) texts of the values are equal.
pub(crate) fn equivalent(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let mut members = x.iter();
            let same = |(key, one)| y.get(key).is_some_and(|other| equivalent(one, other));
            x.len() == y.len() && members.all(same)
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(one, other)| equivalent(one, other))
        }
        (Value::Number(x), Value::Number(y)) => normalized_number(x) == normalized_number(y),
        _ => a == b,
    }
}

/// Returns the pointer of the first difference between two values, with the value that each of them has
/// there.
pub(crate) fn difference<'a>(
    a: &'a Value,
    b: &'a Value,
) -> Option<(Pointer, Option<&'a Value>, Option<&'a Value>)> {
    difference_at(Pointer::default(), a, b)
}

fn difference_at<'a>(
    at: Pointer,
    a: &'a Value,
    b: &'a Value,
) -> Option<(Pointer, Option<&'a Value>, Option<&'a Value>)> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let added = sorted(y).into_iter().find(|(key, _)| !x.contains_key(*key));
            let mut members = sorted(x).into_iter();
            members
                .find_map(|(key, one)| match y.get(key) {
                    Some(other) => difference_at(at.child(key), one, other),
                    None => Some((at.child(key), Some(one), None)),
                })
                .or_else(|| added.map(|(key, other)| (at.child(key), None, Some(other))))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let mut pairs = x.iter().zip(y).enumerate();
            pairs.find_map(|(i, (one, other))| difference_at(at.child(i), one, other))
        }
        _ => (!equivalent(a, b)).then_some((at, Some(a), Some(b))),
    }
}

/// Returns the value on one line, truncated after 160 characters.
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
    fn equivalent_ignores_key_order_and_number_notation() {
        assert!(equivalent(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        assert!(!equivalent(&json!(1), &json!("1")));
        assert!(!equivalent(&json!([1, 2]), &json!([2, 1])));
    }

    #[test]
    fn difference_returns_pointer_and_both_values() {
        let (a, b) = (json!({"x": {"y": [1, 2]}}), json!({"x": {"y": [1, 3]}}));
        let (at, one, other) = difference(&a, &b).unwrap();
        assert_eq!((at.as_str(), one, other), ("/x/y/1", Some(&json!(2)), Some(&json!(3))));
        let (a, b) = (json!({}), json!({"x": 1}));
        let (at, one, other) = difference(&a, &b).unwrap();
        assert_eq!((at.as_str(), one, other), ("/x", None, Some(&json!(1))));
    }

    #[test]
    fn excerpt_of_long_value_is_truncated_between_characters() {
        let text = excerpt(&json!("ä".repeat(500)));
        assert_eq!(text.chars().count(), MAX_EXCERPT_CHARS + 1);
    }
}
