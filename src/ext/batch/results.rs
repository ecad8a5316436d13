use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender},
        watch,
    },
    task::JoinHandle,
};

use super::{
    Progress,
    active::{Finished, Outcome},
    engine::Panic,
};
use crate::{Client, Error, Speech};

/// The results of a [`Batch`](super::Batch), as a stream of `(key, Result<Speech, Error>)`.
///
/// The batch starts when the stream is first polled. It then runs on its own task of the tokio runtime that polled it, also
/// while you process a result. It takes no new requests while
/// [`max_in_flight`](super::Batch::max_in_flight) results wait for you.
///
/// Dropping the results early stops the batch. No request is started any more. Pending submissions finish, and are written to
/// the [journal](super::Batch::journal). Tasks on the server continue. Every task id and every request in doubt that you
/// did not take is logged. [`stop`](Self::stop) returns them instead. Call it before the program ends and before you return
/// early: a submission that is pending when the runtime ends is in doubt.
///
/// # Panics
///
/// - at the end, when all tasks have finished, if the stream of requests panicked
/// - if it is polled outside a tokio runtime
/// - if the runtime that first polled it has ended
#[must_use = "nothing is sent until the stream is polled"]
pub struct Results<K> {
    client: Client,
    driver: DriverState,
    finished: UnboundedReceiver<Finished<K>>,
    released: Option<UnboundedSender<()>>,
    order: Option<InOrder<K>>,
    progress: watch::Receiver<Progress>,
}

pub(super) type Driver = Pin<Box<dyn Future<Output = Option<Panic>> + Send>>;

enum DriverState {
    Idle(Driver),
    Running(JoinHandle<Option<Panic>>),
    Finished,
}

/// Buffers results until their predecessors have arrived.
struct InOrder<K> {
    early: BTreeMap<usize, Finished<K>>,
    next: usize,
}

/// The consumer's ends of the channels to the engine.
pub(super) struct Channels<K> {
    pub(super) finished: UnboundedReceiver<Finished<K>>,
    pub(super) released: UnboundedSender<()>,
    pub(super) progress: watch::Receiver<Progress>,
}

impl<K> Results<K> {
    pub(super) fn new(client: Client, driver: Driver, channels: Channels<K>, in_order: bool) -> Self {
        let Channels { finished: result, released: taken, progress } = channels;
        let order = in_order.then(|| InOrder { early: BTreeMap::new(), next: 0 });
        Self {
            client,
            driver: DriverState::Idle(driver),
            finished: result,
            released: Some(taken),
            order,
            progress,
        }
    }

    /// Returns the next result, or `None` after the last one. Cancel safe: dropping the future loses no result.
    ///
    /// Equivalent to `StreamExt::next`, without importing the trait.
    ///
    /// # Panics
    ///
    /// Those of the [stream](Self).
    pub async fn next(&mut self) -> Option<(K, Result<Speech, Error>)> {
        StreamExt::next(self).await
    }

    /// Returns a receiver of the progress, which also notifies about changes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run();
    /// let mut progress = results.progress();
    /// let watching = tokio::spawn(async move {
    ///     while progress.changed().await.is_ok() {
    ///         let now = progress.borrow_and_update().clone();
    ///         println!("{} of {:?} done", now.done, now.queued.map(|queued| queued + now.in_flight + now.ended()));
    ///     }
    /// });
    /// while let Some((key, speech)) = results.next().await {
    ///     speech?.save(std::env::temp_dir().join(format!("{key}.wav"))).await?;
    /// }
    /// assert_eq!(results.progress().borrow().done, 2);
    /// # drop(results);
    /// # watching.await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops the batch and returns every result that you have not taken.
    ///
    /// Waits for pending submissions, at most for the request timeout, and writes them to the journal. A request that had
    /// not finished has an error: [`is_stopped`](Error::is_stopped), with its task id if it was submitted, or
    /// [`is_in_doubt`](Error::is_in_doubt). Queued requests are not returned.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run();
    /// results.next().await;
    /// for (key, result) in results.stop().await {
    ///     if let Some(id) = result.as_ref().err().and_then(|error| error.task_id()) {
    ///         println!("{key} was submitted: resume it with {id}");
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn stop(mut self) -> Vec<(K, Result<Speech, Error>)> {
        self.stop_and_drain().await
    }

