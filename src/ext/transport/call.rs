//! One call of a generated method, with the facts that only the hooks know.
//!
//! A generated method returns the documented types. The hooks see more: whether the request left this machine, and whether
//! an error response contains a task id. They [`record`] it, and [`send`] collects it when the call ends. A direct call
//! of a generated method is not observed, and returns exactly what the generated code returns.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    future::Future,
    time::Duration,
};

use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;

use super::{
    api_key::ApiKey,
    failure::{Failure, FailureKind, error_message},
    json_parts::text_members,
    lenient::{parse, without_addresses},
    once_body::OnWritten,
};
use crate::{ApiError, ResponseValue, TaskId, types::ErrorBody};

tokio::task_local! {
    static REPORT: RefCell<CallReport>;
    static ON_WRITTEN: Cell<Option<OnWritten>>;
}

/// The facts about one call that only the hooks know.
#[derive(Debug, Default)]
pub(crate) struct CallReport {
    /// No byte of the request was written to a connection, and none will be.
    pub(crate) not_sent: bool,
    /// The host and port of the API.
    pub(crate) host: String,
    /// The task id in an error response, or in a success that cannot be parsed: the server may have accepted the request.
    pub(crate) task_id: Option<TaskId>,
    /// The `Retry-After` of a success.
    pub(crate) retry_after: Option<Duration>,
    /// The id that the server gave to the request.
    pub(crate) request_id: Option<Box<str>>,
    /// The status and the text of a success up to the loss of the connection.
    pub(crate) partial: Option<(StatusCode, String)>,
    /// The `Content-Encoding` of a response whose body could not be decoded.
    pub(crate) encoding: Option<String>,
}

/// A success, and the `Retry-After` next to it.
#[derive(Clone, Debug)]
pub(crate) struct Received<T> {
    pub(crate) value: T,
    pub(crate) retry_after: Option<Duration>,
}

/// Records something about the current call, if it runs in [`send`].
pub(crate) fn record(change: impl FnOnce(&mut CallReport)) {
    // Fails only for a direct call of a generated method.
    let _ = REPORT.try_with(|report| change(&mut report.borrow_mut()));
}

/// Runs a call whose request notifies `on_written` when it is written to a connection.
pub(crate) async fn notifying<T>(on_written: Option<OnWritten>, call: impl Future<Output = T>) -> T {
    ON_WRITTEN.scope(Cell::new(on_written), call).await
}

/// Takes the callback of the current call, if it runs in [`notifying`].
pub(crate) fn take_on_written() -> Option<OnWritten> {
    ON_WRITTEN.try_with(Cell::take).ok().flatten()
}

/// Sends one request and returns the documented success, or the failure.
///
/// A success with another status than the documented one, such as 202, counts if its body is the documented one: it may
/// hold the id of a billed task. `known` are properties of the body whose values the caller knows. They may be missing.
/// `check` returns the problem of a success that cannot be used.
pub(crate) fn send<T: DeserializeOwned + Send>(
    call: impl Future<Output = Result<ResponseValue<T>, ApiError<ErrorBody>>> + Send,
    key: &ApiKey,
    known: &[(&str, &str)],
    check: impl FnOnce(&T) -> Result<(), String> + Send,
) -> impl Future<Output = Result<Received<T>, Failure>> + Send {
    // Boxed, because every future around it would hold its several kilobytes once more.
    let call = Box::pin(call);
    async move {
        let (result, mut report) = observe(call).await;
        let (retry_after, request_id) = (report.retry_after, report.request_id.take());
        let checked = into_success(result, report, key, known).await.and_then(|value| match check(&value) {
            Ok(()) => Ok(Received { value, retry_after }),
            Err(problem) => Err(Failure::from_response(StatusCode::OK, &HeaderMap::new(), &problem)),
        });
        checked.map_err(|failure| Failure { request_id, ..failure })
    }
}

