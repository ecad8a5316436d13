//! What HTTP does not allow, done on the bare socket.

use std::{fmt::Write as _, io, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{
    Response,
    body::{Body as _, Bytes},
    header::CONTENT_LENGTH,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::response::Body;

/// How a connection ends that is taken out of the hands of HTTP.
pub(crate) enum RawResponse {
    /// Without a word.
    Reset,
    /// In the middle of the reply.
    Half(Response<Body>, End),
    /// With more bytes than the reply announced.
    Longer(Response<Body>, Bytes),
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    Reset,
    Close,
}

impl RawResponse {
    /// Does it. How that fails is the client's affair: it has gone then.
    pub(crate) async fn write_to(self, mut stream: TcpStream) {
        let (written, end) = match self {
            Self::Reset => (Ok(()), End::Reset),
            Self::Half(reply, end) => {
                let half = length(&reply) / 2;
                (write(&mut stream, reply, half).await, end)
            }
            Self::Longer(reply, extra) => {
                let whole = write(&mut stream, reply, u64::MAX).await;
                (whole.and(stream.write_all(&extra).await), End::Close)
            }
        };
        match end {
            End::Close if written.is_ok() => drop(stream.shutdown().await),
            End::Close => {}
            End::Reset => reset(stream),
        }
    }
}

/// The length of a reply's body, if it knows it.
pub(crate) fn length(reply: &Response<Body>) -> u64 {
    let announced = reply.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    announced.or_else(|| reply.body().size_hint().exact()).unwrap_or_default()
}

/// The head, which announces the whole body, and no more than so many bytes of it.
async fn write(stream: &mut TcpStream, reply: Response<Body>, mut limit: u64) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", reply.status(), length(&reply));
    for (name, value) in reply.headers().iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;

    let mut body = reply.into_body();
    while limit > 0 {
        let Some(frame) = body.frame().await else { break };
        let Ok(mut data) = frame?.into_data() else { continue };
        data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        limit -= data.len() as u64;
        stream.write_all(&data).await?;
    }
    Ok(())
}

/// Closes with an `RST`: what a lingering time of zero means.
fn reset(stream: TcpStream) {
    #[allow(
        deprecated,
        reason = "for its blocking close, which zero has not; the successor needs tokio 1.50"
    )]
    let _ = stream.set_linger(Some(Duration::ZERO));
    drop(stream);
}
