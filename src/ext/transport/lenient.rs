//! Parses a success that differs from the API's document in properties that are not needed.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::json_parts;

/// The most invalid properties and elements that are removed. For each, the body is deserialized again, and nothing else
/// runs on the thread meanwhile.
const MAX_REMOVED: usize = 30;

/// Parses a body. Up to [`MAX_REMOVED`] invalid properties and elements are dropped if the type does
/// not require them.
///
/// `known` are properties whose values the caller knows. They are added if they are missing or are not texts.
///
/// # Errors
///
/// Names the property that is missing or invalid. Serde's own message may quote the body, which may contain the address
/// of an audio file.
pub(super) fn parse<T: DeserializeOwned>(text: &str, known: &[(&str, &str)]) -> Result<T, String> {
    let mut body = json_parts::parse(text).map_err(|error| {
        format!("the response is not JSON (line {}, column {})", error.line(), error.column())
    })?;
    if let Value::Object(object) = &mut body {
        for (name, value) in known {
            if !object.get(*name).is_some_and(Value::is_string) {
                object.insert((*name).to_owned(), (*value).into());
            }
        }
    }
    let mut first_problem = None;
    for _ in 0..=MAX_REMOVED {
        let error = match serde_path_to_error::deserialize(&body) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        first_problem.get_or_insert_with(|| describe(error.path(), error.inner()));
        // Without a required property, the next round fails at its parent. At the root, nothing can be removed.
        if !remove(&mut body, &error.path().iter().collect::<Vec<_>>()) {
            break;
        }
    }
    Err(first_problem.unwrap_or_default())
}

