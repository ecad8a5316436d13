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
    active::Finished,
    engine::{Channels, Panic},
    spending::Spending,
};
use crate::{Error, Speech};

/// The results of a [`Batch`](super::Batch), as a stream of `(key, Result<Speech, Error>)`.
///
/// The batch starts when the stream is first polled. From then on, the batch runs on its own task
/// of the tokio runtime that polled the stream, even while you process a result. It starts no new
/// requests while [`max_in_flight`](super::Batch::max_in_flight) results are not taken.
///
/// Dropping the results early stops the batch: no further request is sent, and unfinished tasks
/// continue on the server. Pending submissions finish, and are recorded in the
/// [store](super::Batch::store). Every task id and every request in doubt that you did not take
/// is logged.
///
/// [`stop`](Self::stop) returns these results instead. Call `stop` before the program ends and
/// before you return early. Otherwise, a submission that is pending when the runtime ends is in
/// doubt.
///
/// # Panics
///
/// - If the stream of requests panics, the stream counts as ended. Polling resumes the panic at the
///   end of the batch, when all accepted tasks have finished. With `panic = "abort"`, a panic ends the
///   process.
/// - Polling panics outside a tokio runtime.
/// - Polling panics after the end of the runtime that polled the stream first.
#[must_use = "nothing is sent until the stream is polled"]
pub struct Results<K> {
    spending: Spending,
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

impl<K> Results<K> {
    pub(super) fn new(driver: Driver, channels: Channels<K>, spending: Spending, in_order: bool) -> Self {
        let Channels { finished, released, progress } = channels;
        let order = in_order.then(|| InOrder { early: BTreeMap::new(), next: 0 });
        Self {
            spending,
            driver: DriverState::Idle(driver),
            finished,
            released: Some(released),
            order,
            progress,
        }
    }

    /// Returns the limits of the batch, and what it has submitted.
    pub(crate) fn spending(&self) -> &Spending {
        &self.spending
    }

    /// Returns the next result, or `None` after the last result. Cancel safe: dropping the future
    /// loses no result.
    ///
    /// Equivalent to `StreamExt::next`, without importing the trait.
    ///
    /// # Panics
    ///
    /// Panics if polling the [stream](Self#panics) panics.
    pub async fn next(&mut self) -> Option<(K, Result<Speech, Error>)> {
        StreamExt::next(self).await
    }

    /// Returns a receiver that holds the latest progress and is notified of each change.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run().await?;
    /// let mut progress = results.progress();
    /// let watching = tokio::spawn(async move {
    ///     while progress.changed().await.is_ok() {
    ///         let now = progress.borrow_and_update().clone();
    ///         let total = now.queued.map(|queued| queued + now.in_flight + now.ended());
    ///         println!("{} of {total:?} done", now.done);
    ///     }
    /// });
    /// while let Some((key, speech)) = results.next().await {
    ///     println!("{key}: {}", speech.is_ok());
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
    /// Waits for pending submissions, for at most the request timeout, and records them in the
    /// [store](super::Batch::store). An unfinished request returns an error:
    /// [`is_stopped`](Error::is_stopped), with the task id if the request was submitted, or
    /// [`is_in_doubt`](Error::is_in_doubt). Requests that were not started are not returned.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run().await?;
    /// results.next().await;
    /// for (key, result) in results.stop().await {
    ///     match result {
    ///         Ok(speech) => println!("{key} is finished: task {}", speech.id()),
    ///         // With the task id, if the request was submitted.
    ///         Err(error) => println!("{key}: {error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn stop(mut self) -> Vec<(K, Result<Speech, Error>)> {
        self.stop_and_drain().await
    }

    pub(crate) async fn stop_and_drain(&mut self) -> Vec<(K, Result<Speech, Error>)> {
        self.stop_intake().await;
        // From here on, there is no `await`. If this future is dropped earlier, `drop` still finds
        // the results.
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
        undelivered.into_iter().map(|finished| (finished.key, finished.outcome)).collect()
    }

    /// Stops taking requests. The returned future completes when pending submissions have finished and
    /// are recorded.
    pub(crate) fn stop_intake(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.released = None;
        let driver = std::mem::replace(&mut self.driver, DriverState::Finished);
        Box::pin(async move {
            let outcome = match driver {
                DriverState::Running(driver) => driver.await,
                DriverState::Idle(driver) => Ok(driver.await),
                DriverState::Finished => return,
            };
            match outcome {
                Ok(None) => {}
                // Resuming the panic would lose the results.
                Ok(Some(_)) => tracing::error!("caller's code panicked before the batch was stopped"),
                Err(error) => tracing::error!(?error, "batch ended before it was stopped"),
            }
        })
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
            return Poll::Ready(Some((key, outcome)));
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
