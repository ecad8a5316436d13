//! One request and its answer: the proper one, or what the script has instead.

use std::{future::pending, io};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
};

use super::{
    api, audio,
    canned::Canned,
    fault::{Fault, Kind},
    instead::Instead,
    reply::{Body, Refusal},
    route::Host,
    site::Site,
    spoil,
    wire::Seizure,
};

const LARGEST_BODY: usize = 1024 * 1024;

pub(super) enum Answer {
    Reply(Response<Body>),
    /// One that HTTP does not allow.
    Seizure(Seizure),
}

/// Counts, refuses what comes too fast, and answers as the script says. An error instead closes the connection.
pub(super) async fn exchange(site: &Site, host: Host, request: Request<Incoming>) -> io::Result<Answer> {
    let route = site.route(host, request.method(), request.uri().path());
    site.ledger().arrived(host, route);
    if host == Host::Audio && audio::carries_key(site, &request) {
        // Before any fault, so that none of them hides it.
        site.ledger().leaks += 1;
        return Ok(Answer::Reply(audio::key_refused().into()));
    }
    if host == Host::Api {
        // Taken out of the condition, so that the lock is not held while the request is read.
        let admission = site.stage().admit();
        if let Err(too_many) = admission {
            site.ledger().limited += 1;
            drop(whole(request).await?);
            let refusal = Canned::status(429).retry_after(too_many.wait).hint(too_many.hint);
            return Ok(Answer::Reply(refusal.into()));
        }
    }
    let fault = route.and_then(|route| site.stage().fault(route));
    match fault {
        None => proper(site, host, request).await.map(Answer::Reply),
        Some(fault) => {
            site.ledger().faults += 1;
            disturbed(site, host, request, fault).await
        }
    }
}

async fn disturbed(site: &Site, host: Host, request: Request<Incoming>, fault: Fault) -> io::Result<Answer> {
    let instead = match fault.kind {
        Kind::InTheAnswer(spoil) => {
            let request = spoil::request(spoil, request);
            return spoil::answer(spoil, proper(site, host, request).await?).await;
        }
        Kind::Instead(instead) => instead,
    };
    if fault.accepting {
        proper(site, host, request).await?;
    } else if matches!(instead, Instead::Silence | Instead::Reply(_)) {
        drop(whole(request).await?);
    }
    match instead {
        Instead::Reset => Ok(Answer::Seizure(Seizure::Reset)),
        Instead::Silence => pending().await,
        Instead::Crash(time) => {
            site.switch(host).crash(time);
            pending().await
        }
        Instead::Reply(reply) => Ok(Answer::Reply(reply.into())),
    }
}

/// The answer of a server that is well.
async fn proper(site: &Site, host: Host, request: Request<Incoming>) -> io::Result<Response<Body>> {
    match host {
        Host::Api => Ok(match whole(request).await? {
            Ok(request) => api::answer(site, &request),
            Err(refusal) => refusal.into(),
        }),
        Host::Audio => Ok(audio::answer(site, &request.map(drop))),
    }
}

/// The request with its body, or why it is not read to the end.
async fn whole(request: Request<Incoming>) -> io::Result<Result<Request<Bytes>, Refusal>> {
    let (head, body) = request.into_parts();
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(Ok(Request::from_parts(head, body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Ok(Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("body must not be larger than {LARGEST_BODY} bytes"),
        ))),
        Err(error) => Err(io::Error::other(error)),
    }
}
