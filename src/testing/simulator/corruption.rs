//! Corrupts a genuine response before it is sent.

use std::{io, time::Duration};

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame},
    header::{CONTENT_LENGTH, HeaderName, HeaderValue, IF_RANGE, RANGE},
};
use serde_json::{Value, json};

use super::{
    raw_socket::{CloseMode, HandlerResponse, RawResponse, length},
    response::Body,
};
use crate::testing::faults::fault::{Fault, Kind};

/// The bytes that are sent after the announced body.
const EXTRA: Bytes = Bytes::from_static(&[b' '; 1000]);

/// Changes a request before it is processed, for the faults of ranges.
pub(crate) fn prepare_request<B>(kind: &Kind, mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    match kind {
        Kind::RangeIgnored => drop(headers.remove(RANGE)),
        Kind::RangeRefused if headers.contains_key(RANGE) => {
            // Start after the end of any audio.
            headers.insert(RANGE, HeaderValue::from_static("bytes=18446744073709551615-"));
            headers.remove(IF_RANGE);
        }
        _ => {}
    }
    request
}

/// Corrupts a response.
pub(crate) async fn corrupt(kind: &Kind, response: Response<Body>) -> io::Result<HandlerResponse> {
    let raw = |response| Ok(HandlerResponse::Raw(response));
    Ok(HandlerResponse::Http(match kind {
        Kind::ResetMidResponse => return raw(RawResponse::Half(response, CloseMode::Reset)),
        Kind::CutShort => return raw(RawResponse::Half(response, CloseMode::Graceful)),
        Kind::LongerThanAnnounced if response.status() == StatusCode::PARTIAL_CONTENT => {
            append_extra(response)
        }
        Kind::LongerThanAnnounced => return raw(RawResponse::Longer(response, EXTRA)),
        Kind::SlowDrip { bytes, every } => slow_drip(response, bytes.get(), *every),
        Kind::TruncatedJson => map_body(response, |text| text.slice(..text.len() / 2)).await?,
        Kind::WrongShape => {
            let wrap = |text: Bytes| Bytes::from([b"{\"data\":", &text[..], b"}"].concat());
            map_body(response, wrap).await?
        }
        Kind::UnknownFields => edit_json(response, add_fields).await?,
        Kind::UnknownStatus => edit_json(response, change_status).await?,
        // Replacements do not come here. The faults of ranges have changed the request.
        _ => response,
    }))
}

/// Sets the headers of a fault, and removes the length of a response that is sent in chunks.
pub(crate) fn apply_settings(fault: &Fault, response: &mut HandlerResponse) {
    let is_http = matches!(response, HandlerResponse::Http(_));
    let Some(response) = response.response_mut() else { return };
    for (name, value) in &fault.headers {
        // The fault has checked both.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    if fault.chunked && is_http {
        response.headers_mut().remove(CONTENT_LENGTH);
        let body = std::mem::take(response.body_mut());
        // A stream has no known length.
        *response.body_mut() = StreamBody::new(BodyStream::new(body)).boxed_unsync();
    }
}

fn append_extra(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().remove(CONTENT_LENGTH);
    response.map(|body| {
        let extra = stream::iter([Ok(Frame::data(EXTRA))]);
        StreamBody::new(BodyStream::new(body).chain(extra)).boxed_unsync()
    })
}

fn slow_drip(mut response: Response<Body>, bytes: usize, every: Duration) -> Response<Body> {
    // A stream has no known length. Without this header, hyper would use chunked encoding.
    let length = length(&response);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.map(|body| {
        let parts = stream::unfold((body, Bytes::new()), move |(mut body, mut rest)| async move {
            while rest.is_empty() {
                match body.frame().await? {
                    Ok(frame) => rest = frame.into_data().unwrap_or_default(),
                    Err(error) => return Some((Err(error), (body, rest))),
                }
            }
            tokio::time::sleep(every).await;
            let part = rest.split_to(bytes.min(rest.len()));
            Some((Ok(Frame::data(part)), (body, rest)))
        });
        StreamBody::new(parts).boxed_unsync()
    })
}

/// Replaces the body of a response.
async fn map_body(
    response: Response<Body>,
    change: impl FnOnce(Bytes) -> Bytes,
) -> io::Result<Response<Body>> {
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let text = change(body.collect().await?.to_bytes());
    Ok(Response::from_parts(head, Full::new(text).map_err(|never| match never {}).boxed_unsync()))
}

/// Edits the JSON body of a response.
async fn edit_json(response: Response<Body>, change: impl FnOnce(&mut Value)) -> io::Result<Response<Body>> {
    let change = |text: Bytes| {
        let mut value = serde_json::from_slice(&text).unwrap_or_default();
        change(&mut value);
        value.to_string().into()
    };
    map_body(response, change).await
}

fn add_fields(value: &mut Value) {
    let add = |object: &mut Value| object["a_new_field"] = json!({ "of": ["any", "kind", null, 1.5] });
    value["results"].as_array_mut().into_iter().flatten().for_each(add);
    add(value);
}

fn change_status(value: &mut Value) {
    if let Some(status) = value.get_mut("status") {
        *status = "A_NEW_STATUS".into();
    }
}
