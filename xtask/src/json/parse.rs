//! A strict JSON parser.
//!
//! `serde_json` silently keeps the last of two equal keys, so half of a schema could get lost. This parser
//! reports a duplicate key as an error with its pointer, and so it reports a value that is nested too deeply.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Pointer, excerpt};

/// The maximum number of lists and objects around a value, itself included. Recursive functions rely on this limit.
pub(crate) const MAX_DEPTH: usize = 128;

/// Parses a JSON text.
///
/// # Errors
///
/// Returns one syntax error with its line and column, the first value over [`MAX_DEPTH`] with its pointer, or one error for
/// each duplicate key with its pointer.
pub(crate) fn parse(json: &str) -> Result<Value, Vec<(Pointer, String)>> {
    let problems = Problems::default();
    let node = Node { at: Pointer::default(), depth: 0, problems: &problems };
    let mut reader = serde_json::Deserializer::from_str(json);
    // Each level is checked before the parser enters it, so the stack is limited too.
    reader.disable_recursion_limit();
    let parsed = node.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let value = parsed.map_err(|error| match problems.too_deep.take() {
        Some(at) => vec![(at, error.to_string())],
        None => vec![(Pointer::default(), format!("not JSON: {error}"))],
    })?;
    match problems.duplicates.into_inner() {
        duplicates if duplicates.is_empty() => Ok(value),
        duplicates => Err(duplicates),
    }
}

/// Returns one line for each error of a text, with its name.
pub(crate) fn error_lines(name: &str, errors: Vec<(Pointer, String)>) -> Vec<String> {
    errors.into_iter().map(|(at, message)| format!("{name}: {at}: {message}")).collect()
}

/// Returns the message about a value over [`MAX_DEPTH`], without its position.
pub(crate) fn too_deep() -> String {
    format!("nested too deeply, expected at most {MAX_DEPTH} levels")
}

/// Returns the message about a key that an object has twice.
pub(crate) fn duplicate_key(first: &Value, second: &Value) -> String {
    format!("duplicate key: first {}, then {}", excerpt(first), excerpt(second))
}

/// The problems found so far.
#[derive(Default)]
struct Problems {
    duplicates: RefCell<Vec<(Pointer, String)>>,
    too_deep: Cell<Option<Pointer>>,
}

/// A value to be parsed, with its pointer and the number of lists and objects around it.
struct Node<'a> {
    at: Pointer,
    depth: usize,
    problems: &'a Problems,
}

impl Node<'_> {
    fn child(&self, token: impl fmt::Display) -> Node<'_> {
        Node { at: self.at.child(token), depth: self.depth + 1, problems: self.problems }
    }

    /// Returns an error if this list or object is nested too deeply.
    fn check_depth<E: de::Error>(&self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        self.problems.too_deep.set(Some(self.at.clone()));
        Err(E::custom(too_deep()))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.child(list.len()))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let member = self.child(&key);
            let at = member.at.clone();
            let value = members.next_value_seed(member)?;
            if let Some(first) = object.get(&key) {
                let message = duplicate_key(first, &value);
                self.problems.duplicates.borrow_mut().push((at, message));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parse_of_valid_json_returns_the_value_of_serde_json() {
        let json = r#"{"a": [1, -2, 0.8, 1e3, null, true, "\u00e9"], "b": {}}"#;
        assert_eq!(parse(json).unwrap(), serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(parse("0.8").unwrap(), json!(0.8));
    }

    #[test]
    fn parse_reports_every_duplicate_key() {
        let errors = parse(r#"{"a": 1, "b": [{"c": 1, "c": {"d": 2}}], "a": 3}"#).unwrap_err();
        let errors: Vec<_> = errors.iter().map(|(at, message)| format!("{at}: {message}")).collect();
        assert_eq!(
            errors,
            [r#"/b/0/c: duplicate key: first 1, then {"d":2}"#, "/a: duplicate key: first 1, then 3"]
        );
    }

    #[test]
    fn parse_of_invalid_json_reports_line_and_column() {
        for (json, position) in
            [("{\n  \"a\": }\n", "line 2 column 8"), ("{} {}", "line 1 column 4"), ("", "line 1 column 0")]
        {
            let message = &parse(json).unwrap_err()[0].1;
            assert!(message.starts_with("not JSON: ") && message.ends_with(position), "{message}");
        }
    }

    #[test]
    fn parse_of_value_over_the_depth_limit_reports_its_pointer() {
        let lists = |count| "[".repeat(count) + &"]".repeat(count);
        assert!(parse(&lists(MAX_DEPTH)).is_ok());
        let errors = parse(&format!("{{\"a\": {}}}", lists(MAX_DEPTH))).unwrap_err();
        let message = "nested too deeply, expected at most 128 levels at line 1 column 135";
        assert_eq!(errors, [(Pointer::new("/a".to_owned() + &"/0".repeat(127)), message.to_owned())]);
    }

    #[test]
    fn parse_of_a_million_levels_fails_without_stack_overflow() {
        for open in ["[", "{\"a\":"] {
            let (at, message) = &parse(&open.repeat(1_000_000)).unwrap_err()[0];
            assert_eq!(at.tokens().count(), MAX_DEPTH);
            assert!(message.starts_with("nested too deeply"), "{message}");
        }
    }
}
