//! The text of a value within JSON text, with the notation of its author.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Pointer;

/// Returns the text of the value at the pointer. Returns `None` if the value is missing, or if the text is not
/// JSON.
pub(crate) fn text_at<'a>(json: &'a str, pointer: &Pointer) -> Option<&'a str> {
    pointer.tokens().try_fold(json.trim(), |json, token| {
        let value = if json.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            items.get(token.parse::<usize>().ok()?).copied()
        } else {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            members.get(&token).copied()
        };
        value.map(RawValue::get)
    })
}

/// Returns the text with the value at the pointer replaced by other text. Returns `None` if the value is missing.
pub(crate) fn replace_at(json: &str, pointer: &Pointer, value: &str) -> Option<String> {
    let found = text_at(json, pointer)?;
    // `found` is a part of `json`, so its address tells its position.
    let start = found.as_ptr().addr() - json.as_ptr().addr();
    Some([&json[..start], value, &json[start + found.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = " {\"a\": [1.0,\r\n {\"b/c\" : 1e3}], \"s\": \"\\u00e9 {\"}\n";

    #[test]
    fn text_at_returns_values_in_the_notation_of_their_author() {
        for (pointer, expected) in [
            ("/a/0", Some("1.0")),
            ("/a/1/b~1c", Some("1e3")),
            ("/s", Some("\"\\u00e9 {\"")),
            ("/a/2", None),
            ("/a/x", None),
            ("/s/0", None),
            ("/b", None),
        ] {
            assert_eq!(text_at(JSON, &Pointer::new(pointer)), expected, "{pointer}");
        }
        assert_eq!(text_at("{", &Pointer::new("/a")), None);
    }

    #[test]
    fn replace_at_changes_only_the_value() {
        let replaced = replace_at(JSON, &Pointer::new("/a/1/b~1c"), "2").unwrap();
        assert_eq!(replaced, JSON.replace("1e3", "2"));
        assert_eq!(replace_at(JSON, &Pointer::new("/b"), "2"), None);
    }
}
