//! One request and its answer: the proper one, or what the script has instead.

use std::{future::pending, io};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
};

use super::{
    audio_host, corruption,
    raw_socket::RawResponse,
    response::{Body, ErrorResponse},
    speech_api,
    state::SimulatorState,
};
use crate::testing::faults::{
    canned_response::CannedResponse,
    fault::{Fault, Kind},
    replace::Replacement,
    route::Host,
};

const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(crate) enum Answer {
    Response(Response<Body>),
    /// One that HTTP does not allow.
    Raw(RawResponse),
}

/// Counts, refuses what comes too fast, and answers as the script says. An error instead closes the connection.
pub(crate) async fn handle(
    site: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
) -> io::Result<Answer> {
    let route = site.route(host, request.method(), request.uri().path());
    site.recorder().record_arrival(host, route);
    if host == Host::Audio && audio_host::carries_key(site, &request) {
        // Before any fault, so that none of them hides it.
        site.recorder().leaks += 1;
        return Ok(Answer::Response(audio_host::reject_key().into()));
    }
    if host == Host::Api {
        // Taken out of the condition, so that the lock is not held while the request is read.
        let admission = site.injector().admit();
        if let Err(too_many) = admission {
            site.recorder().rate_limited += 1;
            drop(read_body(request).await?);
            let refusal = CannedResponse::status(429)
                .retry_after(too_many.wait)
                .retry_after_format(too_many.retry_after_format);
            return Ok(Answer::Response(refusal.into()));
        }
    }
    let fault = route.and_then(|route| site.injector().next_fault(route));
    match fault {
        None => respond(site, host, request).await.map(Answer::Response),
        Some(fault) => {
            site.recorder().faults += 1;
            respond_with_fault(site, host, request, fault).await
        }
    }
}

async fn respond_with_fault(
    site: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
    fault: Fault,
) -> io::Result<Answer> {
    let instead = match fault.kind {
        Kind::Corrupt(spoil) => {
            let request = corruption::request(spoil, request);
            return corruption::answer(spoil, respond(site, host, request).await?).await;
        }
        Kind::Replace(instead) => instead,
    };
    if fault.accepts_first {
        respond(site, host, request).await?;
    } else if matches!(instead, Replacement::Silence | Replacement::Response(_)) {
        drop(read_body(request).await?);
    }
    match instead {
        Replacement::Reset => Ok(Answer::Raw(RawResponse::Reset)),
        Replacement::Silence => pending().await,
        Replacement::Crash(time) => {
            site.listener_control(host).crash(time);
            pending().await
        }
        Replacement::Response(reply) => Ok(Answer::Response(reply.into())),
    }
}

/// The answer of a server that is well.
async fn respond(
    site: &SimulatorState,
    host: Host,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    match host {
        Host::Api => Ok(match read_body(request).await? {
            Ok(request) => speech_api::respond(site, &request),
            Err(refusal) => refusal.into(),
        }),
        Host::Audio => Ok(audio_host::respond(site, &request.map(drop))),
    }
}

/// The request with its body, or why it is not read to the end.
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
