use std::fmt;

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::redact::{MAX_MESSAGE_CHARS, REDACTED, redact, redact_cut};
use crate::Error;

/// The environment variable that [`Client::from_env`](crate::Client::from_env) reads the key from.
pub(crate) const API_KEY_VAR: &str = "DISTRIBUTE_AI_API_KEY";

/// The most characters that a key may have.
const MAX_KEY_CHARS: usize = 512;

/// The least length at which a key is removed from successful responses, too. A shorter text may be a part of a word in
/// the response.
const MIN_SECRET_CHARS: usize = 8;

/// The API key, in the one place that holds it. It leaves as a header, and prints as `[redacted]`.
#[derive(Clone)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// Checks a key. White space around it, such as the newline at the end of a file, is removed.
    pub(crate) fn new(key: &str) -> Result<Self, Error> {
        let key = key.trim();
        let length = key.chars().count();
        let problem = if key.is_empty() {
            format!("missing, set {API_KEY_VAR} or call `ClientBuilder::api_key`")
        } else if key.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
            "starts with `Bearer `, expected the bare key".to_owned()
        } else if length > MAX_KEY_CHARS {
            format!("has {length} characters, expected at most {MAX_KEY_CHARS}")
        } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            "contains a character that a header cannot carry, expected printable ASCII without spaces"
                .to_owned()
        } else {
            return Ok(Self(SecretString::from(key)));
        };
        Err(Error::invalid("api_key", problem))
    }

    /// Returns the header value, marked as sensitive so that HTTP libraries keep it out of their logs.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0.expose_secret()).expect("`new` has checked the key");
        value.set_sensitive(true);
        value
    }

    /// Removes the key from text that a server sent.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact(text, self.0.expose_secret())
    }

    /// Removes the key from a successful response, whose data is used.
    pub(crate) fn redact_success(&self, text: String) -> String {
        let key = self.0.expose_secret();
        // Without a backslash, the text contains no key in escaped form.
        let may_contain_key = key.len() >= MIN_SECRET_CHARS && (text.contains(key) || text.contains('\\'));
        if may_contain_key { self.redact(&text) } else { text }
    }

    /// Returns `true` if the text is the key, or a text from which the key was removed.
    pub(crate) fn is_in_id(&self, id: &str) -> bool {
        id == self.0.expose_secret() || id.contains(REDACTED)
    }

    /// Removes the key from the headers of a response.
    pub(crate) fn redact_headers(&self, headers: &mut HeaderMap) {
        let key = self.0.expose_secret().as_bytes();
        for value in headers.values_mut() {
            if value.as_bytes().windows(key.len()).any(|part| part == key) {
                *value = HeaderValue::from_static(REDACTED);
            }
        }
    }

    /// Cuts text that a server sent to the length that an error keeps, and then removes the key.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
            self.excerpt_of_cut(text)
        } else {
            self.redact(text)
        }
    }

    /// As [`excerpt`](Self::excerpt), for a text whose end was cut off, perhaps within the key.
    pub(crate) fn excerpt_of_cut(&self, text: &str) -> String {
        let end = text.char_indices().nth(MAX_MESSAGE_CHARS).map_or(text.len(), |(end, _)| end);
        redact_cut(&text[..end], self.0.expose_secret())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_invalid(key: &str, expected: &str) {
        let error = ApiKey::new(key).unwrap_err();
        assert!(error.is_invalid());
        assert!(error.to_string().contains(expected), "{error}");
        assert!(key.trim().is_empty() || !error.to_string().contains(key), "{error}");
    }

    #[test]
    fn invalid_key_is_rejected_without_showing_it() {
        assert_invalid("", "missing, set DISTRIBUTE_AI_API_KEY");
        assert_invalid(" \n", "missing");
        assert_invalid("Bearer sk-1", "expected the bare key");
        assert_invalid("sk 1", "printable ASCII");
        assert_invalid("sk\u{7f}", "printable ASCII");
        assert_invalid("schlüssel", "printable ASCII");
        assert_invalid(&"k".repeat(513), "has 513 characters, expected at most 512");
        ApiKey::new(&"k".repeat(512)).unwrap();
    }

    #[test]
    fn white_space_around_key_is_removed() {
        assert_eq!(ApiKey::new(" sk-1\r\n").unwrap().header(), "sk-1");
    }

    #[test]
    fn debug_output_hides_the_key() {
        let key = ApiKey::new("sk-1").unwrap();
        assert_eq!(format!("{key:?} {:?}", key.header()), "[redacted] Sensitive");
    }

    #[test]
    fn excerpt_is_cut_before_the_key_is_removed() {
        let key = ApiKey::new("sk-abcdefgh").unwrap();
        let text = "x".repeat(MAX_MESSAGE_CHARS - 5) + "sk-abcdefgh";
        assert_eq!(key.excerpt(&text), "[redacted]", "the cut is within the key");
        let text = "no such key: sk-abcdefgh ".to_owned() + &"é".repeat(3_000);
        let excerpt = key.excerpt(&text);
        assert!(excerpt.starts_with("no such key: [redacted] é"), "{excerpt}");
        assert!(excerpt.chars().count() <= MAX_MESSAGE_CHARS);
    }

    #[test]
    fn key_in_a_success_is_removed_unless_it_is_so_short_that_data_may_equal_it() {
        let (long, short) = (ApiKey::new("sk-abcdefgh").unwrap(), ApiKey::new("ok").unwrap());
        let redacted = |key: &ApiKey, text: &str| key.redact_success(text.to_owned());
        assert_eq!(redacted(&long, "a sk-abcdefgh b"), "a [redacted] b");
        assert_eq!(redacted(&long, r"a sk-abcdef\u0067h b"), "[redacted]");
        assert_eq!(redacted(&long, r"a \u0067 b"), r"a \u0067 b");
        assert_eq!(redacted(&short, "ok and more"), "ok and more");
        let shortest = ApiKey::new(&"k".repeat(MIN_SECRET_CHARS)).unwrap();
        assert_eq!(redacted(&shortest, "a kkkkkkkk b"), "a [redacted] b");
    }

    #[test]
    fn id_that_is_the_key_is_recognised_also_without_the_key() {
        let key = ApiKey::new("sk-1").unwrap();
        assert!(key.is_in_id("sk-1") && key.is_in_id("task [redacted]"));
        assert!(!key.is_in_id("task") && !key.is_in_id("task sk-1"));
    }

    #[test]
    fn header_with_the_key_is_replaced() {
        let key = ApiKey::new("sk-1").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-echo", "Bearer sk-1"), ("x-other", "sk-2")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        key.redact_headers(&mut headers);
        assert_eq!(
            (&headers["x-echo"], &headers["x-other"]),
            (&"[redacted]".parse().unwrap(), &"sk-2".parse().unwrap())
        );
    }
}
