//! A request that did not bring the documented success, classified by how far it came.
//!
//! The generated client's error says what its code ran into. The decision about a retry depends on another question: may
//! the server have seen the request? A [`Failure`] answers it, and [`retry::policy`](crate::ext::retry::policy) decides.

use std::{fmt, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};

use super::{redact::MAX_MESSAGE_CHARS, retry_after::retry_after};
use crate::{
    TaskId,
    ext::error::{ApiErrorResponse, BoxError, Cause},
    types::ErrorBody,
};

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// Boxed to keep a `Result` of a request small.
    pub(crate) response: Option<Box<ApiErrorResponse>>,
    pub(crate) source: Option<Cause>,
    /// The task id in an error response, or in a success that cannot be parsed: the task may be billed.
    pub(crate) task_id: Option<TaskId>,
    /// Why no response arrived, with the host.
    pub(crate) problem: Option<String>,
    /// The id that the server gave to the request.
    pub(crate) request_id: Option<Box<str>>,
    /// The HTTP client may have followed redirects unnoticed, so the response may answer another request.
    pub(crate) redirects_possible: bool,
}

/// The point up to which a request came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FailureKind {
    /// The request was invalid and did not leave this machine, for this reason.
    NotSent(String),
    /// The request was not written to any connection, so the server has not seen it.
    NotConnected,
    /// The connection was lost or the timeout passed. The server may have seen all or a part of the request.
    ConnectionLost,
    /// The server responded with a status that is not a success.
    Status(StatusCode),
    /// The server responded with a success whose body is not the documented one.
    InvalidBody,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind) -> Self {
        let (response, source, task_id, problem, request_id) = (None, None, None, None, None);
        Self { kind, response, source, task_id, problem, request_id, redirects_possible: false }
    }

    pub(crate) fn from_response(status: StatusCode, headers: &HeaderMap, message: &str) -> Self {
        let kind = if status.is_success() { FailureKind::InvalidBody } else { FailureKind::Status(status) };
        let response = ApiErrorResponse {
            status,
            message: truncate(message),
            retry_after: retry_after(headers),
            request_id: None,
        };
        Self { response: Some(Box::new(response)), ..Self::new(kind) }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.response.as_ref()?.retry_after
    }

    pub(super) fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into().into()), ..self }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ErrorBody {}

/// Returns the `message` of a JSON body, or the whole body.
pub(crate) fn error_message(body: &str) -> String {
    serde_json::from_str::<ErrorBody>(body).map_or_else(|_| body.to_owned(), |body| body.message)
}

fn truncate(text: &str) -> Option<String> {
    let text = text.trim();
    let cut = text.char_indices().nth(MAX_MESSAGE_CHARS).map_or(text, |(end, _)| &text[..end]);
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_message_is_the_message_field_or_the_whole_body() {
        assert_eq!(error_message(r#"{"message":"slow down","code":7}"#), "slow down");
        assert_eq!(error_message(r#"{"error":"slow down"}"#), r#"{"error":"slow down"}"#);
        assert_eq!(error_message("<h1>502 Bad Gateway</h1>"), "<h1>502 Bad Gateway</h1>");
    }

    #[test]
    fn long_text_is_truncated_between_characters_and_blank_text_is_none() {
        assert_eq!(truncate(&"é".repeat(3_000)).unwrap().chars().count(), MAX_MESSAGE_CHARS);
        assert_eq!(truncate(" \n"), None);
    }

    #[test]
    fn failure_with_source_keeps_the_source() {
        let failure = Failure::new(FailureKind::ConnectionLost).with_source("connection reset");
        assert_eq!(failure.source.unwrap().to_string(), "connection reset");
    }

    #[test]
    fn error_body_is_shown_as_its_message() {
        let body: ErrorBody = serde_json::from_str(r#"{"message":"slow down","code":7}"#).unwrap();
        assert_eq!(body.to_string(), "slow down");
    }
}
