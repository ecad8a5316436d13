//! Reads the parts of a text that is not, or not only, JSON that `serde_json` can parse.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Map, Value};

/// The depth up to which objects and arrays are read part by part. An audio's address in a result has depth 3.
const MAX_DEPTH: usize = 5;

/// The numbers that Python writes, and that are not JSON.
const PYTHON_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

struct NotJson;

/// Returns `true` if the text is JSON, also if `serde_json` cannot store its values.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Parses JSON without the values that `serde_json` cannot store: numbers that are too large, halves of surrogate
/// pairs, deep nesting, and the numbers of Python.
///
/// # Errors
///
/// `serde_json`'s error about the whole text, if anything else in it is not JSON.
pub(super) fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).or_else(|error| parse_part(text, MAX_DEPTH).ok().flatten().ok_or(error))
}

/// Returns `None` for a value that cannot be stored.
fn parse_part(text: &str, depth: usize) -> Result<Option<Value>, NotJson> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(Some(value));
    }
    if depth > 0
        && let Some(inner) = text.strip_prefix('{')
    {
        let mut object = Map::new();
        for part in split_all(inner, "}")? {
            let (name, value) = member(part).ok_or(NotJson)?;
            if let Some(value) = parse_part(value, depth - 1)? {
                object.insert(name, value);
            }
        }
        return Ok(Some(Value::Object(object)));
    }
    if depth > 0
        && let Some(inner) = text.strip_prefix('[')
    {
        let parts = split_all(inner, "]")?.into_iter();
        let values: Result<_, _> = parts.filter_map(|part| parse_part(part, depth - 1).transpose()).collect();
        return Ok(Some(Value::Array(values?)));
    }
    if is_json(text) || PYTHON_NUMBERS.contains(&text) { Ok(None) } else { Err(NotJson) }
}

/// Returns the texts with a name in an object that may be cut off, or followed by another text.
pub(super) fn text_members(text: &str, name: &str) -> Vec<String> {
    let Some(inner) = text.trim_start().strip_prefix('{') else { return Vec::new() };
    let members = split(inner).0.into_iter().filter_map(member).filter(|(found, _)| found == name);
    members.filter_map(|(_, value)| serde_json::from_str(value).ok()).collect()
}

fn split_all<'a>(inner: &'a str, close: &str) -> Result<Vec<&'a str>, NotJson> {
    let (parts, rest) = split(inner);
    if rest == close { Ok(parts) } else { Err(NotJson) }
}

/// Splits the text behind an opening bracket into members or elements. They end at the closing bracket, with which the
/// second text begins, or at the end of the text.
fn split(text: &str) -> (Vec<&str>, &str) {
    let (mut parts, mut start, mut end) = (Vec::new(), 0, text.len());
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => {
                end = at;
                break;
            }
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..end]);
    (parts, &text[end..])
}

/// Returns the name and the value of a member of an object.
fn member(part: &str) -> Option<(String, &str)> {
    let mut names = Deserializer::from_str(part).into_iter::<String>();
    let name = names.next()?.ok()?;
    let value = part[names.byte_offset()..].trim_start().strip_prefix(':')?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_cannot_be_stored_are_left_out() {
        for value in ["1e999", "-1e999", r#""\ud83d""#, "NaN", "Infinity", "-Infinity"] {
            let text =
                format!(r#" {{"a": {value}, "b,\"" : [{value}, {{"c": {value}, "d": ","}}], "e":{value}}} "#);
            assert_eq!(parse(&text).unwrap(), json!({"b,\"": [{"d": ","}]}), "{text}");
        }
    }

    #[test]
    fn deep_value_is_left_out_below_some_depth() {
        let arrays = "[".repeat(1_000) + &"]".repeat(1_000);
        let value = parse(&format!(r#"{{"a": {arrays}, "b": 1}}"#)).unwrap();
        assert_eq!(value, json!({"a": [[[[]]]], "b": 1}));
        let objects = r#"{"c": "#.repeat(1_000) + "1" + &"}".repeat(1_000);
        let value = parse(&format!(r#"{{"a": {objects}, "b": 1}}"#)).unwrap();
        assert_eq!(value, json!({"a": {"c": {"c": {"c": {}}}}, "b": 1}));
    }

    #[test]
    fn text_members_are_read_from_an_object_that_is_cut_off_or_followed_by_text() {
        let text = r#" {"a": {"id": "no"}, "b": ",\"id\":", "id" : "t,\"}1", "c": {"d": 1}}"#;
        let end = text.find(", \"c\"").unwrap();
        for cut in (0..=text.len()).map(|end| &text[..end]) {
            let expected = (cut.len() >= end).then_some(r#"t,"}1"#);
            assert_eq!(text_members(cut, "id"), Vec::from_iter(expected), "{cut}");
        }
        assert_eq!(text_members(r#"{"id":"t1"} 0"#, "id"), ["t1"]);
        assert_eq!(text_members(r#"{"id":"t1","id":2,"id":"t3"}"#, "id"), ["t1", "t3"]);
        for other in
            [r#"["id":"t1"]"#, r#""id":"t1""#, r#"{"id":1}"#, r#"{"id":"t1" 1}"#, r#"{"a":{}},"id":"t1"}"#]
        {
            assert_eq!(text_members(other, "id"), [""; 0], "{other}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_an_error_of_the_whole_text() {
        for text in [
            "",
            "NaN",
            "1e999",
            "<html>",
            "{",
            "}",
            r#"{"a":NaN"#,
            r#"{"a":NaN]"#,
            r#"{"a":NaN}}"#,
            r#"{"a":NaN},{}"#,
            r#"{"a":NaN,}"#,
            r#"{"a":NaN,"b"}"#,
            r#"{"a":NaN,b:1}"#,
            r#"{"a":[NaN}"#,
            r#"{"a":nan}"#,
            "[NaN,]",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                serde_json::from_str::<Value>(text).unwrap_err().to_string(),
                "{text}"
            );
        }
    }

    #[test]
    fn deep_text_that_is_not_json_is_refused_quickly() {
        for bracket in ["[", "{\"a\":"] {
            assert!(parse(&bracket.repeat(100_000)).is_err());
            assert!(parse(&(bracket.repeat(100) + "NaN")).is_err());
        }
    }
}
