//! The two API operations: create and result.

use hyper::{
    Request, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    audio_host::audio_url,
    genuine::Genuine,
    published_spec::Operation,
    response::{ErrorResponse, json_response},
    state::SimulatorState,
    task::Task,
};
use crate::testing::faults::{received_request::ReceivedRequest, task_outcome::Ending};

/// Processes a request with this record.
pub(crate) fn respond(state: &SimulatorState, record: &ReceivedRequest, request: &Request<Bytes>) -> Genuine {
    match route(state, record, request) {
        Ok(value) => {
            let id = value["id"].as_str().unwrap_or_default().to_owned();
            Genuine::new(json_response(StatusCode::OK, &value)).with_task(id)
        }
        Err(error_response) => Genuine::refuse(error_response),
    }
}

fn route(
    state: &SimulatorState,
    record: &ReceivedRequest,
    request: &Request<Bytes>,
) -> Result<Value, ErrorResponse> {
    let (create, result) = (&state.spec.create, &state.spec.result);
    let path = request.uri().path();
    if path == create.path {
        validate(state, create, request).and_then(|body| speech_create(state, record, &body))
    } else if path == result.path {
        validate(state, result, request).and_then(|body| speech_result(state, &body))
    } else {
        let message = format!("Route {}:{path} not found", request.method());
        Err(ErrorResponse::new(StatusCode::NOT_FOUND, message))
    }
}

/// Validates the method, key, media type and schema of a request, in this order. Returns its body.
fn validate(
    state: &SimulatorState,
    operation: &Operation,
    request: &Request<Bytes>,
) -> Result<Value, ErrorResponse> {
    if request.method() != operation.method {
        let message = format!("Method {} not allowed", request.method());
        let error_response = ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, message);
        return Err(error_response.header(ALLOW, operation.method.as_str()));
    }
    authorize(&state.api_key, operation, request.headers())?;
    if !has_media_type(&operation.media_type, request.headers()) {
        let message = format!("Unsupported Media Type: the body must be {}", operation.media_type);
        return Err(ErrorResponse::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = serde_json::from_slice(request.body()).map_err(|error| {
        ErrorResponse::new(StatusCode::BAD_REQUEST, format!("body must be JSON: {error}"))
    })?;
    operation.check(&body).map_err(|violation| ErrorResponse::new(StatusCode::BAD_REQUEST, violation))?;
    Ok(body)
}

fn authorize(key: &str, operation: &Operation, headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let name = &operation.key_header;
    let message = match headers.get(name).map(HeaderValue::as_bytes) {
        Some(value) if value == key.as_bytes() => return Ok(()),
        Some(value) if value.starts_with(b"Bearer ") => {
            format!("Invalid API key: header {name} must be the bare key, without Bearer")
        }
        Some(_) => "Invalid API key".to_owned(),
        None => format!("Missing API key in header {name}"),
    };
    Err(ErrorResponse::new(StatusCode::UNAUTHORIZED, message))
}

/// Returns `true` if the media type matches, ignoring parameters such as `charset`.
fn has_media_type(media_type: &str, headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type))
}

fn speech_create(
    state: &SimulatorState,
    record: &ReceivedRequest,
    body: &Value,
) -> Result<Value, ErrorResponse> {
    if let Some(voice) = body["voice"].as_str()
        && !state.voices.iter().any(|known| known == voice)
    {
        let message = format!("Voice not found: {voice}");
        return Err(ErrorResponse::new(StatusCode::NOT_FOUND, message));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (input, model) = (text("input"), text("model"));
    // With one lock, the order of outcomes is that of tasks.
    let mut live = state.live();
    let live = &mut *live;
    let outcome = live.injector.next_outcome(&input, record);
    let id = live.tasks.accept(Instant::now(), input, model, outcome);
    Ok(json!({ "id": id }))
}

fn speech_result(state: &SimulatorState, body: &Value) -> Result<Value, ErrorResponse> {
    let sent_id = body["id"].as_str().unwrap_or_default();
    let id = sent_id.to_ascii_lowercase();
    let now = Instant::now();
    let mut live = state.live();
    // The redaction finds the key only in the spelling of the request.
    let not_found = || ErrorResponse::new(StatusCode::NOT_FOUND, format!("Task not found: {sent_id}"));
    let (audio_host, is_disturbed) = (live.audio_host.clone(), live.records.is_disturbed);
    let Some(task) = live.tasks.find(now, &id) else {
        return Err(if is_disturbed { not_found().expected() } else { not_found() });
    };
    if task.is_not_found(now) {
        return Err(not_found().expected());
    }
    let results: Vec<_> = match task.outcome.ending {
        Ending::NoUrl if task.has_ended(now) => vec![json!({})],
        _ => (1..=task.audio_files(now))
            .map(|number| json!({ "url": audio_url(state, &audio_host, &id, number, now) }))
            .collect(),
    };
    Ok(result(state, task, now, &results))
}

fn result(state: &SimulatorState, task: &Task, now: Instant, results: &[Value]) -> Value {
    let mut response = json!({
        "id": task.id,
        "status": task.status_text(now),
        "created": task.created_since_epoch(&state.clock),
        "model": task.model,
        "results": results,
    });
    if let Some(finished) = task.finished_since_epoch(now, &state.clock) {
        response["finished"] = finished.into();
    }
    response
}

#[cfg(test)]
mod tests;
