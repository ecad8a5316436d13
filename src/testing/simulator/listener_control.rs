//! Commands that take a listener down or bring it up.

use std::{io, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

/// Enough time to send a response on loopback.
const SOON: Duration = Duration::from_millis(20);

/// A command to a server, and the channel that reports its completion.
pub(crate) struct Command {
    pub(crate) state: State,
    pub(crate) done: oneshot::Sender<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// Down for this time, or until the next command.
    Down(Option<Duration>),
}

pub(crate) struct ListenerControl(mpsc::UnboundedSender<Command>);

impl ListenerControl {
    /// Returns a control, and the receiver of its commands for the server.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sets the state, and returns when the server has reached it.
    pub(crate) async fn set(&self, state: State) -> io::Result<()> {
        let (done, wait) = oneshot::channel();
        let sent = self.0.send(Command { state, done });
        let stopped = || io::Error::other("simulator stopped: its tokio runtime has shut down");
        sent.map_err(|_| stopped())?;
        wait.await.map_err(|_| stopped())?
    }

    /// Takes the host down for this time without waiting. The calling connection itself is closed by the
    /// outage.
    pub(crate) fn crash(&self, time: Duration) {
        Self::send_down(&self.0, time);
    }

    /// Takes the host down shortly, so that the calling connection can send its response.
    pub(crate) fn go_down_soon(&self, time: Duration) {
        let sender = self.0.clone();
        tokio::spawn(async move {
            sleep(SOON).await;
            Self::send_down(&sender, time);
        });
    }

    fn send_down(sender: &mpsc::UnboundedSender<Command>, time: Duration) {
        let (done, _) = oneshot::channel();
        let _ = sender.send(Command { state: State::Down(Some(time)), done });
    }
}
