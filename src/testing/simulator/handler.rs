//! Handles one request: responds normally, or with the fault that the script selects.

use std::{future::pending, io, time::Duration};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
};
use tokio::time::sleep;

use super::{
    audio_host, control_api, corruption,
    genuine::Genuine,
    idle_close::IdleClose,
    raw_socket::{CloseMode, HandlerResponse, RawResponse},
    records::Processed,
    response::ErrorResponse,
    speech_api,
    state::{Arrival, Decision, SimulatorState},
};
use crate::testing::faults::{
    canned_response::CannedResponse,
    fault::{Fault, Kind},
    received_request::ReceivedRequest,
    route::Host,
};

const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Records the request, applies the rate limit, and responds as the script says. An error closes the
/// connection.
pub(crate) async fn handle(
    state: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
    idle_close: &IdleClose,
) -> io::Result<HandlerResponse> {
    idle_close.request_started();
    let (request, too_large) = read(request).await?;
    if host == Host::Api && state.has_control_api && control_api::is_control(request.uri().path()) {
        let response = match too_large {
            None => control_api::respond(state, &request).await,
            Some(error_response) => error_response.into(),
        };
        return Ok(HandlerResponse::Http(response));
    }
    let Arrival { number, record, decision } = state.arrive(host, &request);
    let genuine = match decision {
        Decision::RejectKey => Genuine::refuse(audio_host::reject_key()),
        Decision::RateLimited(exceeded) => {
            let mut response = CannedResponse::new(429);
            response.retry_after = Some(exceeded.wait);
            response.retry_after_format = exceeded.retry_after_format;
            Genuine::new(response.into())
        }
        Decision::Process => process(state, &record, &request, too_large),
        Decision::Inject(fault, share) => {
            idle_close.after_response(fault.close_idle_after);
            let delay = fault.delay.saturating_add(fault.jitter.mul_f64(share));
            return Injection { state, number, record, delay }.inject(*fault, request, too_large).await;
        }
    };
    state.processed(number, &record, genuine.processed);
    Ok(HandlerResponse::Http(genuine.response))
}

/// The injection of a fault into a request.
struct Injection<'a> {
    state: &'a SimulatorState,
    number: u64,
    record: ReceivedRequest,
    delay: Duration,
}

impl Injection<'_> {
    async fn inject(
        self,
        fault: Fault,
        request: Request<Bytes>,
        too_large: Option<ErrorResponse>,
    ) -> io::Result<HandlerResponse> {
        let replaces = fault.response.replaces_response();
        let (response, mut processed) = if replaces && !fault.after_accepting {
            (None, Processed::default())
        } else {
            let request = corruption::prepare_request(&fault.response, request);
            let genuine = process(self.state, &self.record, &request, too_large);
            (Some(genuine.response), genuine.processed)
        };
        let mut response = match (response, &fault.response) {
            (Some(genuine), kind) if !replaces => Some(corruption::corrupt(kind, genuine).await?),
            (_, kind) => replacement(kind),
        };
        if let Some(response) = &mut response {
            corruption::apply_settings(&fault, response);
        }
        // A response that the fault has changed says nothing about the request.
        processed.status = response.as_ref().and_then(HandlerResponse::status);
        processed.refused = processed.refused.filter(|_| fault.response == Kind::Genuine);
        self.state.processed(self.number, &self.record, processed);
        sleep(self.delay).await;
        if let Kind::Crash(time) = fault.response {
            self.state.listener_control(self.record.host).crash(time);
        }
        match response {
            Some(response) => Ok(response),
            None => pending().await,
        }
    }
}

/// Returns what replaces the response. `None` leaves the connection open without a response.
fn replacement(kind: &Kind) -> Option<HandlerResponse> {
    match kind {
        Kind::Reset => Some(HandlerResponse::Raw(RawResponse::None(CloseMode::Reset))),
        Kind::Close => Some(HandlerResponse::Raw(RawResponse::None(CloseMode::Graceful))),
        Kind::Respond(response) => Some(HandlerResponse::Http(response.clone().into())),
        _ => None,
    }
}

/// Processes a request without a fault.
fn process(
    state: &SimulatorState,
    record: &ReceivedRequest,
    request: &Request<Bytes>,
    too_large: Option<ErrorResponse>,
) -> Genuine {
    match (too_large, record.host) {
        (Some(error_response), _) => Genuine::refuse(error_response),
        (None, Host::Api) => speech_api::respond(state, record, request),
        (None, Host::Audio) => audio_host::respond(state, request),
    }
}

/// Reads a request, or returns an error response if its body is too large. The body is then empty.
async fn read(request: Request<Incoming>) -> io::Result<(Request<Bytes>, Option<ErrorResponse>)> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok((Request::from_parts(head, body.to_bytes()), None)),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("body must not be larger than {MAX_BODY_BYTES} bytes");
            let error_response = ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, message);
            Ok((Request::from_parts(head, Bytes::new()), Some(error_response)))
        }
        Err(error) => Err(io::Error::other(error)),
    }
}
