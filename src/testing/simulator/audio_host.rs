//! The audio host: a separate origin, which must never receive the API key.

use std::{ops::Range, sync::Arc};

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Frame},
    header::{
        ACCEPT_RANGES, ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
        IF_RANGE, RANGE,
    },
};
use reqwest::Url;

use super::{
    range::{Selection, select},
    response::{Body, ErrorResponse},
    state::SimulatorState,
    task::Task,
    tone::Tone,
};

const CHUNK: usize = 64 * 1024;

pub(crate) fn respond(state: &SimulatorState, request: &Request<()>) -> Response<Body> {
    route(state, request).unwrap_or_else(Response::from)
}

fn route(state: &SimulatorState, request: &Request<()>) -> Result<Response<Body>, ErrorResponse> {
    let (id, task) = find_audio(state, request.uri().path())
        .ok_or_else(|| ErrorResponse::new(StatusCode::NOT_FOUND, "Audio not found"))?;
    let tone = Tone::from_text(&task.input);
    // The id determines the text and the text determines the bytes, so the id identifies this version of the
    // file.
    let etag = format!("\"{id}\"");
    match *request.method() {
        Method::GET => {
            let selection = selection(request.headers(), &etag, tone.len());
            let response = audio_response(tone, &etag, selection)?;
            state.recorder().downloads += 1;
            Ok(response)
        }
        Method::HEAD => audio_response(tone, &etag, Selection::Whole),
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

/// Returns `true` if the head of the request contains the key, including percent-encoded in the query.
pub(crate) fn carries_key<B>(state: &SimulatorState, request: &Request<B>) -> bool {
    let key = state.api_key.as_str();
    let (uri, headers) = (request.uri(), request.headers());
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(&state.spec.create.key_header)
        || headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(key))
        || uri.to_string().contains(key)
        || query_parts(uri).iter().any(|part| part.contains(key))
}

/// Returns the decoded names and values of the query.
fn query_parts(uri: &Uri) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let pairs = Url::parse(&format!("http://localhost/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect::<Vec<_>>());
    pairs.into_iter().flatten().flat_map(|(name, value)| [name, value]).collect()
}

/// Returns the id and the task of an audio path, if the task is completed with audio.
fn find_audio<'a>(state: &SimulatorState, path: &'a str) -> Option<(&'a str, Arc<Task>)> {
    let id = path.strip_prefix("/audio/")?.strip_suffix(".wav")?;
    let task = state.recorder().find(id)?;
    task.has_audio(task.status(&state.timeline)).then_some((id, task))
}

/// Returns the part of the file that the request selects. With `If-Range`, a range applies to that version
/// only.
fn selection(headers: &HeaderMap, etag: &str, length: usize) -> Selection {
    let same_file = headers.get(IF_RANGE).is_none_or(|validator| validator == etag);
    match headers.get(RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if same_file => select(range, length),
        _ => Selection::Whole,
    }
}

fn audio_response(tone: Tone, etag: &str, selection: Selection) -> Result<Response<Body>, ErrorResponse> {
    let length = tone.len();
    let response = Response::builder()
        .header(CONTENT_TYPE, "audio/wav")
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, etag);
    let (response, part) = match selection {
        Selection::Whole => (response, 0..length),
        Selection::Part(part) => {
            let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, content_range);
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
        .body(chunks(tone, part))
        .map_err(|error| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
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
