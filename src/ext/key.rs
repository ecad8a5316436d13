use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::Error;

/// The environment variable that [`Client::from_env`](crate::Client::from_env) reads the key from.
pub(crate) const KEY_VARIABLE: &str = "DISTRIBUTE_AI_API_KEY";

/// The API key: the one place it lives in. Goes into a header or comes out as `[redacted]`.
#[derive(Clone)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// White space around the key, such as the line end of a file it was read from, is no part of it.
    pub(crate) fn new(key: &str) -> Result<Self, Error> {
        let key = key.trim();
        let problem = if key.is_empty() {
            format!("missing: set {KEY_VARIABLE}, or call `ClientBuilder::api_key`")
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

    /// A server may well repeat the key in what it says about it.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let key = self.0.expose_secret();
        let escaped = key.replace('\\', "\\\\").replace('"', "\\\"");
        // As it is, and as it stands in JSON, of which there are two ways with a slash.
        let forms = [key, &escaped, &escaped.replace('/', "\\/")];
        let redact =
            |text: &str| forms.iter().fold(text.to_owned(), |text, form| text.replace(*form, "[redacted]"));
        // JSON can spell any character as a number; read and written again, it doesn't.
        if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
            let plain = json.to_string();
            let redacted = redact(&plain);
            if redacted != plain {
                return redacted;
            }
        }
        redact(text)
    }
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
        assert_eq!(key.redacted("no such key: sk-1"), "no such key: [redacted]");
        let key = ApiKey::new(r#"a/b\c"d"#).unwrap();
        for form in [r#"a/b\c"d"#, r#"a/b\\c\"d"#, r#"a\/b\\c\"d"#] {
            assert_eq!(key.redacted(form), "[redacted]");
        }
        let key = ApiKey::new("ab+cd").unwrap();
        assert_eq!(key.redacted(r#"{"error": "no key ab\u002Bcd"}"#), r#"{"error":"no key [redacted]"}"#);
        assert_eq!(key.redacted(r#"{"error": "no"}"#), r#"{"error": "no"}"#);
    }
}
