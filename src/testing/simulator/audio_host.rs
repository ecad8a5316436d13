//! The audio host: a separate origin, which must never receive the API key.

use std::ops::Range;

use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Frame},
    header::{
        ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
        IF_RANGE, LOCATION, RANGE,
    },
};
use reqwest::Url;
use tokio::time::Instant;

use super::{
    audio_path::{AudioPath, audio_path},
    genuine::Genuine,
    range::{Selection, select},
    response::{Body, ErrorResponse},
    state::SimulatorState,
    tone::Tone,
};
use crate::testing::faults::audio_host::AudioHost;

const CHUNK: usize = 64 * 1024;

/// Returns the URL of a task's audio. A signed URL is valid from `now`.
pub(crate) fn audio_url(
    state: &SimulatorState,
    settings: &AudioHost,
    id: &str,
    number: u32,
    now: Instant,
) -> String {
    let suffix = if number == 1 { String::new() } else { format!("-{number}") };
    let file = format!("/audio/{id}{suffix}.wav");
    let redirect = match settings.redirects {
        0 => String::new(),
        count => format!("/redirect-{count}"),
    };
    let query = settings.signed_urls.map_or_else(String::new, |lifetime| {
        let age = state.clock.age(now).saturating_add(lifetime);
        let expires = u64::try_from(age.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        format!("?expires={expires}&signature={}", state.seed.signature(&file, expires))
    });
    format!("{}{redirect}{file}{query}", state.audio_url)
}

pub(crate) fn respond(state: &SimulatorState, request: &Request<Bytes>) -> Genuine {
    route(state, request).unwrap_or_else(Genuine::refuse)
}

fn route(state: &SimulatorState, request: &Request<Bytes>) -> Result<Genuine, ErrorResponse> {
    let not_found = || ErrorResponse::new(StatusCode::NOT_FOUND, "Audio not found");
    let path = audio_path(request.uri().path()).ok_or_else(not_found)?;
    let now = Instant::now();
    let (tone, settings) = {
        let mut live = state.live();
        let settings = live.audio_host.clone();
        let task = live.tasks.find(now, path.id).filter(|task| path.number <= task.audio_files(now));
        (Tone::from_text(&task.filter(|_| path.number > 0).ok_or_else(not_found)?.input), settings)
    };
    if settings.signed_urls.is_some()
        && let Some(rejection) = check_signature(state, path.file, request.uri(), now)?
    {
        return Ok(rejection);
    }
    if path.redirects > 0 {
        return Ok(redirect(state, &path, request.uri()));
    }
    // The name determines the text and the text determines the bytes, so the name identifies this version of the
    // file.
    let etag = settings.etag.then(|| format!("\"{}\"", path.file));
    let file = File { tone, etag, settings: &settings };
    match *request.method() {
        Method::GET => {
            let selection = file.selection(request.headers());
            let mut genuine = Genuine::new(file.response(selection)?);
            genuine.processed.is_download = true;
            Ok(genuine)
        }
        Method::HEAD => Ok(Genuine::new(file.response(Selection::Whole)?)),
        _ => {
            let message = format!("Method {} not allowed", request.method());
            let error_response = ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, message);
            Err(error_response.header(ALLOW, "GET, HEAD"))
        }
    }
}

/// Returns the error response to a request that carries the key.
pub(crate) fn reject_key() -> ErrorResponse {
    ErrorResponse::new(StatusCode::FORBIDDEN, "The API key must not be sent to the audio host")
}

/// Returns a response if the URL has expired, as storage providers send it, or an error if it is not signed.
fn check_signature(
    state: &SimulatorState,
    file: &str,
    uri: &Uri,
    now: Instant,
) -> Result<Option<Genuine>, ErrorResponse> {
    let url = Url::parse(&format!("http://localhost/?{}", uri.query().unwrap_or_default())).ok();
    let parameter = |name: &str| {
        let pairs = url.as_ref()?.query_pairs();
        pairs.into_iter().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    };
    let expires = parameter("expires").and_then(|expires| expires.parse().ok());
    let signed =
        expires.filter(|expires| parameter("signature") == Some(state.seed.signature(file, *expires)));
    let expires = signed.ok_or_else(|| {
        ErrorResponse::new(StatusCode::FORBIDDEN, "The signature of the URL is missing or wrong")
    })?;
    if state.clock.age(now).as_millis() < u128::from(expires) {
        return Ok(None);
    }
    let xml = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let body = Full::new(Bytes::from_static(xml.as_bytes())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Ok(Some(Genuine::new(response)))
}

fn redirect(state: &SimulatorState, path: &AudioPath<'_>, uri: &Uri) -> Genuine {
    let rest = match path.redirects - 1 {
        0 => String::new(),
        count => format!("/redirect-{count}"),
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}{rest}{}{query}", state.audio_url, path.file);
    let mut response = Response::new(Full::default().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().extend(HeaderValue::from_str(&location).ok().map(|value| (LOCATION, value)));
    Genuine::new(response)
}

/// An audio file and the host's way of sending it.
struct File<'a> {
    tone: Tone,
    etag: Option<String>,
    settings: &'a AudioHost,
}

impl File<'_> {
    /// Returns the part of the file that the request selects. With `If-Range`, a range applies to that version
    /// only.
    fn selection(&self, headers: &HeaderMap) -> Selection {
        let same_file = headers
            .get(IF_RANGE)
            .is_none_or(|validator| self.etag.as_ref().is_some_and(|etag| validator == etag));
        match headers.get(RANGE).and_then(|range| range.to_str().ok()) {
            Some(range) if same_file && self.settings.ranges => select(range, self.tone.len()),
            _ => Selection::Whole,
        }
    }

    fn response(self, selection: Selection) -> Result<Response<Body>, ErrorResponse> {
        let length = self.tone.len();
        let mut response = Response::builder().header(CONTENT_TYPE, &*self.settings.media_type);
        if self.settings.ranges {
            response = response.header(ACCEPT_RANGES, "bytes");
        }
        if let Some(etag) = &self.etag {
            response = response.header(ETAG, etag);
        }
        let (response, part) = match selection {
            Selection::Whole => (response, 0..length),
            Selection::Part(part) => {
                let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let response =
                    response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, content_range);
                (response, part)
            }
            Selection::Nothing => {
                let message = format!("The audio has {length} bytes");
                let error_response = ErrorResponse::new(StatusCode::RANGE_NOT_SATISFIABLE, message);
                return Err(error_response.header(CONTENT_RANGE, &format!("bytes */{length}")));
            }
        };
        response
            .header(CONTENT_LENGTH, part.len())
            .body(chunks(self.tone, part))
            .map_err(|error| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }
}

/// Generates the body while it is sent, so that each concurrent download holds one chunk in memory.
fn chunks(tone: Tone, part: Range<usize>) -> Body {
    let chunks = stream::unfold((tone, part), |(tone, rest)| async move {
        let end = rest.end.min(rest.start + CHUNK);
        let chunk = tone.read(rest.start..end);
        let more = !chunk.is_empty();
        more.then(|| (Ok(Frame::data(Bytes::from(chunk))), (tone, end..rest.end)))
    });
    StreamBody::new(chunks).boxed_unsync()
}
