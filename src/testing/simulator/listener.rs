//! Sockets: one listens, accepts and serves; goes down and comes up on the same port.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, mpsc::UnboundedReceiver, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout_at},
};

use super::{
    handler::{Answer, handle},
    state::SimulatorState,
};
use crate::testing::faults::route::Host;

/// What a server is told, and where it says when that is done.
pub(crate) struct Command {
    pub(crate) state: State,
    pub(crate) done: oneshot::Sender<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// Until further notice, or for a time.
    Down(Option<Duration>),
}

pub(crate) struct ListenerControl(mpsc::UnboundedSender<Command>);

impl ListenerControl {
    /// A switch, and where its server hears the orders.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (orders, heard) = mpsc::unbounded_channel();
        (Self(orders), heard)
    }

    /// Returns when it is done.
    pub(crate) async fn set(&self, state: State) -> io::Result<()> {
        let (done, wait) = oneshot::channel();
        let sent = self.0.send(Command { state, done });
        let gone = || io::Error::other("the simulator's runtime has ended");
        sent.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }

    /// Down for this time, and nobody waits for it: least of all a connection, which ends by it.
    pub(crate) fn crash(&self, time: Duration) {
        let (done, _) = oneshot::channel();
        let _ = self.0.send(Command { state: State::Down(Some(time)), done });
    }
}

/// Connections that may wait for their turn; the default of tokio.
const BACKLOG: u32 = 1024;

/// Between two tries at something that the system has too little of just now.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) commands: UnboundedReceiver<Command>,
    pub(crate) host: Host,
    pub(crate) state: Arc<SimulatorState>,
}

impl Server {
    /// Serves until aborted; the connections end with it.
    pub(crate) fn start(self) -> AbortHandle {
        tokio::spawn(self.run()).abort_handle()
    }

    async fn run(mut self) -> io::Result<()> {
        let address = self.listener.local_addr()?;
        loop {
            let mut connections = JoinSet::new();
            let (time, done) = self.up(&mut connections).await;
            drop(self.listener);
            // Before anything else, as the port is anybody's until then.
            let held = reserve_port(address);
            connections.shutdown().await;
            let _ = done.send(held.as_ref().map(drop).map_err(copy_error));
            self.listener = down(&mut self.commands, held, address, time).await;
        }
    }

    /// Accepts until it is told to go down.
    async fn up(
        &mut self,
        connections: &mut JoinSet<()>,
    ) -> (Option<Duration>, oneshot::Sender<io::Result<()>>) {
        loop {
            let next = poll_fn(|cx| match self.commands.poll_recv(cx) {
                Poll::Ready(Some(order)) => Poll::Ready(Err(order)),
                _ => self.listener.poll_accept(cx).map(Ok),
            });
            match next.await {
                Ok(Ok((stream, _))) => {
                    connections.spawn(serve_connection(stream, self.host, Arc::clone(&self.state)));
                }
                // Most likely out of file descriptors, which come back as connections end.
                Ok(Err(_)) => sleep(PAUSE).await,
                Err(Command { state: State::Down(time), done }) => return (time, done),
                Err(Command { state: State::Up, done }) => drop(done.send(Ok(()))),
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Waits until it is time, or an order, to come up; returns the new listener.
async fn down(
    orders: &mut UnboundedReceiver<Command>,
    held: io::Result<TcpSocket>,
    address: SocketAddr,
    time: Option<Duration>,
) -> TcpListener {
    let mut held = held.ok();
    let end = |time: Option<Duration>| time.and_then(|time| Instant::now().checked_add(time));
    let mut until = end(time);
    loop {
        let order = match until {
            Some(until) => timeout_at(until, orders.recv()).await.unwrap_or(None),
            None => orders.recv().await,
        };
        match order {
            Some(Command { state: State::Down(time), done }) => {
                until = end(time);
                let _ = done.send(Ok(()));
            }
            Some(Command { state: State::Up, done }) => match listen(held.take(), address) {
                Ok(listener) => {
                    let _ = done.send(Ok(()));
                    return listener;
                }
                Err(error) => drop(done.send(Err(error))),
            },
            None => match listen(held.take(), address) {
                Ok(listener) => return listener,
                Err(_) => until = end(Some(PAUSE)),
            },
        }
    }
}

/// Keeps the port without listening: connections are refused, and nobody else is given it.
fn reserve_port(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections of before may still be ending; on Windows they are no hindrance.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    // Else the system may give it to somebody who does not mind sharing.
    socket.set_reuseaddr(false)?;
    Ok(socket)
}

fn listen(held: Option<TcpSocket>, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = held.map_or_else(|| reserve_port(address), Ok)?;
    socket.set_reuseaddr(cfg!(unix))?;
    socket.listen(BACKLOG)
}

/// For the second of two who want to know; the error itself can't be copied.
fn copy_error(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// All requests of one connection. How a connection fails is its client's affair.
async fn serve_connection(stream: TcpStream, host: Host, site: Arc<SimulatorState>) {
    let _ = stream.set_nodelay(true);
    let seized = Mutex::new(None);
    let service = service_fn(async |request| match handle(&site, host, request).await? {
        Answer::Response(reply) => Ok(reply),
        Answer::Raw(seizure) => {
            *seized.lock().unwrap_or_else(PoisonError::into_inner) = Some(seizure);
            Err(io::Error::other("HTTP ends here"))
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = (&mut connection).await;
    let stream = connection.into_parts().io.into_inner();
    let seizure = seized.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(seizure) = seizure {
        seizure.write_to(stream).await;
    }
}
