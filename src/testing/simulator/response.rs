//! Response bodies and error responses.

use std::io;

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::testing::faults::canned_response::CannedResponse;

/// A response body. An error in it ends the response early.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Returns a JSON response.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let text = Full::new(Bytes::from(value.to_string()));
    let mut response = Response::new(text.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// An error response with the body `{"message": …}`, as both documents define it.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// The test asked for this response, so the request is not at fault.
    pub(crate) is_expected: bool,
}

impl ErrorResponse {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None, is_expected: false }
    }

    /// Marks a response that the test asked for.
    pub(crate) fn expected(mut self) -> Self {
        self.is_expected = true;
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).ok();
        self.header = value.map(|value| (name, value));
        self
    }
}

impl From<ErrorResponse> for Response<Body> {
    fn from(error_response: ErrorResponse) -> Self {
        let mut response =
            json_response(error_response.status, &json!({ "message": error_response.message }));
        response.headers_mut().extend(error_response.header);
        response
    }
}

impl From<CannedResponse> for Response<Body> {
    fn from(canned: CannedResponse) -> Self {
        let content = canned.content();
        let media_type = content.as_ref().map(|(name, _)| (CONTENT_TYPE, HeaderValue::from_static(name)));
        let retry_after = canned.retry_after.and_then(|time| canned.retry_after_format.header(time));
        let text = Bytes::from(content.unwrap_or_default().1);
        let mut response = Response::new(Full::new(text).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() =
            StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(media_type.into_iter().chain(retry_after));
        response
    }
}
