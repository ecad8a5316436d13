//! The listening sockets. Each can go down and come up again on the same port.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use futures_util::future::{Either, select};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc::UnboundedReceiver, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout_at},
};

use super::{
    handler::handle,
    idle_close::IdleClose,
    listener_control::{Command, State},
    raw_socket::HandlerResponse,
    state::SimulatorState,
};
use crate::testing::faults::route::Host;

/// The maximum number of connections waiting to be accepted; the default of tokio.
const BACKLOG: u32 = 1024;

/// The pause before retrying after the operating system has run out of a resource.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) commands: UnboundedReceiver<Command>,
    pub(crate) host: Host,
    pub(crate) state: Arc<SimulatorState>,
}

impl Server {
    /// Serves until aborted. Aborting also closes the connections.
    pub(crate) fn start(self) -> AbortHandle {
        tokio::spawn(self.run()).abort_handle()
    }

    async fn run(mut self) -> io::Result<()> {
        let address = self.listener.local_addr()?;
        loop {
            let mut connections = JoinSet::new();
            let (time, done) = self.accept_until_down(&mut connections).await;
            drop(self.listener);
            // Reserve the port first: until then, any other process can take it.
            let reserved = reserve_port(address);
            connections.shutdown().await;
            let _ = done.send(reserved.as_ref().map(drop).map_err(copy_error));
            self.listener = wait_until_up(&mut self.commands, reserved, address, time).await;
        }
    }

    /// Accepts connections until a command to go down.
    async fn accept_until_down(
        &mut self,
        connections: &mut JoinSet<()>,
    ) -> (Option<Duration>, oneshot::Sender<io::Result<()>>) {
        loop {
            let next = poll_fn(|cx| match self.commands.poll_recv(cx) {
                Poll::Ready(Some(command)) => Poll::Ready(Err(command)),
                _ => self.listener.poll_accept(cx).map(Ok),
            });
            match next.await {
                Ok(Ok((stream, _))) => {
                    connections.spawn(serve_connection(stream, self.host, Arc::clone(&self.state)));
                }
                // Probably out of file descriptors. Closing connections releases some.
                Ok(Err(_)) => sleep(PAUSE).await,
                Err(Command { state: State::Down(time), done }) => return (time, done),
                Err(Command { state: State::Up, done }) => drop(done.send(Ok(()))),
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Waits for the end of the outage or a command to come up. Returns the new listener.
async fn wait_until_up(
    commands: &mut UnboundedReceiver<Command>,
    reserved: io::Result<TcpSocket>,
    address: SocketAddr,
    time: Option<Duration>,
) -> TcpListener {
    let mut reserved = reserved.ok();
    let end_of = |time: Option<Duration>| time.and_then(|time| Instant::now().checked_add(time));
    let mut until = end_of(time);
    loop {
        let command = match until {
            Some(until) => timeout_at(until, commands.recv()).await.unwrap_or(None),
            None => commands.recv().await,
        };
        match command {
            Some(Command { state: State::Down(time), done }) => {
                until = end_of(time);
                let _ = done.send(Ok(()));
            }
            Some(Command { state: State::Up, done }) => match listen(reserved.take(), address) {
                Ok(listener) => {
                    let _ = done.send(Ok(()));
                    return listener;
                }
                Err(error) => drop(done.send(Err(error))),
            },
            None => match listen(reserved.take(), address) {
                Ok(listener) => return listener,
                Err(_) => until = end_of(Some(PAUSE)),
            },
        }
    }
}

/// Binds the port without listening. Connections are refused, and other processes cannot take the port.
fn reserve_port(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // On Unix, earlier connections that are still closing would otherwise block the bind. On Windows they do
    // not.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    // Without this, another process that sets SO_REUSEADDR could bind the same port.
    socket.set_reuseaddr(false)?;
    Ok(socket)
}

fn listen(reserved: Option<TcpSocket>, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = reserved.map_or_else(|| reserve_port(address), Ok)?;
    socket.set_reuseaddr(cfg!(unix))?;
    socket.listen(BACKLOG)
}

/// Copies the kind and the message of an error, because `io::Error` is not `Clone`.
fn copy_error(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Serves all requests of one connection. Connection errors are ignored: the client has closed the
/// connection.
async fn serve_connection(stream: TcpStream, host: Host, state: Arc<SimulatorState>) {
    let _ = stream.set_nodelay(true);
    let raw_response = Mutex::new(None);
    let idle_close = IdleClose::new();
    let service = service_fn(async |request| {
        let response = handle(&state, host, request, &idle_close).await?;
        idle_close.response_ready();
        match response {
            HandlerResponse::Http(response) => Ok(response),
            HandlerResponse::Raw(response) => {
                *raw_response.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
                Err(io::Error::other("the response is written to the raw socket"))
            }
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let is_idle = {
        let expired = pin!(idle_close.expired());
        matches!(select(&mut connection, expired).await, Either::Right(_))
    };
    if is_idle {
        Pin::new(&mut connection).graceful_shutdown();
        let _ = (&mut connection).await;
    }
    let stream = connection.into_parts().io.into_inner();
    let raw_response = raw_response.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(response) = raw_response {
        response.write_to(stream).await;
    }
}