/// Returns the success, or the failure, which says whether the server may have accepted the request.
async fn into_success<T: DeserializeOwned>(
    result: Result<ResponseValue<T>, ApiError<ErrorBody>>,
    report: CallReport,
    key: &ApiKey,
    known: &[(&str, &str)],
) -> Result<T, Failure> {
    let parse_success = |status, headers: &HeaderMap, text: &str| {
        parse(text, known).map_err(|mut problem| {
            if let Some(encoding) = &report.encoding {
                problem = format!("{problem}; its `Content-Encoding` {encoding:?} is not supported");
            }
            let failure = Failure::from_response(status, headers, &key.excerpt(&without_addresses(text)));
            failure.with_source(problem)
        })
    };
    let parsed = match result {
        Ok(value) => Ok(value.into_inner()),
        Err(ApiError::InvalidRequest(problem) | ApiError::Custom(problem)) => {
            Err(Failure::new(FailureKind::NotSent(problem)))
        }
        Err(
            ApiError::CommunicationError(error)
            | ApiError::ResponseBodyError(error)
            | ApiError::InvalidUpgrade(error),
        ) => {
            let kind = if report.not_sent { FailureKind::NotConnected } else { FailureKind::ConnectionLost };
            let problem = format!("{}: {}", report.host, connection_problem(&error));
            let response = report.partial.and_then(|(status, text)| {
                let text = key.excerpt_of_cut(&without_addresses(&text));
                Failure::from_response(status, &HeaderMap::new(), &text).response
            });
            let failure = Failure { response, problem: Some(problem), ..Failure::new(kind) };
            Err(failure.with_source(error.without_url()))
        }
        // The hooks have already removed the key from the message.
        Err(ApiError::ErrorResponse(response)) => {
            Err(Failure::from_response(response.status(), response.headers(), &response.message))
        }
        // The generated code parses only the documented success, which is 200.
        Err(ApiError::InvalidResponsePayload(body, _)) => {
            parse_success(StatusCode::OK, &HeaderMap::new(), &String::from_utf8_lossy(&body))
        }
        Err(ApiError::UnexpectedResponse(response)) => {
            let (status, headers) = (response.status(), response.headers().clone());
            // The hooks have already read the body, so this does not fail.
            let text = response.text().await.unwrap_or_default();
            if status.is_success() {
                parse_success(status, &headers, &text)
            } else {
                Err(Failure::from_response(status, &headers, &key.excerpt(&error_message(&text))))
            }
        }
    };
    parsed.map_err(|failure| Failure { task_id: report.task_id, ..failure })
}

/// Returns the reason for a missing response, in a few words. A timeout differs from a reset.
fn connection_problem(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() { "connecting timed out" } else { "no response before the timeout" }
            .to_owned();
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

async fn observe<T>(call: impl Future<Output = T>) -> (T, CallReport) {
    let call = async {
        let result = call.await;
        (result, REPORT.with(RefCell::take))
    };
    REPORT.scope(RefCell::default(), call).await
}

/// Returns the task id in the body of an error response, or of a create's success. The body may be cut off, or followed by
/// another text.
///
/// Only a UUID of the documented form is a task id. Other APIs put words such as `unauthorized` into an `id` of their
/// error responses. Of several task ids, the last one counts, as in a success.
pub(crate) fn task_id_in(body: &str, key: &ApiKey) -> Option<TaskId> {
    let ids = text_members(body, "id").into_iter().rev();
    ids.filter(|id| key.redact(id) == *id).find_map(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::TaskCreated;

    const KEY: &str = "1b671a64-40d5-491e-99b0-da01ff1f3342";

    fn id_in(body: &str) -> Option<TaskId> {
        task_id_in(body, &ApiKey::new(KEY).unwrap())
    }

    #[test]
    fn task_id_in_error_body_is_read_if_it_is_a_uuid_v4() {
        for id in ["1b671a64-40d5-491e-99b0-da01ff1f3341", "1B671A64-40D5-491E-A9B0-DA01FF1F3341"] {
            let body = json!({"id": id, "message": "queue full"}).to_string();
            for body in [&*body, &body[..body.len() - 4], &format!("{body}\n0")] {
                assert_eq!(id_in(body).unwrap().as_str(), id);
            }
        }
    }

    #[test]
    fn last_task_id_of_several_is_read() {
        let [first, last] = ["1b671a64-40d5-491e-99b0-da01ff1f3341", "2b671a64-40d5-491e-99b0-da01ff1f3341"];
        for other in ["\"unauthorized\"", "7", "1e999", &format!("\"{KEY}\"")] {
            let body = format!(r#"{{"id": {other}, "id": "{first}", "id": "{last}", "id": {other}}}"#);
            assert_eq!(id_in(&body).unwrap().as_str(), last, "{body}");
        }
    }

    #[test]
    fn other_id_in_error_body_is_ignored() {
        for id in ["", "unauthorized", "t1", KEY, "1b671a64-40d5-191e-99b0-da01ff1f3341", "req_8f14e45fceea"]
        {
            assert_eq!(id_in(&json!({"id": id, "message": "no"}).to_string()), None, "{id}");
        }
        for body in [
            "",
            "<h1>502</h1>",
            "[]",
            "{}",
            r#"{"id": 7}"#,
            r#"{"message": "no"}"#,
            r#"{"error": {"id": "1b671a64-40d5-491e-99b0-da01ff1f3341"}}"#,
        ] {
            assert_eq!(id_in(body), None, "{body}");
        }
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

    #[tokio::test]
    async fn failure_has_host_task_id_and_request_id_of_the_call() {
        let call = async {
            record(|report| {
                report.host = "api.example.com".to_owned();
                report.task_id = Some(TaskId::new_unchecked("t1"));
                report.request_id = Some("r1".into());
            });
            let error = reqwest::Client::new().get("http://").build().unwrap_err();
            Err::<ResponseValue<TaskCreated>, _>(ApiError::CommunicationError(error))
        };
        let failure = send(call, &ApiKey::new(KEY).unwrap(), &[], |_| Ok(())).await.unwrap_err();
        assert!(failure.problem.unwrap().starts_with("api.example.com: "));
        assert_eq!(failure.task_id.unwrap().as_str(), "t1");
        assert_eq!(failure.request_id.as_deref(), Some("r1"));
    }
}
