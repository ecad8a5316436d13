//! Responses that violate HTTP, written to the socket directly.

use std::{fmt::Write as _, io, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{
    Response,
    body::{Body as _, Bytes},
    header::CONTENT_LENGTH,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::response::Body;

/// The response of the handler.
pub(crate) enum HandlerResponse {
    Http(Response<Body>),
    /// A response that violates HTTP and is written to the socket directly.
    Raw(RawResponse),
}

impl HandlerResponse {
    /// Returns the response, if there is one.
    pub(crate) fn response_mut(&mut self) -> Option<&mut Response<Body>> {
        match self {
            Self::Http(response)
            | Self::Raw(RawResponse::Half(response, _) | RawResponse::Longer(response, _)) => Some(response),
            Self::Raw(RawResponse::None(_)) => None,
        }
    }

    /// Returns the status of the response, if there is one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Http(response)
            | Self::Raw(RawResponse::Half(response, _) | RawResponse::Longer(response, _)) => {
                Some(response.status().as_u16())
            }
            Self::Raw(RawResponse::None(_)) => None,
        }
    }
}

/// A response that violates HTTP. The connection is closed after it.
pub(crate) enum RawResponse {
    /// No response.
    None(CloseMode),
    /// The head and half of the announced body.
    Half(Response<Body>, CloseMode),
    /// The response, and more bytes than it announced.
    Longer(Response<Body>, Bytes),
}

#[derive(Clone, Copy)]
pub(crate) enum CloseMode {
    Reset,
    Graceful,
}

impl RawResponse {
    /// Writes the response and closes the connection. Write errors are ignored: the client has closed the
    /// connection.
    pub(crate) async fn write_to(self, mut stream: TcpStream) {
        let (written, close_mode) = match self {
            Self::None(close_mode) => (Ok(()), close_mode),
            Self::Half(response, close_mode) => {
                let half = length(&response) / 2;
                (write(&mut stream, response, half).await, close_mode)
            }
            Self::Longer(response, extra) => {
                let whole = write(&mut stream, response, u64::MAX).await;
                (whole.and(stream.write_all(&extra).await), CloseMode::Graceful)
            }
        };
        match close_mode {
            CloseMode::Graceful if written.is_ok() => drop(stream.shutdown().await),
            CloseMode::Graceful => {}
            CloseMode::Reset => reset(stream),
        }
    }
}

/// Returns the length of the body in bytes: the `Content-Length`, else the exact size of the body, else 0.
pub(crate) fn length(response: &Response<Body>) -> u64 {
    let announced =
        response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    announced.or_else(|| response.body().size_hint().exact()).unwrap_or_default()
}

/// Writes the head, which announces the whole body, and at most `limit` bytes of the body.
async fn write(stream: &mut TcpStream, response: Response<Body>, mut limit: u64) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", response.status(), length(&response));
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;

    let mut body = response.into_body();
    while limit > 0 {
        let Some(frame) = body.frame().await else { break };
        let Ok(mut data) = frame?.into_data() else { continue };
        data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        limit -= data.len() as u64;
        stream.write_all(&data).await?;
    }
    Ok(())
}

/// Closes the connection with a TCP `RST`, which is the effect of a zero linger time.
fn reset(stream: TcpStream) {
    #[allow(
        deprecated,
        reason = "close may block, but not with a zero linger time; the successor needs tokio 1.50"
    )]
    let _ = stream.set_linger(Some(Duration::ZERO));
    drop(stream);
}
