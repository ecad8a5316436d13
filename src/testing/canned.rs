//! A reply that is the same for every request.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::json;

use super::{hint::RetryAfterFormat, reply::Body};

#[derive(Clone, Debug)]
pub(super) struct CannedResponse {
    status: u16,
    media_type: Option<&'static str>,
    body: Bytes,
    retry_after: Option<Duration>,
    retry_after_format: RetryAfterFormat,
}

impl CannedResponse {
    pub(super) fn status(status: u16) -> Self {
        let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let message = json!({ "message": words.unwrap_or("Unknown Status") });
        let empty = Self {
            status,
            media_type: None,
            body: Bytes::new(),
            retry_after: None,
            retry_after_format: RetryAfterFormat::default(),
        };
        empty.json(message.to_string())
    }

    pub(super) fn json(self, text: String) -> Self {
        Self { media_type: Some("application/json; charset=utf-8"), body: text.into(), ..self }
    }

    pub(super) fn html(self, text: String) -> Self {
        Self { media_type: Some("text/html; charset=utf-8"), body: text.into(), ..self }
    }

    pub(super) fn no_body(self) -> Self {
        Self { media_type: None, body: Bytes::new(), ..self }
    }

    pub(super) fn retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    pub(super) fn retry_after_format(self, hint: RetryAfterFormat) -> Self {
        Self { retry_after_format: hint, ..self }
    }
}

impl From<CannedResponse> for Response<Body> {
    fn from(canned: CannedResponse) -> Self {
        let body = Full::new(canned.body).map_err(|never| match never {}).boxed_unsync();
        let mut reply = Response::new(body);
        *reply.status_mut() =
            StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let media_type = canned.media_type.map(|name| (CONTENT_TYPE, HeaderValue::from_static(name)));
        let hint = canned.retry_after.and_then(|time| canned.retry_after_format.header(time));
        reply.headers_mut().extend(media_type.into_iter().chain(hint));
        reply
    }
}
