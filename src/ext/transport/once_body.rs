//! A request body that is either read or given up, never both.
//!
//! "The server has provably not seen the request" is what allows a second submission, and an error alone doesn't prove
//! it: after a redirect that was followed, a failed connection says nothing about the first host; after a timeout, the
//! request may still wait in a queue to be written. The body proves it. The transport reads it only to write it to a
//! connection, and cannot clone it, so that nobody writes it twice; and once it is given up, reading it fails.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

const UNTOUCHED: u8 = 0;
const READ: u8 = 1;
const REVOKED: u8 = 2;

pub(crate) struct OnceBody {
    body: reqwest::Body,
    state: Arc<AtomicU8>,
}

/// The sender's end of a body.
pub(crate) struct SendGuard(Arc<AtomicU8>);

impl OnceBody {
    pub(crate) fn new(body: reqwest::Body) -> (Self, SendGuard) {
        let state = Arc::new(AtomicU8::new(UNTOUCHED));
        (Self { body, state: Arc::clone(&state) }, SendGuard(state))
    }
}

impl SendGuard {
    /// Whether nobody has read the body; then nobody will.
    pub(crate) fn revoke(&self) -> bool {
        self.0.compare_exchange(UNTOUCHED, REVOKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Body for OnceBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.state.compare_exchange(UNTOUCHED, READ, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(READ) => {
                let frame = Pin::new(&mut self.body).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(io::Error::other)))
            }
            Err(_) => Poll::Ready(Some(Err(io::Error::other("the request was given up before it was sent")))),
        }
    }

    /// Exact, so that the request has a `Content-Length` and isn't chunked.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn read(body: &mut OnceBody) -> Option<io::Result<Bytes>> {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())),
            Poll::Pending => panic!("it has all there is"),
        }
    }

    #[test]
    fn what_was_read_cannot_be_given_up() {
        let (mut body, claim) = OnceBody::new("text".into());
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(read(&mut body).unwrap().unwrap(), "text");
        assert!(read(&mut body).is_none());
        assert!(!claim.revoke());
    }

    #[test]
    fn what_was_given_up_cannot_be_read() {
        let (mut body, claim) = OnceBody::new("text".into());
        assert!(claim.revoke());
        assert!(read(&mut body).unwrap().is_err());
    }
}
