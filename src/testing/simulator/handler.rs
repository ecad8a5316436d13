//! Handles one request: responds normally, or with the fault that the script selects.

use std::{future::pending, io};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
};

use super::{
    audio_host, corruption,
    raw_socket::{HandlerResponse, RawResponse},
    response::{Body, ErrorResponse},
    speech_api,
    state::SimulatorState,
};
use crate::testing::faults::{
    canned_response::CannedResponse,
    fault::Replacement,
    fault::{Fault, Kind},
    route::Host,
};

const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Counts the request, applies the rate limit, and responds as the script says. An error closes the
/// connection.
pub(crate) async fn handle(
    state: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
) -> io::Result<HandlerResponse> {
    let route = state.route(host, request.method(), request.uri().path());
    state.recorder().record_arrival(host, route);
    if host == Host::Audio && audio_host::carries_key(state, &request) {
        // Check before any fault, so that no fault hides a leak.
        state.recorder().leaks += 1;
        return Ok(HandlerResponse::Http(audio_host::reject_key().into()));
    }
    if host == Host::Api {
        // Bind the result first: in the `if let` condition, the lock would be held while the request is read.
        let admission = state.injector().admit();
        if let Err(exceeded) = admission {
            state.recorder().rate_limited += 1;
            drop(read_body(request).await?);
            let response = CannedResponse::status(429)
                .retry_after(exceeded.wait)
                .retry_after_format(exceeded.retry_after_format);
            return Ok(HandlerResponse::Http(response.into()));
        }
    }
    let fault = route.and_then(|route| state.injector().next_fault(route));
    match fault {
        None => respond(state, host, request).await.map(HandlerResponse::Http),
        Some(fault) => {
            state.recorder().faults += 1;
            respond_with_fault(state, host, request, fault).await
        }
    }
}

async fn respond_with_fault(
    state: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
    fault: Fault,
) -> io::Result<HandlerResponse> {
    let replacement = match fault.kind {
        Kind::Corrupt(corruption) => {
            let request = corruption::prepare_request(corruption, request);
            return corruption::corrupt(corruption, respond(state, host, request).await?).await;
        }
        Kind::Replace(replacement) => replacement,
    };
    if fault.accepts_first {
        respond(state, host, request).await?;
    } else if matches!(replacement, Replacement::Silence | Replacement::Response(_)) {
        drop(read_body(request).await?);
    }
    match replacement {
        Replacement::Reset => Ok(HandlerResponse::Raw(RawResponse::Reset)),
        Replacement::Silence => pending().await,
        Replacement::Crash(time) => {
            state.listener_control(host).crash(time);
            pending().await
        }
        Replacement::Response(response) => Ok(HandlerResponse::Http(response.into())),
    }
}

/// Responds normally, without a fault.
async fn respond(
    state: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    match host {
        Host::Api => Ok(match read_body(request).await? {
            Ok(request) => speech_api::respond(state, &request),
            Err(error_response) => error_response.into(),
        }),
        Host::Audio => Ok(audio_host::respond(state, &request.map(drop))),
    }
}

/// Reads the body of a request, or returns an error response if the body is too large.
async fn read_body(request: Request<Incoming>) -> io::Result<Result<Request<Bytes>, ErrorResponse>> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(Ok(Request::from_parts(head, body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Ok(Err(ErrorResponse::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("body must not be larger than {MAX_BODY_BYTES} bytes"),
        ))),
        Err(error) => Err(io::Error::other(error)),
    }
}
