use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// The environment variable that [`Client::from_env`](crate::Client::from_env) reads the key from.
pub(crate) const API_KEY_VAR: &str = "DISTRIBUTE_AI_API_KEY";

/// The API key: the one place it lives in. Goes into a header or comes out as `[redacted]`.
#[derive(Clone)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// White space around the key, such as the line end of a file it was read from, is no part of it.
    pub(crate) fn new(key: &str) -> Result<Self, Error> {
        let key = key.trim();
        let problem = if key.is_empty() {
            format!("missing: set {API_KEY_VAR}, or call `ClientBuilder::api_key`")
        } else if key.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
            "starts with `Bearer `: this API takes the bare key".to_owned()
        } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            "holds a character that no header can carry: printable ASCII without spaces only".to_owned()
        } else {
            return Ok(Self(SecretString::from(key)));
        };
        Err(Error::invalid("api key", problem))
    }

    /// Marked as sensitive, so that HTTP libraries keep it out of their own logs.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0.expose_secret()).expect("checked by `new`");
        value.set_sensitive(true);
        value
    }

    /// A server may well repeat the key in what it says about it: as it is, or as JSON spells it, whole or torn.
    pub(crate) fn redact(&self, text: &str) -> String {
        let key = self.0.expose_secret();
        let text = text.replace(key, REDACTED);
        let spelled = text.contains('\\') || key.contains('\\');
        if !spelled || key.trim_start_matches('\\').is_empty() {
            return text;
        }
        let (mut redacted, mut rest) = (String::with_capacity(text.len()), text.as_str());
        while let Some(next) = rest.chars().next() {
            let behind = behind(rest, key).inspect(|_| redacted.push_str(REDACTED));
            rest = behind.unwrap_or_else(|| {
                let length = if next == '\\' { rest.len() - bare(rest).len() } else { next.len_utf8() };
                redacted.push_str(&rest[..length]);
                &rest[length..]
            });
        }
        redacted
    }
}

const REDACTED: &str = "[redacted]";

/// What stands behind the key, if a text begins with it in any spelling: JSON puts a backslash before some characters,
/// more of them where it stands within other JSON, and can tell each by its number. So backslashes count for nothing.
fn behind<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let key = key.trim_start_matches('\\');
    let Some(next) = key.chars().next() else { return Some(text) };
    let (rest, bare) = (&key[next.len_utf8()..], bare(text));
    let told = if bare.len() < text.len() { by_number(bare) } else { None };
    told.filter(|(told, _)| *told == next)
        .and_then(|(_, text)| behind(text, rest))
        .or_else(|| behind(bare.strip_prefix(next)?, rest))
}

/// A text without the backslashes that it begins with.
fn bare(text: &str) -> &str {
    let mut bare = text.trim_start_matches('\\');
    while bare.len() < text.len()
        && let Some(('\\', text)) = by_number(bare)
    {
        bare = text.trim_start_matches('\\');
    }
    bare
}

/// The character of a `u002b`, and what stands behind it.
fn by_number(text: &str) -> Option<(char, &str)> {
    let digits =
        text.strip_prefix('u')?.get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, &text[5..]))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(key: &str, expected: &str) {
        let error = ApiKey::new(key).unwrap_err();
        assert!(error.is_invalid());
        assert!(error.to_string().contains(expected), "{error}");
        assert!(key.trim().is_empty() || !error.to_string().contains(key), "{error}");
    }

    #[test]
    fn a_key_is_one_printable_word_without_bearer() {
        refused("", "missing: set DISTRIBUTE_AI_API_KEY");
        refused(" \n", "missing");
        refused("Bearer sk-1", "takes the bare key");
        refused("sk 1", "printable ASCII");
        refused("sk\u{7f}", "printable ASCII");
        refused("schlüssel", "printable ASCII");
    }

    #[test]
    fn white_space_around_it_is_dropped() {
        assert_eq!(ApiKey::new(" sk-1\r\n").unwrap().header(), "sk-1");
    }

    #[test]
    fn it_shows_neither_in_debug_nor_in_a_text_that_repeats_it() {
        let key = ApiKey::new("sk-1").unwrap();
        assert_eq!(format!("{key:?} {:?}", key.header()), "[redacted] Sensitive");
        assert_eq!(key.redact("no such key: sk-1"), "no such key: [redacted]");
        let key = ApiKey::new(r#"a/b\c"d"#).unwrap();
        for form in [r#"a/b\c"d"#, r#"a/b\\c\"d"#, r#"a\/b\\c\"d"#] {
            assert_eq!(key.redact(form), "[redacted]");
        }
        let key = ApiKey::new("ab+cd").unwrap();
        assert_eq!(key.redact(r#"{"error": "no key ab\u002Bcd"}"#), r#"{"error": "no key [redacted]"}"#);
        assert_eq!(key.redact(r#"{"error": "no"}"#), r#"{"error": "no"}"#);
    }

    #[test]
    fn no_spelling_of_json_tells_it_whole_torn_or_within_other_json() {
        let key = ApiKey::new(r#"sk-a/b\c"d+u0041"#).unwrap();
        for text in [
            r#"{"a": "sk-a\/b\\c\"d+u0041", "a": 1}"#,
            r#"sk-a/bc"d+u0041"#,
            r#"{"a": "sk-a/b\u005Cc\u0022d\u002bu0041", "a": 1}"#,
            r#"{"a": "sk-a/b\\c\"d\u002Bu0041"#,
            r#"{"a": "{\"b\": \"sk-a/b\\\\c\\\"d\\u002bu0041"#,
            r"\u0073\u006b\u002d\u0061\u002f\u0062\u005c\u0063\u0022\u0064\u002b\u0075\u0030\u0030\u0034\u0031",
        ] {
            let redacted = key.redact(text);
            assert!(redacted.contains("[redacted]") && !redacted.contains("0041"), "{text}: {redacted}");
        }
        for text in [r"sk-a\/b", r"\\\", r"\u005c\u005c", r"\u00", r"\uüüüü", "\\"] {
            assert_eq!(key.redact(text), text);
        }
        // Neither a text nor a key of backslashes takes for ever.
        let many = r"\u005c\".repeat(200_000);
        assert_eq!(key.redact(&many), many);
        assert_eq!(ApiKey::new(r"\\").unwrap().redact(r"a\\\b"), r"a[redacted]\b");
    }
}
