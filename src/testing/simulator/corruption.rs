//! A true answer, spoiled on its way.

use std::{io, time::Duration};

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame},
    header::{CONTENT_LENGTH, HeaderValue, IF_RANGE, RANGE},
};
use serde_json::{Value, json};

use super::{
    handler::Answer,
    raw_socket::{End, RawResponse, length},
    response::Body,
};
use crate::testing::faults::corrupt::Corruption;

/// What a reply has too much of.
const EXTRA: Bytes = Bytes::from_static(&[b' '; 1000]);

/// The request as the server takes it.
pub(crate) fn request<B>(spoil: Corruption, mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    match spoil {
        Corruption::RangeIgnored => drop(headers.remove(RANGE)),
        Corruption::RangeRefused if headers.contains_key(RANGE) => {
            // Behind the end of any audio.
            headers.insert(RANGE, HeaderValue::from_static("bytes=18446744073709551615-"));
            headers.remove(IF_RANGE);
        }
        _ => {}
    }
    request
}

pub(crate) async fn answer(spoil: Corruption, reply: Response<Body>) -> io::Result<Answer> {
    Ok(Answer::Response(match spoil {
        Corruption::ResetMidResponse => return Ok(Answer::Raw(RawResponse::Half(reply, End::Reset))),
        Corruption::CutShort => return Ok(Answer::Raw(RawResponse::Half(reply, End::Close))),
        Corruption::LongerThanAnnounced if reply.status() == StatusCode::PARTIAL_CONTENT => longer(reply),
        Corruption::LongerThanAnnounced => return Ok(Answer::Raw(RawResponse::Longer(reply, EXTRA))),
        Corruption::SlowDrip { bytes, every } => dripping(reply, bytes, every),
        Corruption::TruncatedJson => rewritten(reply, |text| text.slice(..text.len() / 2)).await?,
        Corruption::WrongShape => {
            let wrap = |text: Bytes| Bytes::from([b"{\"data\":", &text[..], b"}"].concat());
            rewritten(reply, wrap).await?
        }
        Corruption::UnknownFields => edited(reply, add_fields).await?,
        Corruption::UnknownStatus => edited(reply, change_status).await?,
        Corruption::RangeRefused | Corruption::RangeIgnored => reply,
    }))
}

fn longer(mut reply: Response<Body>) -> Response<Body> {
    reply.headers_mut().remove(CONTENT_LENGTH);
    reply.map(|body| {
        let extra = stream::iter([Ok(Frame::data(EXTRA))]);
        StreamBody::new(BodyStream::new(body).chain(extra)).boxed_unsync()
    })
}

fn dripping(mut reply: Response<Body>, bytes: usize, every: Duration) -> Response<Body> {
    // A stream does not know its length, and without this one it would be sent in chunks.
    let length = length(&reply);
    reply.headers_mut().insert(CONTENT_LENGTH, length.into());
    reply.map(|body| {
        let drops = stream::unfold((body, Bytes::new()), move |(mut body, mut rest)| async move {
            while rest.is_empty() {
                match body.frame().await? {
                    Ok(frame) => rest = frame.into_data().unwrap_or_default(),
                    Err(error) => return Some((Err(error), (body, rest))),
                }
            }
            tokio::time::sleep(every).await;
            let drop = rest.split_to(bytes.min(rest.len()));
            Some((Ok(Frame::data(drop)), (body, rest)))
        });
        StreamBody::new(drops).boxed_unsync()
    })
}

/// With another text in the body.
async fn rewritten(reply: Response<Body>, change: impl FnOnce(Bytes) -> Bytes) -> io::Result<Response<Body>> {
    let (mut head, body) = reply.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let text = change(body.collect().await?.to_bytes());
    Ok(Response::from_parts(head, Full::new(text).map_err(|never| match never {}).boxed_unsync()))
}

/// With another value in the body.
async fn edited(reply: Response<Body>, change: impl FnOnce(&mut Value)) -> io::Result<Response<Body>> {
    let change = |text: Bytes| {
        let mut value = serde_json::from_slice(&text).unwrap_or_default();
        change(&mut value);
        value.to_string().into()
    };
    rewritten(reply, change).await
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
