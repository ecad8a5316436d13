//! One request that did not bring what it should, named in our own words.
//!
//! The generated client's error tells what its code ran into. What may follow depends on something else: how far the
//! request came. That is what a [`Fault`] says; [`decide`](super::decide) takes it from there.

use std::{error, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};

use super::{client::Shared, retry_after::retry_after};
use crate::{ApiError, types::ErrorBody};

pub(crate) type BoxError = Box<dyn error::Error + Send + Sync>;

/// The most of a reply's text that an error keeps, in characters.
const MESSAGE_LIMIT: usize = 2_000;

#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) what: What,
    pub(crate) reply: Option<Reply>,
    pub(crate) source: Option<BoxError>,
}

/// How far the request came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// Nothing left this machine; says why.
    NotSent(String),
    /// Nothing was written to any connection: the server has seen nothing.
    Unreached,
    /// The connection broke or time ran out: the server may have seen the request, whole or in part.
    Broken,
    /// The server answered, and this is no success.
    Status(StatusCode),
    /// A success, with a body that is not what the document promises.
    Unreadable,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.reply.as_ref()?.retry_after
    }

    pub(crate) fn answered(status: StatusCode, headers: &HeaderMap, message: &str) -> Self {
        let what = if status.is_success() { What::Unreadable } else { What::Status(status) };
        let message = shortened(message);
        let reply = Reply { status, message, retry_after: retry_after(headers) };
        Self { what, reply: Some(reply), source: None }
    }

    fn without_answer(what: What, source: impl Into<BoxError>) -> Self {
        Self { what, reply: None, source: Some(source.into()) }
    }

    /// The hooks have already turned the body of every refusal into an [`ErrorBody`].
    pub(crate) async fn from_api(error: ApiError<ErrorBody>, state: &Shared) -> Self {
        match error {
            ApiError::InvalidRequest(problem) | ApiError::Custom(problem) => {
                Self { what: What::NotSent(problem), reply: None, source: None }
            }
            ApiError::CommunicationError(error) => Self::from_transport(error),
            ApiError::ResponseBodyError(error) | ApiError::InvalidUpgrade(error) => {
                Self::without_answer(What::Broken, error.without_url())
            }
            ApiError::ErrorResponse(reply) => Self::answered(reply.status(), reply.headers(), &reply.message),
            ApiError::InvalidResponsePayload(body, error) => {
                let text = state.key.redacted(&String::from_utf8_lossy(&body));
                // The generated code parses a documented success only, and 200 is the one there is.
                let fault = Self::answered(StatusCode::OK, &HeaderMap::new(), &text);
                Self { source: Some(error.into()), ..fault }
            }
            ApiError::UnexpectedResponse(reply) => {
                let (status, headers) = (reply.status(), reply.headers().clone());
                match reply.text().await {
                    Ok(text) => Self::answered(status, &headers, &words(&state.key.redacted(&text))),
                    // The status stands, whatever became of the body.
                    Err(error) => Self {
                        source: Some(error.without_url().into()),
                        ..Self::answered(status, &headers, "")
                    },
                }
            }
        }
    }

    fn from_transport(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self {
                what: What::NotSent("the request could not be made".into()),
                reply: None,
                source: Some(error.without_url().into()),
            };
        }
        // The hooks leave the address on an error only if nobody can have seen the request.
        let what = if error.url().is_some() { What::Unreached } else { What::Broken };
        Self::without_answer(what, error.without_url())
    }
}

/// The `message` of a JSON body, or else the body as it is.
pub(crate) fn words(body: &str) -> String {
    serde_json::from_str::<ErrorBody>(body).map_or_else(|_| body.to_owned(), |body| body.message)
}

fn shortened(text: &str) -> Option<String> {
    let text = text.trim();
    let cut = text.char_indices().nth(MESSAGE_LIMIT).map_or(text, |(end, _)| &text[..end]);
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_message_or_else_the_whole_body() {
        assert_eq!(words(r#"{"message":"slow down","code":7}"#), "slow down");
        assert_eq!(words(r#"{"error":"slow down"}"#), r#"{"error":"slow down"}"#);
        assert_eq!(words("<h1>502 Bad Gateway</h1>"), "<h1>502 Bad Gateway</h1>");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_an_empty_one_is_none() {
        assert_eq!(shortened(&"é".repeat(3_000)).unwrap().chars().count(), MESSAGE_LIMIT);
        assert_eq!(shortened(" \n"), None);
    }
}
