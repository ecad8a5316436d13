//! The thread that drives the connections and timers of a blocking client, and the calls that wait for it.

use std::{
    fmt,
    future::Future,
    io,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread::{self, ThreadId},
};

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::yield_now,
};
use tracing::{Instrument, instrument::WithSubscriber};

use crate::{Error, TaskId};

/// The runtime of a client. Everything that is created from the client shares the runtime. Dropping
/// the last share ends the runtime.
#[derive(Clone)]
pub(super) struct Runtime(Arc<Shared>);

struct Shared {
    handle: Handle,
    thread: ThreadId,
    /// Dropping it ends the thread.
    _open: oneshot::Sender<()>,
}

impl Runtime {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("distribute-ai".to_owned()).spawn(move || {
            let _ = runtime.block_on(closed);
            // A name lookup that hangs would keep the thread alive, although no call waits for it.
            runtime.shutdown_background();
        })?;
        let thread = thread.thread().id();
        Ok(Self(Arc::new(Shared { handle, thread, _open: open })))
    }

    /// Runs the future on the client's thread and waits for its result.
    pub(super) fn run<T, F>(&self, future: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.reject_async_context()?;
        self.block_on(future)
    }

    /// Runs the future, and adds the task id to any error: the task may be billed.
    pub(super) fn run_for<T, F>(&self, id: &TaskId, future: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.run(future).map_err(|error| error.with_task_id(id))
    }

    /// Returns the next item of a fused stream. In async code, an error is the last item.
    pub(super) fn next<T, S>(&self, stream: &mut Option<S>) -> Option<Result<T, Error>>
    where
        T: Send + 'static,
        S: Stream<Item = Result<T, Error>> + Unpin + Send + 'static,
    {
        if let Err(error) = self.reject_async_context() {
            return stream.take().map(|_| Err(error));
        }
        let mut open = stream.take()?;
        let (item, open) = self.block_on(async move { (open.next().await, open) });
        if item.is_some() {
            *stream = Some(open);
        }
        item
    }

    /// Runs the future on the client's thread and waits for its result, also within async code. A
    /// panic of the future is resumed on the calling thread.
    ///
    /// # Panics
    ///
    /// Panics on the client's own thread, where the wait would never end.
    pub(super) fn block_on<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.assert_other_thread();
        let result = self.wait_for(future).expect("the thread runs as long as this handle");
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// # Panics
    ///
    /// Panics on the client's own thread, as [`block_on`](Self::block_on) does.
    pub(super) fn assert_other_thread(&self) {
        assert!(!self.is_current_thread(), "called from a callback of the same blocking client");
    }

    /// Returns the result of the future, or its panic. `None` if the runtime dropped the future.
    fn wait_for<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<thread::Result<T>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let task = async move {
            let _ = sender.send(AssertUnwindSafe(future).catch_unwind().await);
        };
        self.0.handle.spawn(task.in_current_span().with_current_subscriber());
        receiver.recv().ok()
    }

    /// Waits until the future is complete, also within async code: for destructors, which cannot
    /// return an error.
    pub(super) fn run_to_completion(&self, future: impl Future<Output = ()> + Send + 'static) {
        if self.is_current_thread() {
            // In a callback, waiting would never end. The future keeps the runtime alive until it
            // is complete.
            let runtime = self.clone();
            self.0.handle.spawn(async move {
                future.await;
                drop(runtime);
            });
        } else {
            // A destructor must not panic.
            let _ = self.wait_for(future);
        }
    }

    /// Returns an error where blocking would delay the tasks of a runtime.
    pub(super) fn reject_async_context(&self) -> Result<(), Error> {
        if self.is_current_thread() || is_async_context() {
            return Err(Error::invalid(
                "blocking client",
                "called within an async runtime, where the call would block other tasks; use \
                 `distribute_ai::Client` there, or `tokio::task::spawn_blocking`",
            ));
        }
        Ok(())
    }

    fn is_current_thread(&self) -> bool {
        thread::current().id() == self.0.thread
    }
}

/// Returns `true` on a thread whose tokio scheduler polls tasks, which blocking would delay.
///
/// Such a scheduler wakes a yielding task later. Any other thread wakes the task at once: outside a
/// runtime, in `spawn_blocking`, in `block_in_place`, or in the `block_on` of a runtime with worker
/// threads, including a `LocalSet` there. The yield does not use the task's budget.
fn is_async_context() -> bool {
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let is_pending = pin!(yield_now()).poll(&mut Context::from_waker(&waker)).is_pending();
    is_pending && !woken.0.load(Ordering::Relaxed)
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
    fn runtime_outlives_a_future_left_on_its_own_thread() {
        let runtime = Runtime::start().unwrap();
        let (sender, receiver) = mpsc::channel();
        let handle = runtime.0.handle.clone();
        handle.spawn(async move {
            runtime.run_to_completion(async move {
                sleep(Duration::from_millis(20)).await;
                sender.send(()).unwrap();
            });
        });
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn last_handle_ends_the_thread_and_its_tasks() {
        let runtime = Runtime::start().unwrap();
        let (sender, receiver) = mpsc::channel::<()>();
        runtime.0.handle.spawn(async move {
            let _held = sender;
            pending::<()>().await;
        });
        let other = runtime.clone();
        drop(runtime);
        assert_eq!(other.run(async { Ok(7) }).unwrap(), 7);
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(other);
        let ended = receiver.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected), "the tasks end with the thread");
    }

    #[test]
    fn stream_continues_after_an_error_and_ends_in_async_code() {
        let runtime = Runtime::start().unwrap();
        let new_stream = || Some(futures_util::stream::iter([Ok(1), Err(Error::stopped()), Ok(3)]));
        let mut stream = new_stream();
        let items: Vec<_> = std::iter::from_fn(|| runtime.next(&mut stream)).map(Result::ok).collect();
        assert_eq!(items, [Some(1), None, Some(3)]);

        let mut stream = new_stream();
        let asynchronous = tokio::runtime::Builder::new_current_thread().build().unwrap();
        asynchronous.block_on(async {
            assert!(runtime.next(&mut stream).unwrap().unwrap_err().is_invalid());
            assert!(runtime.next(&mut stream).is_none());
        });
    }

    #[test]
    fn run_to_completion_ignores_a_panic_of_the_future() {
        Runtime::start().unwrap().run_to_completion(async { panic!("the future panicked") });
    }

    #[test]
    #[should_panic(expected = "the future panicked")]
    fn panic_of_a_future_is_resumed_on_the_calling_thread() {
        Runtime::start().unwrap().block_on(async { panic!("the future panicked") });
    }
}
