//! One request that did not bring what it should, named in our own words.
//!
//! The generated client's error tells what its code ran into. What may follow depends on something else: how far the
//! request came. That is what a [`Fault`] says; [`decide`](super::decide) takes it from there.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;

use super::{api_key::ApiKey, named_task, retry_after::retry_after};
use crate::{
    ApiError, ResponseValue, TaskId,
    ext::error::{ApiErrorResponse, BoxError, Cause},
    types::ErrorBody,
};

/// The most of a reply's text that an error keeps, in characters.
const MAX_MESSAGE_CHARS: usize = 2_000;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) response: Option<ApiErrorResponse>,
    pub(crate) source: Option<Cause>,
    /// An id in a reply that is no success: too dear to be thrown away.
    pub(crate) task_id: Option<TaskId>,
}

/// How far the request came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FailureKind {
    /// Nothing left this machine; says why.
    NotSent(String),
    /// Nothing was written to any connection: the server has seen nothing.
    NotConnected,
    /// The connection broke or time ran out: the server may have seen the request, whole or in part.
    ConnectionLost,
    /// The server answered, and this is no success.
    Status(StatusCode),
    /// A success, with a body that is not what the document promises.
    InvalidBody,
}

impl Failure {
    pub(crate) fn new(what: FailureKind) -> Self {
        Self { kind: what, response: None, source: None, task_id: None }
    }

    pub(crate) fn from_response(status: StatusCode, headers: &HeaderMap, message: &str) -> Self {
        let what = if status.is_success() { FailureKind::InvalidBody } else { FailureKind::Status(status) };
        let reply =
            ApiErrorResponse { status, message: truncate(message), retry_after: retry_after(headers) };
        Self { response: Some(reply), task_id: named_task::kept(headers), ..Self::new(what) }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.response.as_ref()?.retry_after
    }

    fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into().into()), ..self }
    }

    async fn from_api(error: ApiError<ErrorBody>, key: &ApiKey) -> Self {
        match error {
            ApiError::InvalidRequest(problem) | ApiError::Custom(problem) => {
                Self::new(FailureKind::NotSent(problem))
            }
            ApiError::CommunicationError(error) => {
                // The hooks leave the address on an error only if nobody can have seen the request.
                let what = if error.url().is_some() {
                    FailureKind::NotConnected
                } else {
                    FailureKind::ConnectionLost
                };
                Self::new(what).with_source(error.without_url())
            }
            ApiError::ResponseBodyError(error) | ApiError::InvalidUpgrade(error) => {
                Self::new(FailureKind::ConnectionLost).with_source(error.without_url())
            }
            ApiError::ErrorResponse(reply) => {
                Self::from_response(reply.status(), reply.headers(), &reply.message)
            }
            ApiError::InvalidResponsePayload(body, error) => {
                let text = key.redact(&String::from_utf8_lossy(&body));
                // The generated code parses a documented success only, and 200 is the one there is.
                Self::from_response(StatusCode::OK, &HeaderMap::new(), &text)
                    .with_source(schema_mismatch(&error))
            }
            ApiError::UnexpectedResponse(reply) => {
                let (status, headers) = (reply.status(), reply.headers().clone());
                // The hooks have read it already.
                let text = key.redact(&reply.text().await.unwrap_or_default());
                Self::from_response(status, &headers, &error_message(&text))
            }
        }
    }
}

/// What a generated method brought. A success other than the documented one, such as 202, may still hold what was paid
/// for.
pub(crate) async fn into_result<T: DeserializeOwned>(
    result: Result<ResponseValue<T>, ApiError<ErrorBody>>,
    key: &ApiKey,
) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value.into_inner()),
        Err(ApiError::UnexpectedResponse(reply)) if reply.status().is_success() => {
            let (status, headers) = (reply.status(), reply.headers().clone());
            let text = reply.text().await.unwrap_or_default();
            serde_json::from_str(&text).map_err(|error| {
                let text = key.redact(&text);
                Failure::from_response(status, &headers, &text).with_source(schema_mismatch(&error))
            })
        }
        Err(error) => Err(Failure::from_api(error, key).await),
    }
}

/// The `message` of a JSON body, or else the body as it is.
pub(crate) fn error_message(body: &str) -> String {
    serde_json::from_str::<ErrorBody>(body).map_or_else(|_| body.to_owned(), |body| body.message)
}

/// Where the body stops being what the document promises. Not serde's own words: they quote the body, which may hold
/// the address of an audio, or the key.
fn schema_mismatch(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        format!("the reply is not what the API's document promises ({place})")
    } else {
        format!("the reply is not JSON ({place})")
    }
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
    fn the_words_are_the_message_or_else_the_whole_body() {
        assert_eq!(error_message(r#"{"message":"slow down","code":7}"#), "slow down");
        assert_eq!(error_message(r#"{"error":"slow down"}"#), r#"{"error":"slow down"}"#);
        assert_eq!(error_message("<h1>502 Bad Gateway</h1>"), "<h1>502 Bad Gateway</h1>");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_an_empty_one_is_none() {
        assert_eq!(truncate(&"é".repeat(3_000)).unwrap().chars().count(), MAX_MESSAGE_CHARS);
        assert_eq!(truncate(" \n"), None);
    }
}
