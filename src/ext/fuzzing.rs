//! Entry points for the fuzz targets in `fuzz`, which feed them untrusted input.
//!
//! The module exists only with `--cfg distribute_ai_fuzzing` and is not part of the public API. `cfg(fuzzing)` would
//! add it to every program that its authors fuzz.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http_body::Body as _;
use reqwest::{
    Body, Request, Response, ResponseBuilderExt,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::client::ClientState;
pub use super::{
    long_text::fuzzing::{WavAudio, join, read},
    store::fuzzing::check_record,
};
use crate::Client;

/// A response that a fuzz target supplies in place of a server.
#[derive(Clone, Debug)]
pub struct FakeResponse {
    /// The status, from 100 to 999.
    pub status: u16,
    /// The headers. Invalid names and values are skipped.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, and `true` if the connection breaks after it.
    pub body: (Vec<u8>, bool),
}

thread_local! {
    static RESPONSES: RefCell<Vec<FakeResponse>> = const { RefCell::new(Vec::new()) };
    static REQUEST_COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Sets the responses to the next requests of this thread. They are used in order, and the last one is
/// repeated indefinitely.
pub fn respond_with(responses: Vec<FakeResponse>) {
    RESPONSES.set(responses);
    REQUEST_COUNT.set(0);
}

/// Returns a client with the same settings and HTTP clients, and without the state of earlier requests.
#[must_use]
pub fn with_new_state(client: &Client) -> Client {
    let inner = client.inner().with_new_state();
    Client { client: client.client.clone(), baseurl: client.baseurl.clone(), inner: ClientState::new(inner) }
}

/// Returns the number of requests that got a response since the last call of [`respond_with`].
#[must_use]
pub fn request_count() -> usize {
    REQUEST_COUNT.get()
}

/// Returns the next response, or the request as the error if no responses are set.
pub(super) async fn fake_response(mut request: Request) -> Result<Response, Request> {
    let next =
        RESPONSES.with_borrow(|responses| responses.get(REQUEST_COUNT.get()).or(responses.last()).cloned());
    let Some(FakeResponse { status, headers, body: (body, breaks) }) = next else { return Err(request) };
    REQUEST_COUNT.set(REQUEST_COUNT.get() + 1);
    // Read the body like a transport. Otherwise the request counts as not sent.
    if let Some(body) = request.body_mut() {
        let mut body = pin!(body);
        while poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some() {}
    }
    let body = stream::iter(
        [Ok(Bytes::from(body))].into_iter().chain(breaks.then(|| Err(io::Error::other("reset")))),
    );
    let mut response = http::Response::builder().status(status).url(request.url().clone());
    *response.headers_mut().expect("status is from 100 to 999") = header_map(&headers);
    Ok(response.body(Body::wrap_stream(body)).expect("status and headers are valid").into())
}

/// Returns the text with this key redacted.
#[must_use]
pub fn redact(key: &str, text: &str) -> String {
    super::transport::api_key::ApiKey::new(key).expect("the key is valid").redact(text)
}

/// Returns the delay that these headers request, as `Retry-After` does.
#[must_use]
pub fn retry_after(headers: &[(String, Vec<u8>)]) -> Option<Duration> {
    super::transport::retry_after::retry_after(&header_map(headers))
}

fn header_map(headers: &[(String, Vec<u8>)]) -> HeaderMap {
    let header = |(name, value): &(String, Vec<u8>)| {
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?))
    };
    headers.iter().filter_map(header).collect()
}
