//! The names of headers of requests.

use serde_json::Value;

/// The headers that the client or HTTP itself sets.
const RESERVED: [&str; 13] = [
    "accept",
    "accept-encoding",
    "api-version",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Returns what is wrong with the name of a header that an operation sends.
pub(crate) fn problem(name: &Value) -> Option<String> {
    let text = name.as_str().unwrap_or_default();
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_valid) {
        return Some(format!("{name} is not the name of a header, expected ASCII letters, digits and `-`"));
    }
    let is_reserved = RESERVED.iter().any(|reserved| text.eq_ignore_ascii_case(reserved));
    is_reserved.then(|| format!("{name} is a header that the client sets, expected another name"))
}

/// Returns `true` for a header parameter that the specification ignores.
pub(crate) fn is_ignored(parameter: &Value) -> bool {
    let name = parameter["name"].as_str().unwrap_or_default();
    parameter["in"] == "header"
        && ["accept", "authorization", "content-type"]
            .iter()
            .any(|ignored| name.eq_ignore_ascii_case(ignored))
}