    pub(crate) async fn stop_and_drain(&mut self) -> Vec<(K, Result<Speech, Error>)> {
        if let Some(driver) = self.stop_intake()
            && let Err(error) = driver.await
        {
            tracing::error!(%error, "batch ended before it was stopped");
        }
        // Without an `await` from here on: if this future is dropped earlier, the results stay where `drop` finds them.
        let mut undelivered: Vec<_> = self
            .order
            .as_mut()
            .map(|order| std::mem::take(&mut order.early))
            .unwrap_or_default()
            .into_values()
            .collect();
        while let Ok(finished) = self.finished.try_recv() {
            undelivered.push(finished);
        }
        undelivered
            .into_iter()
            .map(|finished| (finished.key, speech(&self.client, finished.outcome)))
            .collect()
    }

    /// Stops taking requests. Returns the handle of the engine, if it runs: it ends when pending submissions have finished.
    pub(crate) fn stop_intake(&mut self) -> Option<JoinHandle<Option<Panic>>> {
        self.released = None;
        match std::mem::replace(&mut self.driver, DriverState::Finished) {
            DriverState::Running(driver) => Some(driver),
            DriverState::Idle(_) | DriverState::Finished => None,
        }
    }

    fn poll_finished(&mut self, context: &mut Context<'_>) -> Poll<Option<Finished<K>>> {
        loop {
            if let Some(order) = &mut self.order
                && let Some(result) = order.early.remove(&order.next)
            {
                order.next += 1;
                return Poll::Ready(Some(result));
            }
            match (ready!(self.finished.poll_recv(context)), &mut self.order) {
                (Some(result), Some(order)) => drop(order.early.insert(result.index, result)),
                (result, _) => return Poll::Ready(result),
            }
        }
    }
}

fn speech(client: &Client, outcome: Outcome) -> Result<Speech, Error> {
    outcome.map(|(id, result)| Speech::new(client.task(id), result))
}

impl<K> Unpin for Results<K> {}

impl<K> Drop for Results<K> {
    fn drop(&mut self) {
        let early = self.order.as_mut().map(|order| std::mem::take(&mut order.early)).unwrap_or_default();
        early.values().for_each(Finished::log_undelivered);
        // The engine logs the results that it delivers from now on.
        self.finished.close();
        while let Ok(result) = self.finished.try_recv() {
            result.log_undelivered();
        }
    }
}

impl<K> Stream for Results<K> {
    type Item = (K, Result<Speech, Error>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let DriverState::Idle(_) = this.driver {
            // Panics outside a runtime, before anything is changed.
            let runtime = Handle::current();
            if let DriverState::Idle(driver) = std::mem::replace(&mut this.driver, DriverState::Finished) {
                this.driver = DriverState::Running(runtime.spawn(driver));
            }
        }
        if let Some(Finished { key, outcome, .. }) = ready!(this.poll_finished(context)) {
            if let Some(taken) = &this.released {
                // Fails at the end of the batch, when the engine is gone.
                let _ = taken.send(());
            }
            return Poll::Ready(Some((key, speech(&this.client, outcome))));
        }
        if let DriverState::Running(driver) = &mut this.driver {
            let outcome = ready!(Pin::new(driver).poll(context));
            this.driver = DriverState::Finished;
            match outcome {
                Ok(None) => {}
                Ok(Some(panic)) => resume_unwind(panic),
                // The end of the stream would look like the end of the batch.
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => panic!("the runtime that runs the batch has ended: {error}"),
                },
            }
        }
        Poll::Ready(None)
    }
}

impl<K> fmt::Debug for Results<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}
