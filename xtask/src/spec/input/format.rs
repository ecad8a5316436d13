//! From the bytes of a document to its value: JSON or YAML.

use serde_json::Value;

use crate::{
    json::{self, Pointer},
    yaml,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

/// Returns the value of a document, or one line for each error, with the name of the document.
pub(super) fn parse(name: &str, path: &str, bytes: Vec<u8>) -> Result<Value, Vec<String>> {
    value(path, bytes).map_err(|errors| json::error_lines(name, errors))
}

/// Returns the value of a document. The extension of its path may tell the format.
///
/// A text that begins with `{` or `[` is JSON. If it is not and its extension is that of YAML, it is YAML. Other text is YAML,
/// unless its extension is that of JSON.
///
/// # Errors
///
/// Returns the errors of the format, with their pointers.
fn value(path: &str, bytes: Vec<u8>) -> Result<Value, Vec<(Pointer, String)>> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        vec![(Pointer::default(), format!("invalid UTF-8 at byte {valid}, expected a text in UTF-8"))]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    match extension(path) {
        Some(Format::Json) => json::parse(text),
        Some(Format::Yaml) if looks_like_json => json::parse(text).or_else(|_| yaml::parse(text)),
        None if looks_like_json => json::parse(text),
        _ => yaml::parse(text),
    }
}

fn extension(path: &str) -> Option<Format> {
    let name = path.rsplit(['/', '\\']).next()?;
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "yaml" | "yml" => Some(Format::Yaml),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(path: &str, text: &str) -> Result<Value, String> {
        value(path, text.as_bytes().to_vec()).map_err(|errors| format!("{}: {}", errors[0].0, errors[0].1))
    }

    #[test]
    fn format_depends_on_the_extension_and_the_first_character() {
        for path in ["api.json", "api.yaml", "api.YML", "a.json/api", ""] {
            assert_eq!(parse(path, "\u{feff} {\"a\": 1e2}"), Ok(json!({"a": 100.0})), "{path}");
        }
        for path in ["api.yaml", ""] {
            assert_eq!(parse(path, "a: 1"), Ok(json!({"a": 1})));
        }
        assert_eq!(parse("api.yaml", "{a: 1}"), Ok(json!({"a": 1})));
        // JSON allows tabs, which YAML does not.
        assert_eq!(parse("api.yaml", "{\n\t\"a\": 1}"), Ok(json!({"a": 1})));
    }

    #[test]
    fn errors_are_those_of_the_likely_format() {
        for (path, text, expected) in [
            ("api.json", "a: 1", "(root): not JSON: "),
            ("api.json", "{a: 1}", "(root): not JSON: "),
            ("", "{a: 1}", "(root): not JSON: "),
            ("api.yaml", "{a: 1", "(root): not YAML: "),
            ("api.yaml", "{\"a\": 1, \"a\": 2}", "/a: duplicate key: first 1, then 2"),
            ("", "a: b: c", "(root): not YAML: "),
            ("", "", "(root): empty, expected a document"),
        ] {
            let error = parse(path, text).unwrap_err();
            assert!(error.starts_with(expected), "{path} {text}: {error}");
        }
        let error = value("", vec![b'a', 0xff]).unwrap_err();
        assert_eq!(error[0].1, "invalid UTF-8 at byte 1, expected a text in UTF-8");
    }
}
