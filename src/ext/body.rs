//! A request body that knows whether anybody has begun to read it.
//!
//! "The server has provably not seen the request" is what allows a second submission, and an error alone doesn't prove
//! it: after a redirect that was followed, a failed connection says nothing about the first host. The body does. The
//! transport reads it only to write it to a connection, and as it can't be cloned nobody writes it twice: neither a
//! redirect nor a retry inside the HTTP client.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

pub(crate) struct OnceBody {
    bytes: Bytes,
    read: Arc<AtomicBool>,
}

/// Tells whether the body has been read.
pub(crate) struct Witness(Arc<AtomicBool>);

impl OnceBody {
    pub(crate) fn new(bytes: Bytes) -> (Self, Witness) {
        let read = Arc::new(AtomicBool::new(false));
        (Self { bytes, read: Arc::clone(&read) }, Witness(read))
    }
}

impl Witness {
    pub(crate) fn unread(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }
}

impl Body for OnceBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.read.store(true, Ordering::Release);
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Exact, so that the request has a `Content-Length` and isn't chunked.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
