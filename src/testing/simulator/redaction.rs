//! The API key in requests: where it must not be, and its removal from records.

use hyper::{
    Request, Uri,
    header::{AUTHORIZATION, HeaderMap, HeaderName},
};
use reqwest::Url;

const REDACTED: &str = "[redacted]";

/// The least length in bytes at which a part of a text can be the key. A shorter key may be in any text by chance, so
/// only a whole value counts.
const MIN_PART: usize = 8;

/// The API key and its header.
pub(crate) struct Key<'a> {
    pub(crate) value: &'a str,
    pub(crate) header: &'a HeaderName,
}

impl Key<'_> {
    /// Returns `true` if a request to the audio host contains the key, including percent-encoded in the query,
    /// or any `authorization` header.
    pub(crate) fn is_leaked_by<B: AsRef<[u8]>>(&self, request: &Request<B>) -> bool {
        let (uri, headers) = (request.uri(), request.headers());
        headers.contains_key(AUTHORIZATION)
            || headers.contains_key(self.header)
            || headers.values().any(|value| self.is_in(&String::from_utf8_lossy(value.as_bytes())))
            || self.is_in(&uri.to_string())
            || query_parts(uri).iter().any(|part| self.is_in(part))
            || self.is_in(&String::from_utf8_lossy(request.body().as_ref()))
    }

    fn is_in(&self, text: &str) -> bool {
        text == self.value || (self.value.len() >= MIN_PART && text.contains(self.value))
    }

    /// Returns the headers as text, without the key.
    pub(crate) fn redact_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let redact = |name: &HeaderName, value: &[u8]| {
            if name == self.header || name == AUTHORIZATION {
                return REDACTED.to_owned();
            }
            self.redact(&String::from_utf8_lossy(value))
        };
        headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), redact(name, value.as_bytes())))
            .collect()
    }

    /// Returns the path and the query, without the key.
    pub(crate) fn redact_path(&self, uri: &Uri) -> String {
        let path = self.redact(uri.path());
        match uri.query() {
            Some(_) if query_parts(uri).iter().any(|part| self.is_in(part)) => format!("{path}?{REDACTED}"),
            Some(query) => format!("{path}?{}", self.redact(query)),
            None => path,
        }
    }

    /// Returns the text without the key.
    pub(crate) fn redact(&self, text: &str) -> String {
        match text {
            _ if text == self.value => REDACTED.to_owned(),
            _ if self.is_in(text) => text.replace(self.value, REDACTED),
            _ => text.to_owned(),
        }
    }
}

/// Returns the decoded names and values of the query.
pub(crate) fn query_parts(uri: &Uri) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let pairs = Url::parse(&format!("http://localhost/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect::<Vec<_>>());
    pairs.into_iter().flatten().flat_map(|(name, value)| [name, value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Key<'_> {
        Key { value, header: &AUTHORIZATION }
    }

    fn get(uri: &str, name: &str, value: &str) -> Request<&'static str> {
        Request::get(uri).header(name, value).body("").unwrap()
    }

    #[test]
    fn short_key_is_leaked_only_as_a_whole_value() {
        assert!(!key("a").is_leaked_by(&get("/audio/1.wav", "accept", "audio/wav")));
        assert!(key("a").is_leaked_by(&get("/audio/1.wav", "x-key", "a")));
        assert!(key("a").is_leaked_by(&get("/audio/1.wav?key=a", "accept", "*/*")));
        assert!(key("sk-12345").is_leaked_by(&get("/audio/1.wav", "x-key", "key sk-12345")));
        assert!(key("sk 12345").is_leaked_by(&get("/audio/1.wav?key=%73k+12345", "accept", "*/*")));
    }

    #[test]
    fn key_is_redacted_everywhere() {
        let key = key("sk 12345");
        let request = get("/sk%2012345/?key=%73k+12345", "x-key", "key: sk 12345");
        assert_eq!(
            key.redact_headers(request.headers()),
            [("x-key".to_owned(), "key: [redacted]".to_owned())]
        );
        assert_eq!(key.redact_path(request.uri()), "/sk%2012345/?[redacted]");
        let request = get("/", "authorization", "another key");
        assert_eq!(key.redact_headers(request.headers())[0].1, "[redacted]");
        assert_eq!(key.redact(r#"{"input":"sk 12345"}"#), r#"{"input":"[redacted]"}"#);
    }
}
