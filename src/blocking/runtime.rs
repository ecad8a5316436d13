//! A thread that drives connections and timers, and the calls that wait on it.

use std::{
    fmt,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Waker},
    thread::{self, ThreadId},
};

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::coop::consume_budget,
};

use crate::Error;

/// The runtime of a client, shared by all that came from it; the last one ends it.
#[derive(Clone)]
pub(super) struct Runtime(Arc<Shared>);

struct Shared {
    handle: Handle,
    thread: ThreadId,
    /// Its end ends the thread.
    _open: oneshot::Sender<()>,
}

impl Runtime {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("distribute-ai".to_owned()).spawn(move || {
            let _ = runtime.block_on(closed);
            // A look-up of a name that hangs would hold the thread; there is nothing left that anybody waits for.
            runtime.shutdown_background();
        })?;
        let thread = thread.thread().id();
        Ok(Self(Arc::new(Shared { handle, thread, _open: open })))
    }

    /// Runs it on the calling thread, to its end.
    pub(super) fn run<T>(&self, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        reject_async_context()?;
        self.0.handle.block_on(future)
    }

    /// The next item of a stream whose first error is its last item.
    pub(super) fn next<T, S>(&self, stream: &mut Option<S>) -> Option<Result<T, Error>>
    where
        S: Stream<Item = Result<T, Error>> + Unpin,
    {
        let open = stream.as_mut()?;
        let item = self.run(async { open.next().await.transpose() }).transpose();
        if !matches!(item, Some(Ok(_))) {
            *stream = None;
        }
        item
    }

    /// Returns when the task is done, also within async code: for destructors, which have no way to refuse.
    pub(super) fn run_to_completion(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (done, heard) = mpsc::channel();
        let runtime = self.clone();
        self.0.handle.spawn(async move {
            task.await;
            let _ = done.send(());
            drop(runtime);
        });
        // On the thread that does it, as in a callback, waiting would have no end; the runtime lasts until then.
        if thread::current().id() != self.0.thread {
            let _ = heard.recv();
        }
    }
}

/// An error where blocking would hold up the tasks of a runtime.
fn reject_async_context() -> Result<(), Error> {
    if Handle::try_current().is_ok() && is_on_a_budget() {
        return Err(Error::invalid(
            "blocking client",
            "called within an async runtime, whose tasks it would hold up; use `distribute_ai::Client` there, or call \
             it in `tokio::task::spawn_blocking`",
        ));
    }
    Ok(())
}

/// Whether this is async code. A thread of `spawn_blocking` knows its runtime as well, and may block: what it lacks is
/// the budget that tokio gives to whatever it polls, 128 steps, and takes away where blocking is allowed. What has been
/// made `unconstrained` can't be told apart: there `block_on` panics, before anything is sent.
fn is_on_a_budget() -> bool {
    const STEPS: usize = 1_000;
    let mut context = Context::from_waker(Waker::noop());
    (0..STEPS).any(|_| pin!(consume_budget()).poll(&mut context).is_pending())
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::sleep;

    use super::*;

    #[test]
    fn it_outlasts_a_task_that_is_left_to_it_on_its_own_thread() {
        let runtime = Runtime::start().unwrap();
        let (told, heard) = mpsc::channel();
        let handle = runtime.0.handle.clone();
        handle.spawn(async move {
            runtime.run_to_completion(async move {
                sleep(Duration::from_millis(20)).await;
                told.send(()).unwrap();
            });
        });
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn the_last_handle_ends_it() {
        let runtime = Runtime::start().unwrap();
        let (held, ended) = mpsc::channel::<()>();
        runtime.0.handle.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        let other = runtime.clone();
        drop(runtime);
        assert_eq!(other.run(async { Ok(7) }).unwrap(), 7);
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(other);
        let ended = ended.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected), "the tasks go with the thread");
    }
}