/// Removes the property or element at a path. Returns `true` if there was one.
fn remove(value: &mut Value, path: &[&Segment]) -> bool {
    match (path, value) {
        ([Segment::Map { key }], Value::Object(object)) => object.remove(key).is_some(),
        ([Segment::Seq { index }], Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        ([Segment::Map { key }, rest @ ..], Value::Object(object)) => {
            object.get_mut(key).is_some_and(|value| remove(value, rest))
        }
        ([Segment::Seq { index }, rest @ ..], Value::Array(items)) => {
            items.get_mut(*index).is_some_and(|value| remove(value, rest))
        }
        _ => false,
    }
}

fn describe(path: &Path, error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The names of missing properties come from our own types.
    let problem = if text.starts_with("missing field") { &*text } else { "invalid value" };
    if path.iter().next().is_some() {
        format!("the response does not match the API's document: `{path}`: {problem}")
    } else {
        format!("the response does not match the API's document: {problem}")
    }
}

/// Replaces an address in a text.
const ADDRESS: &str = "[address]";

/// Returns a body or a message as an error may show it. Who has the address of an audio file may be able to download it.
pub(crate) fn without_addresses(text: &str) -> String {
    let Ok(mut body) = serde_json::from_str::<Value>(text) else {
        if !text.trim_start().starts_with(['{', '[']) {
            return replace_addresses(text);
        }
        // A truncated body may end within an address.
        let end = ["://", r":\/\/", "\"url\""].iter().filter_map(|mark| text.find(mark)).min();
        return text[..end.unwrap_or(text.len())].to_owned();
    };
    let original = body.clone();
    remove_addresses(&mut body);
    match body {
        Value::String(text) => text,
        body if body == original => text.to_owned(),
        body => body.to_string(),
    }
}

/// Replaces each address. A text that begins with an address is replaced as a whole, because the address may contain
/// spaces.
fn replace_addresses(text: &str) -> String {
    let ends_word = |character: char| character.is_whitespace() || matches!(character, '"' | '<' | '>');
    // In JSON within a text, the slashes may be escaped.
    let is_address = |word: &str| word.replace('\\', "").contains("//");
    if text.trim_start().split(ends_word).next().is_some_and(is_address) {
        return ADDRESS.to_owned();
    }
    let parts = text.split_inclusive(ends_word).map(|part| {
        let word = part.trim_end_matches(ends_word);
        if is_address(word) { format!("{ADDRESS}{}", &part[word.len()..]) } else { part.to_owned() }
    });
    parts.collect()
}

fn remove_addresses(value: &mut Value) {
    match value {
        Value::String(text) => *text = replace_addresses(text),
        Value::Array(items) => items.iter_mut().for_each(remove_addresses),
        Value::Object(object) => {
            for (name, value) in object {
                if name == "url" && value.is_string() {
                    *value = ADDRESS.into();
                }
                remove_addresses(value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::{SpeechResult, TaskCreated};

    fn result(body: &Value) -> Result<SpeechResult, String> {
        parse(&body.to_string(), &[("id", "t1")])
    }

    fn finished() -> Value {
        let url = "https://example.com/a.wav?signature=s";
        json!({"id": "t1", "status": "COMPLETED", "created": 1, "finished": 2, "model": "m", "results": [{"url": url}]})
    }

    #[test]
    fn invalid_properties_that_nobody_needs_do_not_hide_a_finished_task() {
        for name in ["id", "created", "finished", "model", "results"] {
            for invalid in [json!(null), json!(true), json!([]), json!({"a": 1}), json!([["//"]])] {
                let mut body = finished();
                body[name] = invalid;
                let result = result(&body).unwrap_or_else(|problem| panic!("{body}: {problem}"));
                assert!(result.status.is_final() && result.id == "t1");
            }
            let mut body = finished();
            body.as_object_mut().unwrap().remove(name);
            assert!(result(&body).unwrap().status.is_final(), "{name} is missing");
        }
        let mut body = finished();
        (body["created"], body["finished"], body["model"]) = (json!("2026-11-26"), json!("soon"), json!(7));
        let result = result(&body).unwrap();
        assert_eq!((result.created, result.finished, result.model), (None, None, None));
    }

    #[test]
    fn values_that_cannot_be_stored_do_not_hide_a_finished_task() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for value in ["1e999", r#""\ud83d""#, "NaN", &deep] {
            let address = r#"{"url": "https://example.com/a.wav", "length": VALUE}"#;
            let body = format!(
                r#"{{"status": "COMPLETED", "created": VALUE, "model": VALUE, "other": VALUE, "results": [{address}]}}"#
            );
            let result: SpeechResult = parse(&body.replace("VALUE", value), &[("id", "t1")]).unwrap();
            assert!(result.status.is_final() && result.results[0].url.is_some(), "{value}");
        }
    }

    #[test]
    fn invalid_output_does_not_hide_the_address_of_another() {
        let mut body = finished();
        let address = body["results"][0].clone();
        body["results"] = json!([null, {"url": 7}, address, "text"]);
        let urls: Vec<_> =
            result(&body).unwrap().results.into_iter().filter_map(|output| output.url).collect();
        assert_eq!(urls.len(), 1, "{urls:?}");
    }

    #[test]
    fn body_with_very_many_invalid_elements_is_refused() {
        let mut body = finished();
        let address = body["results"][0].clone();
        for (invalid, is_parsed) in [(MAX_REMOVED, true), (MAX_REMOVED + 1, false), (20_000, false)] {
            let mut outputs = vec![json!({}); 20_000];
            outputs.extend(vec![json!(0); invalid]);
            outputs.push(address.clone());
            body["results"] = outputs.into();
            match result(&body) {
                Ok(result) => assert!(is_parsed && result.results.len() == 20_001),
                Err(problem) => {
                    let expected =
                        "the response does not match the API's document: `results[20000]`: invalid value";
                    assert!(!is_parsed && problem == expected, "{problem}");
                }
            }
        }
    }

    #[test]
    fn id_of_another_task_is_kept() {
        let mut body = finished();
        body["id"] = json!("t2");
        assert_eq!(result(&body).unwrap().id, "t2");
    }

    #[test]
    fn required_property_that_is_missing_or_invalid_is_named() {
        let without = |name: &str| {
            let mut body = finished();
            body.as_object_mut().unwrap().remove(name);
            result(&body).unwrap_err()
        };
        let prefix = "the response does not match the API's document: ";
        assert_eq!(without("status"), format!("{prefix}missing field `status`"));
        let mut body = finished();
        body["status"] = json!(7);
        assert_eq!(result(&body).unwrap_err(), format!("{prefix}`status`: invalid value"));
        assert_eq!(result(&json!([])).unwrap_err(), format!("{prefix}invalid value"));
        let not_json = parse::<TaskCreated>("<html>", &[]).unwrap_err();
        assert_eq!(not_json, "the response is not JSON (line 1, column 1)");
    }

    #[test]
    fn shown_body_contains_no_address() {
        let text = finished().to_string();
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let shown = without_addresses(&text[..end]);
            assert!(!shown.contains("example.com") && !shown.contains("signature"), "{shown}");
        }
        assert!(without_addresses(&text).contains(r#""status":"COMPLETED""#));
        let relative =
            json!({"results": [{"url": "/a.wav?signature=s"}, ["//example.com/a.wav"]]}).to_string();
        assert_eq!(without_addresses(&relative), r#"{"results":[{"url":"[address]"},["[address]"]]}"#);
        assert_eq!(without_addresses("<h1>502</h1>"), "<h1>502</h1>");
    }

    #[test]
    fn shown_message_keeps_its_text_around_an_address() {
        for (message, shown) in [
            ("limit reached, see https://example.com/a?b=c now", "limit reached, see [address] now"),
            ("moved\tto //example.com/a.wav\n", "moved\tto [address]\n"),
            (r#"<a href="https://example.com/a">502</a>"#, r#"<a href="[address]">502</a>"#),
            (r#"upstream: "https:\/\/example.com\/a.wav""#, r#"upstream: "[address]""#),
            ("https://example.com/my file.wav?signature=s", "[address]"),
            (r#"{"detail": "see https://example.com/a b"}"#, r#"{"detail":"see [address] b"}"#),
            (r#"{"a": "https://example.com/my file.wav"}"#, r#"{"a":"[address]"}"#),
            (r#"{"a": "https:\/\/example.com\/a.wa"#, r#"{"a": "https"#),
            (r#"{"a": 1, "b":"c"}"#, r#"{"a": 1, "b":"c"}"#),
            ("one / two, 1/2", "one / two, 1/2"),
            ("", ""),
        ] {
            assert_eq!(without_addresses(message), shown);
        }
    }
}
