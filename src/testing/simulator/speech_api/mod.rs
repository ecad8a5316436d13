//! The two API operations: create and result.

use hyper::{
    Request, Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    published_spec::Operation,
    response::{Body, ErrorResponse, json_response},
    state::SimulatorState,
    task::{Status, Task},
};

pub(crate) fn respond(state: &SimulatorState, request: &Request<Bytes>) -> Response<Body> {
    match route(state, request) {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(error_response) => error_response.into(),
    }
}

fn route(state: &SimulatorState, request: &Request<Bytes>) -> Result<Value, ErrorResponse> {
    let (create, result) = (&state.spec.create, &state.spec.result);
    let path = request.uri().path();
    if path == create.path {
        validate(state, create, request).and_then(|body| speech_create(state, &body))
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

fn speech_create(state: &SimulatorState, body: &Value) -> Result<Value, ErrorResponse> {
    if let Some(voice) = body["voice"].as_str()
        && !state.voices.iter().any(|known| known == voice)
    {
        let message = format!("Voice not found: {voice}");
        return Err(ErrorResponse::new(StatusCode::NOT_FOUND, message));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let input = text("input");
    let outcome = state.injector().next_outcome(&input);
    let task = Task::new(input, text("model"), outcome);
    let id = state.recorder().accept(task);
    Ok(json!({ "id": id }))
}

fn speech_result(state: &SimulatorState, body: &Value) -> Result<Value, ErrorResponse> {
    let id = body["id"].as_str().unwrap_or_default().to_ascii_lowercase();
    let Some(task) = state.recorder().find(&id).filter(|task| !task.is_not_found()) else {
        let message = format!("Task not found: {id}");
        return Err(ErrorResponse::new(StatusCode::NOT_FOUND, message));
    };
    let status = task.status(&state.timeline);
    let mut response = json!({
        "id": id,
        "status": task.status_text(status),
        "created": task.created(),
        "model": task.model,
        "results": [],
    });
    if matches!(status, Status::Completed | Status::Error) {
        response["finished"] = task.finished(&state.timeline).into();
    }
    if task.has_audio(status) {
        let url = format!("{}/audio/{id}.wav", state.audio_url);
        response["results"] = json!([{ "url": url }]);
    } else if status == Status::Completed {
        response["results"] = json!([{}]);
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
