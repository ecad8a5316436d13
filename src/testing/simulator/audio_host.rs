//! The host of the audio: another origin, which must never see the key.

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

pub(crate) fn respond(site: &SimulatorState, request: &Request<()>) -> Response<Body> {
    route(site, request).unwrap_or_else(Response::from)
}

fn route(site: &SimulatorState, request: &Request<()>) -> Result<Response<Body>, ErrorResponse> {
    let (id, task) = find(site, request.uri().path())
        .ok_or_else(|| ErrorResponse::new(StatusCode::NOT_FOUND, "Audio not found"))?;
    let wav = Tone::from_text(&task.input);
    // The bytes follow from the text and the text from the id.
    let etag = format!("\"{id}\"");
    match *request.method() {
        Method::GET => {
            let selection = selection(request.headers(), &etag, wav.len());
            let reply = file(wav, &etag, selection)?;
            site.recorder().downloads += 1;
            Ok(reply)
        }
        Method::HEAD => file(wav, &etag, Selection::Whole),
        _ => {
            let message = format!("Method {} not allowed", request.method());
            let refusal = ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, message);
            Err(refusal.header(ALLOW, "GET, HEAD"))
        }
    }
}

/// What a request is answered that carries the key.
pub(crate) fn reject_key() -> ErrorResponse {
    ErrorResponse::new(StatusCode::FORBIDDEN, "The API key must not be sent to the audio host")
}

/// Whether the key is anywhere in a request's head, encoded in its query included.
pub(crate) fn carries_key<B>(site: &SimulatorState, request: &Request<B>) -> bool {
    let key = site.api_key.as_str();
    let (uri, headers) = (request.uri(), request.headers());
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(&site.spec.create.key_header)
        || headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(key))
        || uri.to_string().contains(key)
        || parameters(uri).iter().any(|parameter| parameter.contains(key))
}

/// The names and values of a query, decoded.
fn parameters(uri: &Uri) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let pairs = Url::parse(&format!("http://localhost/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect::<Vec<_>>());
    pairs.into_iter().flatten().flat_map(|(name, value)| [name, value]).collect()
}

/// A completed task, by the path of its audio.
fn find<'a>(site: &SimulatorState, path: &'a str) -> Option<(&'a str, Arc<Task>)> {
    let id = path.strip_prefix("/audio/")?.strip_suffix(".wav")?;
    let task = site.recorder().find(id)?;
    task.has_audio(task.status(&site.timeline)).then_some((id, task))
}

/// `If-Range` makes a range hold only for the file that the client began with.
fn selection(headers: &HeaderMap, etag: &str, length: usize) -> Selection {
    let same_file = headers.get(IF_RANGE).is_none_or(|begun| begun == etag);
    match headers.get(RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if same_file => select(range, length),
        _ => Selection::Whole,
    }
}

fn file(wav: Tone, etag: &str, selection: Selection) -> Result<Response<Body>, ErrorResponse> {
    let length = wav.len();
    let reply = Response::builder()
        .header(CONTENT_TYPE, "audio/wav")
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, etag);
    let (reply, part) = match selection {
        Selection::Whole => (reply, 0..length),
        Selection::Part(part) => {
            let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let reply = reply.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, place);
            (reply, part)
        }
        Selection::Nothing => {
            let message = format!("The audio has {length} bytes");
            let refusal = ErrorResponse::new(StatusCode::RANGE_NOT_SATISFIABLE, message);
            return Err(refusal.header(CONTENT_RANGE, &format!("bytes */{length}")));
        }
    };
    reply
        .header(CONTENT_LENGTH, part.len())
        .body(chunks(wav, part))
        .map_err(|error| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Made as it is sent, so that a thousand downloads at once cost a thousand chunks.
fn chunks(wav: Tone, part: Range<usize>) -> Body {
    let chunks = stream::unfold((wav, part), |(wav, rest)| async move {
        let end = rest.end.min(rest.start + CHUNK);
        let chunk = wav.read(rest.start..end);
        let more = !chunk.is_empty();
        more.then(|| (Ok(Frame::data(Bytes::from(chunk))), (wav, end..rest.end)))
    });
    StreamBody::new(chunks).boxed_unsync()
}
