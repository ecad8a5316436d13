//! A fixed response.

use std::time::Duration;

use hyper::{StatusCode, body::Bytes};
use serde_json::json;

use super::retry_after::RetryAfterFormat;

/// A response that is the same for every request.
#[derive(Clone, Debug)]
pub(crate) struct CannedResponse {
    pub(crate) status: u16,
    pub(crate) media_type: Option<&'static str>,
    pub(crate) body: Bytes,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) retry_after_format: RetryAfterFormat,
}

impl CannedResponse {
    /// Creates a response whose JSON message is the reason phrase of `status`.
    pub(crate) fn status(status: u16) -> Self {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let message = json!({ "message": reason.unwrap_or("Unknown Status") });
        let empty = Self {
            status,
            media_type: None,
            body: Bytes::new(),
            retry_after: None,
            retry_after_format: RetryAfterFormat::default(),
        };
        empty.json(message.to_string())
    }

    pub(crate) fn json(self, text: String) -> Self {
        Self { media_type: Some("application/json; charset=utf-8"), body: text.into(), ..self }
    }

    pub(crate) fn html(self, text: String) -> Self {
        Self { media_type: Some("text/html; charset=utf-8"), body: text.into(), ..self }
    }

    pub(crate) fn no_body(self) -> Self {
        Self { media_type: None, body: Bytes::new(), ..self }
    }

    pub(crate) fn retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    pub(crate) fn retry_after_format(self, format: RetryAfterFormat) -> Self {
        Self { retry_after_format: format, ..self }
    }
}
