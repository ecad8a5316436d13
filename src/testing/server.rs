//! Sockets and HTTP: accepts, reads a request, hands it over, writes the answer.

use std::{io, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use super::{
    api, audio,
    reply::{Body, Refusal},
    site::Site,
};

const LARGEST_BODY: usize = 1024 * 1024;

/// Which of the two hosts a request came to.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    Api,
    Audio,
}

/// Serves until aborted; the connections end with it.
pub(super) fn serve(listener: TcpListener, origin: Origin, site: Arc<Site>) -> AbortHandle {
    tokio::spawn(accept(listener, origin, site)).abort_handle()
}

async fn accept(listener: TcpListener, origin: Origin, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, origin, Arc::clone(&site)));
            }
            // Most likely out of file descriptors, which come back as connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// All requests of one connection. How a connection fails is its client's affair.
async fn converse(stream: TcpStream, origin: Origin, site: Arc<Site>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| exchange(&site, origin, request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// One request and its answer. An error instead of an answer closes the connection.
async fn exchange(site: &Site, origin: Origin, request: Request<Incoming>) -> io::Result<Response<Body>> {
    match origin {
        Origin::Api => {
            site.ledger().requests += 1;
            Ok(match whole(request).await? {
                Ok(request) => api::answer(site, &request),
                Err(refusal) => refusal.into(),
            })
        }
        Origin::Audio => Ok(audio::answer(site, &request.map(drop))),
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
