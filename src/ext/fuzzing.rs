//! What foreign bytes reach, for the targets in `fuzz`: there with `--cfg fuzzing` only, and no part of the API.

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

pub use super::{
    batch::fuzzing as journal,
    long_text::fuzzing::{WavAudio, join, read},
};

/// A reply as a server may write it.
#[derive(Clone, Debug)]
pub struct FakeResponse {
    /// From 100 to 999.
    pub status: u16,
    /// What can't be a header is left out.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, and whether the connection breaks behind it.
    pub body: (Vec<u8>, bool),
}

thread_local! {
    static RESPONSES: RefCell<Vec<FakeResponse>> = const { RefCell::new(Vec::new()) };
    static REQUEST_COUNT: Cell<usize> = const { Cell::new(0) };
}

/// What the next requests of this thread are answered, instead of a server: in turn, and the last one for ever.
pub fn respond_with(answers: Vec<FakeResponse>) {
    RESPONSES.set(answers);
    REQUEST_COUNT.set(0);
}

/// How many requests were answered since.
#[must_use]
pub fn request_count() -> usize {
    REQUEST_COUNT.get()
}

/// The next answer; the request back if there are none.
pub(super) async fn fake_response(mut request: Request) -> Result<Response, Request> {
    let next = RESPONSES.with_borrow(|answers| answers.get(REQUEST_COUNT.get()).or(answers.last()).cloned());
    let Some(FakeResponse { status, headers, body: (body, breaks) }) = next else { return Err(request) };
    REQUEST_COUNT.set(REQUEST_COUNT.get() + 1);
    // As a transport does, or it counts as not sent.
    if let Some(body) = request.body_mut() {
        let mut body = pin!(body);
        while poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some() {}
    }
    let body = stream::iter(
        [Ok(Bytes::from(body))].into_iter().chain(breaks.then(|| Err(io::Error::other("reset")))),
    );
    let mut reply = http::Response::builder().status(status).url(request.url().clone());
    *reply.headers_mut().expect("the status is one") = header_map(&headers);
    Ok(reply.body(Body::wrap_stream(body)).expect("its parts are good").into())
}

/// A text without this key.
#[must_use]
pub fn redact(key: &str, text: &str) -> String {
    super::transport::api_key::ApiKey::new(key).expect("it is one").redact(text)
}

/// How long these headers ask to hold off.
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
