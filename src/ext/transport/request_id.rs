//! Finds the id that a server gave to a request, for its support.

use reqwest::header::{HeaderMap, HeaderName};

use super::api_key::ApiKey;
use crate::ext::error::single_line;

/// The headers that contain such an id, in the order in which they are read: the common names, and those of AWS and
/// Cloudflare. No standard defines one.
static HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-amzn-requestid"),
    HeaderName::from_static("cf-ray"),
];

/// The most characters that an error keeps. A UUID has 36.
const MAX_CHARS: usize = 100;

/// Returns the request id of a response: on one line, short, and without the API key.
pub(crate) fn request_id(headers: &HeaderMap, key: &ApiKey) -> Option<Box<str>> {
    let text =
        |name: &HeaderName| Some(headers.get(name)?.to_str().ok()?.trim()).filter(|text| !text.is_empty());
    let id = HEADERS.iter().find_map(text)?;
    // The key is removed first, because the cut could leave a part of it.
    Some(single_line(&key.redact(id)).chars().take(MAX_CHARS).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test-7f3a";

    fn from(headers: &[(&'static str, &str)]) -> Option<Box<str>> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        request_id(&headers, &ApiKey::new(KEY).unwrap())
    }

    #[test]
    fn request_id_is_that_of_the_first_known_header_with_a_value() {
        assert_eq!(from(&[("cf-ray", "8c1-FRA"), ("x-request-id", "r-1")]).unwrap().as_ref(), "r-1");
        assert_eq!(from(&[("x-request-id", " "), ("request-id", " r-2 ")]).unwrap().as_ref(), "r-2");
        assert_eq!(
            from(&[("x-correlation-id", "\u{fc}"), ("x-amzn-requestid", "r-3")]).unwrap().as_ref(),
            "r-3"
        );
        assert_eq!(from(&[("x-request", "r-4"), ("date", "today")]), None);
    }

    #[test]
    fn request_id_is_one_short_line_without_the_key() {
        assert_eq!(from(&[("x-request-id", "a\tb")]).unwrap().as_ref(), "a b");
        assert_eq!(from(&[("x-request-id", &format!("r {KEY}"))]).unwrap().as_ref(), "r [redacted]");
        let id = format!("{}{KEY}", "x".repeat(95));
        let shown = from(&[("x-request-id", &id)]).unwrap();
        assert!(shown.len() == 100 && !shown.contains("sk-"), "{shown}");
        let escaped = KEY.bytes().map(|byte| format!(r"\u{byte:04x}")).collect::<Vec<_>>().concat();
        assert_eq!(from(&[("x-request-id", &escaped)]).unwrap().as_ref(), "[redacted]");
    }
}
