//! Reading JSON strictly.
//!
//! `serde_json` takes the last of two equal keys and says nothing, so half of a schema could vanish on its way in. Here
//! a key that stands twice is an error with its place.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Pointer, excerpt};

/// The value, or every reason why there is none: where it stops being JSON, or each key that stands twice.
pub(crate) fn parse(json: &str) -> Result<Value, Vec<(Pointer, String)>> {
    let twice = RefCell::new(Vec::new());
    let node = Node { at: Pointer::default(), twice: &twice };
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = node
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| vec![(Pointer::default(), format!("not JSON: {error}"))])?;
    match twice.into_inner() {
        twice if twice.is_empty() => Ok(value),
        twice => Err(twice),
    }
}

/// A value about to be read, which knows its place.
struct Node<'a> {
    at: Pointer,
    twice: &'a RefCell<Vec<(Pointer, String)>>,
}

impl Node<'_> {
    fn child(&self, token: impl fmt::Display) -> Node<'_> {
        Node { at: self.at.child(token), twice: self.twice }
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
                let message = format!("the key stands twice: first {first}, then {second}");
                self.twice.borrow_mut().push((at, message));
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
    fn reads_what_serde_json_reads() {
        let json = r#"{"a": [1, -2, 0.8, 1e3, null, true, "\u00e9"], "b": {}}"#;
        assert_eq!(parse(json).unwrap(), serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(parse("0.8").unwrap(), json!(0.8));
    }

    #[test]
    fn names_every_key_that_stands_twice() {
        let found = parse(r#"{"a": 1, "b": [{"c": 1, "c": {"d": 2}}], "a": 3}"#).unwrap_err();
        let found: Vec<_> = found.iter().map(|(at, said)| format!("{at}: {said}")).collect();
        assert_eq!(
            found,
            [
                r#"/b/0/c: the key stands twice: first 1, then {"d":2}"#,
                "/a: the key stands twice: first 1, then 3",
            ]
        );
    }

    #[test]
    fn says_line_and_column_of_what_is_no_json() {
        for (json, place) in
            [("{\n  \"a\": }\n", "line 2 column 8"), ("{} {}", "line 1 column 4"), ("", "line 1 column 0")]
        {
            let said = &parse(json).unwrap_err()[0].1;
            assert!(said.starts_with("not JSON: ") && said.ends_with(place), "{said}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let said = &parse(&"[".repeat(100_000)).unwrap_err()[0].1;
        assert!(said.contains("recursion limit"), "{said}");
    }
}
