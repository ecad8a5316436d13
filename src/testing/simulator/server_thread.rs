//! The thread of a simulator.

use tokio::sync::oneshot;

/// The thread of a simulator. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct ServerThread {
    _open: oneshot::Sender<()>,
}

impl ServerThread {
    /// Creates it for a thread that ends when `open` is dropped.
    pub(crate) fn new(open: oneshot::Sender<()>) -> Self {
        Self { _open: open }
    }
}
