//! A request body that is either read or revoked, never both.
//!
//! A submission may be sent again only if the server has not seen the request, and an error alone does not prove that.
//! After a redirect that was followed, a failed connection says nothing about the first host. After a timeout, the request
//! may still wait in a queue to be written. The body is the proof: the HTTP client reads it only to write it to a connection,
//! and cannot clone it. Once it is revoked, reading it fails.

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

const UNREAD: u8 = 0;
const READ: u8 = 1;
const REVOKED: u8 = 2;

pub(crate) struct OnceBody {
    body: reqwest::Body,
    state: Arc<AtomicU8>,
    on_written: Option<OnWritten>,
}

/// A callback at the moment at which the body is written to a connection. Dropped if that never happens.
pub(crate) type OnWritten = Box<dyn FnOnce() + Send + Sync>;

/// The sender's side of an [`OnceBody`].
pub(crate) struct SendGuard(Arc<AtomicU8>);

impl OnceBody {
    pub(crate) fn new(body: reqwest::Body, on_written: Option<OnWritten>) -> (Self, SendGuard) {
        let state = Arc::new(AtomicU8::new(UNREAD));
        (Self { body, state: Arc::clone(&state), on_written }, SendGuard(state))
    }
}

impl SendGuard {
    /// Revokes the body. Returns `true` if it was not read before; from then on it cannot be read.
    pub(crate) fn revoke(&self) -> bool {
        self.0.compare_exchange(UNREAD, REVOKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Body for OnceBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.state.compare_exchange(UNREAD, READ, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(READ) => {
                if let Some(on_written) = self.on_written.take() {
                    on_written();
                }
                let frame = Pin::new(&mut self.body).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(io::Error::other)))
            }
            Err(_) => Poll::Ready(Some(Err(io::Error::other("request revoked before it was sent")))),
        }
    }

    /// Returns the exact length, so that the request has a `Content-Length` and is not chunked.
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
            Poll::Pending => panic!("the body is complete"),
        }
    }

    #[test]
    fn body_that_was_read_cannot_be_revoked() {
        let (mut body, guard) = OnceBody::new("text".into(), None);
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(read(&mut body).unwrap().unwrap(), "text");
        assert!(read(&mut body).is_none());
        assert!(!guard.revoke());
    }

    #[test]
    fn revoked_body_cannot_be_read() {
        let (mut body, guard) = OnceBody::new("text".into(), None);
        assert!(guard.revoke());
        assert!(read(&mut body).unwrap().is_err());
    }

    #[test]
    fn on_written_is_called_once_and_only_if_the_body_is_read() {
        for (revoked, expected) in [(false, 1), (true, 0)] {
            let calls = Arc::new(AtomicU8::new(0));
            let counter = Arc::clone(&calls);
            let on_written =
                Box::new(move || counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
            let (mut body, guard) = OnceBody::new("text".into(), Some(on_written));
            assert!(!revoked || guard.revoke());
            read(&mut body);
            read(&mut body);
            assert_eq!(calls.load(Ordering::Relaxed), expected);
        }
    }
}
