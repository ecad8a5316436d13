//! The switch of a host: from outside, its server is told to go down or to come up.

use std::{io, time::Duration};

use tokio::sync::{mpsc, oneshot};

/// What a server is told, and where it says when that is done.
pub(super) struct Command {
    pub(super) state: State,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    /// Until further notice, or for a time.
    Down(Option<Duration>),
}

pub(super) struct ListenerControl(mpsc::UnboundedSender<Command>);

impl ListenerControl {
    /// A switch, and where its server hears the orders.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (orders, heard) = mpsc::unbounded_channel();
        (Self(orders), heard)
    }

    /// Returns when it is done.
    pub(super) async fn set(&self, state: State) -> io::Result<()> {
        let (done, wait) = oneshot::channel();
        let sent = self.0.send(Command { state, done });
        let gone = || io::Error::other("the simulator's runtime has ended");
        sent.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }

    /// Down for this time, and nobody waits for it: least of all a connection, which ends by it.
    pub(super) fn crash(&self, time: Duration) {
        let (done, _) = oneshot::channel();
        let _ = self.0.send(Command { state: State::Down(Some(time)), done });
    }
}
