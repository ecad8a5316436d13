//! Answers: a body, or a status with the server's words.

use std::io;

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::testing::faults::canned_response::CannedResponse;

/// What goes out; an error in it cuts the reply.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer in JSON.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let text = Full::new(Bytes::from(value.to_string()));
    let mut reply = Response::new(text.map_err(|never| match never {}).boxed_unsync());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    reply
}

/// A request turned down: `{"message": …}`, as both documents have it.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ErrorResponse {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).ok();
        self.header = value.map(|value| (name, value));
        self
    }
}

impl From<ErrorResponse> for Response<Body> {
    fn from(refusal: ErrorResponse) -> Self {
        let mut reply = json_response(refusal.status, &json!({ "message": refusal.message }));
        reply.headers_mut().extend(refusal.header);
        reply
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
