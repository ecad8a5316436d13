//! One HTTP exchange with the API: the key, the body, the response, and the failure.

pub(crate) mod api_key;
pub(crate) mod call;
pub(crate) mod content_encoding;
pub(crate) mod cooldown;
pub(crate) mod exchange;
pub(crate) mod failure;
pub(crate) mod instant;
pub(crate) mod json_parts;
pub(crate) mod lenient;
pub(crate) mod once_body;
mod redact;
pub(crate) mod request_id;
pub(crate) mod retry_after;
