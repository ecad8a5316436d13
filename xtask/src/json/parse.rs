//! A strict JSON parser.
//!
//! `serde_json` silently keeps the last of two equal keys, so half of a schema could get lost. This parser
//! reports a duplicate key as an error with its pointer.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Pointer, excerpt};

/// Parses a JSON text.
///
/// # Errors
///
/// Returns one syntax error with its line and column, or one error for each duplicate key with its pointer.
pub(crate) fn parse(json: &str) -> Result<Value, Vec<(Pointer, String)>> {
    let duplicates = RefCell::new(Vec::new());
    let node = Node { at: Pointer::default(), duplicates: &duplicates };
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = node
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| vec![(Pointer::default(), format!("not JSON: {error}"))])?;
    match duplicates.into_inner() {
        duplicates if duplicates.is_empty() => Ok(value),
        duplicates => Err(duplicates),
    }
}

/// A value to be parsed, with its pointer and the duplicate keys found so far.
struct Node<'a> {
    at: Pointer,
    duplicates: &'a RefCell<Vec<(Pointer, String)>>,
}

impl Node<'_> {
    fn child(&self, token: impl fmt::Display) -> Node<'_> {
        Node { at: self.at.child(token), duplicates: self.duplicates }
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
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.child(list.len()))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let member = self.child(&key);
            let at = member.at.clone();
            let value = members.next_value_seed(member)?;
            let second = object.contains_key(&key).then(|| excerpt(&value));
            if let (Some(first), Some(second)) = (object.insert(key, value), second) {
                let first = excerpt(&first);
                let message = format!("duplicate key: first {first}, then {second}");
                self.duplicates.borrow_mut().push((at, message));
            }
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
    fn parse_of_deeply_nested_json_fails_without_stack_overflow() {
        let message = &parse(&"[".repeat(100_000)).unwrap_err()[0].1;
        assert!(message.contains("recursion limit"), "{message}");
    }
}
