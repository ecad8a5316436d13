//! One call of a generated method, with the facts that only the hooks know.
//!
//! A generated method returns the documented types. The hooks see more: whether the request left this machine, and whether
//! an error response contains a task id. They [`record`] it, and [`send`] collects it when the call ends. A direct call
//! of a generated method is not observed, and returns exactly what the generated code returns.

use std::{cell::RefCell, future::Future};

use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;

use super::{
    api_key::ApiKey,
    failure::{Failure, FailureKind, error_message},
};
use crate::{
    ApiError, ResponseValue, TaskId,
    types::{ErrorBody, TaskCreated},
};

tokio::task_local! {
    static REPORT: RefCell<CallReport>;
}

/// The facts about one call that only the hooks know.
#[derive(Debug, Default)]
pub(crate) struct CallReport {
    /// No byte of the request was written to a connection, and none will be.
    pub(crate) not_sent: bool,
    /// The task id in an error response: the server may have accepted the request.
    pub(crate) task_id: Option<TaskId>,
}

/// Records something about the current call, if it runs in [`send`].
pub(crate) fn record(change: impl FnOnce(&mut CallReport)) {
    // Fails only for a direct call of a generated method.
    let _ = REPORT.try_with(|report| change(&mut report.borrow_mut()));
}

/// Sends one request and returns the documented success, or the failure.
///
/// A success with another status than the documented one, such as 202, counts if its body is the documented one: it may
/// hold the id of a billed task.
pub(crate) fn send<T: DeserializeOwned + Send>(
    call: impl Future<Output = Result<ResponseValue<T>, ApiError<ErrorBody>>> + Send,
    key: &ApiKey,
) -> impl Future<Output = Result<T, Failure>> + Send {
    // Boxed, because every future around it would hold its several kilobytes once more.
    let call = Box::pin(call);
    async move {
        let (result, report) = observe(call).await;
        into_success(result, report, key).await
    }
}

async fn into_success<T: DeserializeOwned>(
    result: Result<ResponseValue<T>, ApiError<ErrorBody>>,
    report: CallReport,
    key: &ApiKey,
) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value.into_inner()),
        Err(ApiError::UnexpectedResponse(response)) if response.status().is_success() => {
            let (status, headers) = (response.status(), response.headers().clone());
            let text = response.text().await.unwrap_or_default();
            serde_json::from_str(&text).map_err(|error| {
                Failure::from_response(status, &headers, &key.excerpt(&text))
                    .with_source(schema_mismatch(&error))
            })
        }
        Err(error) => Err(into_failure(error, report, key).await),
    }
}

/// Converts the error of a generated method into a failure, which says whether the server may have accepted the request.
async fn into_failure(error: ApiError<ErrorBody>, report: CallReport, key: &ApiKey) -> Failure {
    let failure = match error {
        ApiError::InvalidRequest(problem) | ApiError::Custom(problem) => {
            Failure::new(FailureKind::NotSent(problem))
        }
        ApiError::CommunicationError(error) => {
            let not_connected = report.not_sent;
            let kind = if not_connected { FailureKind::NotConnected } else { FailureKind::ConnectionLost };
            Failure::new(kind).with_source(error.without_url())
        }
        ApiError::ResponseBodyError(error) | ApiError::InvalidUpgrade(error) => {
            Failure::new(FailureKind::ConnectionLost).with_source(error.without_url())
        }
        // The hooks have already removed the key from the message.
        ApiError::ErrorResponse(response) => {
            Failure::from_response(response.status(), response.headers(), &response.message)
        }
        ApiError::InvalidResponsePayload(body, error) => {
            let text = key.excerpt(&String::from_utf8_lossy(&body));
            // The generated code parses only the documented success, which is 200.
            Failure::from_response(StatusCode::OK, &HeaderMap::new(), &text)
                .with_source(schema_mismatch(&error))
        }
        ApiError::UnexpectedResponse(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            // The hooks have already read the body, so this does not fail.
            let text = response.text().await.unwrap_or_default();
            Failure::from_response(status, &headers, &key.excerpt(&error_message(&text)))
        }
    };
    Failure { task_id: report.task_id, ..failure }
}

/// Says where a body stops being the documented one. Serde's own message quotes the body, which may hold the address of an
/// audio, or the key.
fn schema_mismatch(error: &serde_json::Error) -> String {
    let position = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        format!("the response does not match the API's document ({position})")
    } else {
        format!("the response is not JSON ({position})")
    }
}

async fn observe<T>(call: impl Future<Output = T>) -> (T, CallReport) {
    let call = async {
        let result = call.await;
        (result, REPORT.with(RefCell::take))
    };
    REPORT.scope(RefCell::default(), call).await
}

/// Returns the task id in the body of an error response, without the key.
pub(crate) fn task_id_in(body: &str, key: &ApiKey) -> Option<TaskId> {
    // Parsed before the key is removed: a key with quotes could change what is valid JSON.
    let TaskCreated { id, .. } = serde_json::from_str(body).ok()?;
    (!id.is_empty()).then(|| TaskId::from_server(key.redact(&id)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "sk-\"1";

    fn id_in(body: &str) -> Option<TaskId> {
        task_id_in(body, &ApiKey::new(KEY).unwrap())
    }

    #[test]
    fn task_id_with_any_character_is_read_from_error_body() {
        for id in ["t1", "two\nlines", "del\u{7f}", "\0", "\"quoted\"", "größe"] {
            let body = json!({"id": id, "message": "queue full"}).to_string();
            assert_eq!(id_in(&body).unwrap().as_str(), id);
        }
    }

    #[test]
    fn error_body_without_task_id_gives_none() {
        for body in ["", "<h1>502</h1>", "[]", "{}", r#"{"id": ""}"#, r#"{"id": 7}"#, r#"{"message": "no"}"#]
        {
            assert_eq!(id_in(body), None, "{body}");
        }
    }

    #[test]
    fn key_in_task_id_is_redacted_and_broken_json_gives_no_id() {
        let body = json!({"id": format!("t1-{KEY}-2")}).to_string();
        assert_eq!(id_in(&body).unwrap().as_str(), "t1-[redacted]-2");
        assert_eq!(id_in(&format!("{{\"id\": \"t1-{KEY}-2\"}}")), None);
    }

    #[tokio::test]
    async fn report_is_per_call_and_recording_outside_a_call_does_nothing() {
        record(|report| report.not_sent = true);
        let outer = observe(async {
            let ((), inner) = observe(async { record(|report| report.not_sent = true) }).await;
            inner.not_sent
        });
        let (inner_not_sent, outer) = outer.await;
        assert!(inner_not_sent && !outer.not_sent);
    }
}
