//! The control API: the methods of [`Simulator`](super::Simulator) over HTTP, for tests in any language.

use std::time::Duration;

use hyper::{Method, Request, Response, StatusCode, body::Bytes, header::ALLOW};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    listener_control::State,
    response::{Body, ErrorResponse, json_response},
    state::SimulatorState,
};
use crate::testing::faults::route::Host;

/// The prefix of all paths. An API cannot have it: its paths begin with a lower-case letter.
const PREFIX: &str = "/_simulator";

/// Returns `true` if the path belongs to the control API.
pub(crate) fn is_control(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) async fn respond(state: &SimulatorState, request: &Request<Bytes>) -> Response<Body> {
    match route(state, request).await {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(error_response) => error_response.into(),
    }
}

/// Returns what is read, or `null` after a change.
async fn route(state: &SimulatorState, request: &Request<Bytes>) -> Result<Value, ErrorResponse> {
    let path = request.uri().path();
    let parts: Vec<&str> = path.strip_prefix(PREFIX).unwrap_or_default().split('/').skip(1).collect();
    let method = match parts[..] {
        ["counts" | "received" | "tasks"] => Method::GET,
        ["scripts", _] | ["outcomes" | "rate_limit" | "capacity" | "audio_host"] => Method::PUT,
        ["tasks", _, "complete" | "fail"] | ["reset" | "clear_records"] | ["hosts", _, "down" | "up"] => {
            Method::POST
        }
        _ => return Err(ErrorResponse::new(StatusCode::NOT_FOUND, format!("{path} does not exist"))),
    };
    if *request.method() != method {
        let message = format!("Method {} not allowed", request.method());
        let error_response = ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, message);
        return Err(error_response.header(ALLOW, method.as_str()));
    }
    match parts[..] {
        ["counts"] => Ok(state.counts()),
        ["received"] => serde_json::to_value(state.live().records.received())
            .map_err(|error| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        ["tasks"] => Ok(state.tasks()),
        _ => change(state, &parts, request).await.map(|()| Value::Null),
    }
}

async fn change(
    state: &SimulatorState,
    parts: &[&str],
    request: &Request<Bytes>,
) -> Result<(), ErrorResponse> {
    match *parts {
        ["scripts", route] => state.script(name(route)?, body(request)?).map_err(bad_request)?,
        ["outcomes"] => state.outcomes(body(request)?),
        ["rate_limit"] => state.rate_limit(body(request)?),
        ["capacity"] => state.capacity(body(request)?),
        ["audio_host"] => state.audio_host(body(request)?),
        ["tasks", id, "complete"] => state.complete(&id.to_ascii_lowercase()).map_err(bad_request)?,
        ["tasks", id, "fail"] => state.fail(&id.to_ascii_lowercase()).map_err(bad_request)?,
        ["hosts", host, "up"] => {
            state.listener_control(name(host)?).set(State::Up).await.map_err(bad_request)?;
        }
        ["hosts", host, _] => go_down(state, name(host)?, request).await?,
        ["clear_records"] => state.clear_records(),
        _ => {
            state.reset();
            state.listener_control(Host::Audio).set(State::Up).await.map_err(bad_request)?;
        }
    }
    Ok(())
}

/// Takes a host down. The API can only go down for a time, because the control API is down with it.
async fn go_down(state: &SimulatorState, host: Host, request: &Request<Bytes>) -> Result<(), ErrorResponse> {
    let seconds: Option<f64> = body(request)?;
    let time = seconds.map(Duration::try_from_secs_f64).transpose().map_err(bad_request)?;
    let control = state.listener_control(host);
    match (host, time) {
        (Host::Api, None) => {
            return Err(bad_request(
                "body: null, expected seconds, because the control API goes down with the API",
            ));
        }
        // This connection is closed with the others, so the client must have the response first.
        (Host::Api, Some(time)) => {
            state.live().records.is_disturbed = true;
            control.go_down_soon(time);
        }
        (Host::Audio, time) => control.set(State::Down(time)).await.map_err(bad_request)?,
    }
    Ok(())
}

/// Parses the body. HTTP clients leave out the body that is `null`.
fn body<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, ErrorResponse> {
    let json = if request.body().is_empty() { b"null" } else { &request.body()[..] };
    serde_json::from_slice(json).map_err(|error| bad_request(format!("body: {error}")))
}

/// Parses a part of the path, such as `create`.
fn name<T: DeserializeOwned>(part: &str) -> Result<T, ErrorResponse> {
    serde_json::from_value(part.into())
        .map_err(|error| ErrorResponse::new(StatusCode::NOT_FOUND, error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes values")]
fn bad_request(problem: impl ToString) -> ErrorResponse {
    ErrorResponse::new(StatusCode::BAD_REQUEST, problem.to_string())
}

impl SimulatorState {
    fn counts(&self) -> Value {
        let live = self.live();
        let mut counts = serde_json::to_value(live.records.counts).unwrap_or_default();
        counts["creates"] = live.tasks.counted().len().into();
        counts["billed"] = live.tasks.billed().as_secs_f64().into();
        counts["peak_per_second"] = live.records.peak().into();
        counts
    }

    fn tasks(&self) -> Value {
        let now = Instant::now();
        let mut live = self.live();
        let ids: Vec<_> = live.tasks.counted().iter().map(|task| task.id.clone()).collect();
        let task = |id: String| {
            let task = live.tasks.find(now, &id)?;
            Some(json!({ "id": id, "text": task.input, "status": task.status_text(now) }))
        };
        ids.into_iter().filter_map(task).collect()
    }
}
