//! A fixed response.

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::json;

use super::{retry_after::RetryAfterFormat, seconds};

/// A response that is the same for every request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CannedResponse {
    #[serde(deserialize_with = "final_status")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) body: CannedBody,
    #[serde(default, with = "seconds::optional")]
    pub(crate) retry_after: Option<Duration>,
    #[serde(default)]
    pub(crate) retry_after_format: RetryAfterFormat,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CannedBody {
    /// `{"message": …}` with the reason phrase of the status.
    #[default]
    Message,
    /// This text, sent as JSON.
    Json(String),
    /// This text, sent as HTML.
    Html(String),
    None,
}

impl CannedResponse {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            body: CannedBody::Message,
            retry_after: None,
            retry_after_format: RetryAfterFormat::default(),
        }
    }

    /// Returns the media type and the text of the body. HTTP allows no content for some statuses.
    pub(crate) fn content(&self) -> Option<(&'static str, String)> {
        if matches!(self.status, 204 | 205 | 304) {
            return None;
        }
        let json = "application/json; charset=utf-8";
        match &self.body {
            CannedBody::Message => {
                let status = StatusCode::from_u16(self.status).ok();
                let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("Unknown Status");
                Some((json, json!({ "message": reason }).to_string()))
            }
            CannedBody::Json(text) => Some((json, text.clone())),
            CannedBody::Html(text) => Some(("text/html; charset=utf-8", text.clone())),
            CannedBody::None => None,
        }
    }
}

/// Lower statuses are interim responses.
fn final_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (200..=999).contains(&status) {
        return Ok(status);
    }
    Err(D::Error::custom(format!("status: {status} is out of range, expected 200 to 999")))
}
