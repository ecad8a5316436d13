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
/// The batch begins when the stream is polled first. It then runs on a task of its own, on the tokio runtime that polls
/// it: also while you are busy with a result. It takes no new requests while
/// [`max_in_flight`](super::Batch::max_in_flight) results wait for you.
///
/// Dropped before its end, the batch stops: nothing more is sent, what is being submitted is still heard to the end
/// (and noted in the [journal](super::Batch::journal)), what waits is left as it is on the server, and each id or doubt
/// that nobody took is said in the log. [`stop`](Self::stop) returns these instead, when it is done. Do so before the
/// program ends, and before you leave by a `?`: what is being submitted when the runtime ends is in doubt.
///
/// # Panics
///
/// If the stream of requests panicked, at the end, when all that was under way has ended. If it is polled outside of a
/// tokio runtime, or after the end of the one where it was polled first: an end that came too soon must not look like one.
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

/// Results that came before their turn.
struct InOrder<K> {
    early: BTreeMap<usize, Finished<K>>,
    next: usize,
}

/// This side's ends of the channels to the driver.
pub(super) struct Channels<K> {
    pub(super) finished: UnboundedReceiver<Finished<K>>,
    pub(super) released: UnboundedSender<()>,
    pub(super) progress: watch::Receiver<Progress>,
}

impl<K> Results<K> {
    pub(super) fn new(client: Client, driver: Driver, channels: Channels<K>, in_order: bool) -> Self {
        let Channels { finished: ended, released: taken, progress } = channels;
        let order = in_order.then(|| InOrder { early: BTreeMap::new(), next: 0 });
        Self {
            client,
            driver: DriverState::Idle(driver),
            finished: ended,
            released: Some(taken),
            order,
            progress,
        }
    }

    /// The next result, or nothing when all have come. Cancel safe: no result is lost with the future.
    ///
    /// That of `StreamExt`, without the import.
    ///
    /// # Panics
    ///
    /// As the [stream](Self).
    pub async fn next(&mut self) -> Option<(K, Result<Speech, Error>)> {
        StreamExt::next(self).await
    }

    /// How far the batch is, whenever you look, and a word whenever that changes.
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

    /// Stops, and returns what was begun and not taken, when nothing is on its way any more that could be billed: what
    /// is being submitted is heard to the end, by the request timeout at most, and noted in the journal.
    ///
    /// Of what had not ended, the error says [`is_stopped`](Error::is_stopped), with the task's id if it was submitted, or
    /// [`is_in_doubt`](Error::is_in_doubt). What was still queued is not among them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run();
    /// results.next().await;
    /// for (key, end) in results.stop().await {
    ///     if let Some(id) = end.as_ref().err().and_then(|error| error.task_id()) {
    ///         println!("{key} was paid for: come back for {id}");
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
            // Of the stream of requests it is of no interest any more.
            tracing::error!(%error, "the batch ended before it was stopped");
        }
        // Only now, and without a pause: whoever gives up on this before leaves everything where it is looked for.
        let mut left: Vec<_> = self
            .order
            .as_mut()
            .map(|order| std::mem::take(&mut order.early))
            .unwrap_or_default()
            .into_values()
            .collect();
        while let Ok(ended) = self.finished.try_recv() {
            left.push(ended);
        }
        left.into_iter().map(|ended| (ended.key, speech(&self.client, ended.outcome))).collect()
    }

    /// Lets nothing more be begun; returns what ends when all that is on its way has landed, if anything is.
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
                && let Some(ended) = order.early.remove(&order.next)
            {
                order.next += 1;
                return Poll::Ready(Some(ended));
            }
            match (ready!(self.finished.poll_recv(context)), &mut self.order) {
                (Some(ended), Some(order)) => drop(order.early.insert(ended.index, ended)),
                (ended, _) => return Poll::Ready(ended),
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
        // What comes later is said by the engine, which finds nobody here.
        self.finished.close();
        while let Ok(ended) = self.finished.try_recv() {
            ended.log_undelivered();
        }
    }
}

impl<K> Stream for Results<K> {
    type Item = (K, Result<Speech, Error>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let DriverState::Idle(_) = this.driver {
            // Outside of a runtime this panics, before anything is taken from its place.
            let runtime = Handle::current();
            if let DriverState::Idle(driver) = std::mem::replace(&mut this.driver, DriverState::Finished) {
                this.driver = DriverState::Running(runtime.spawn(driver));
            }
        }
        if let Some(Finished { key, outcome, .. }) = ready!(this.poll_finished(context)) {
            if let Some(taken) = &this.released {
                // Room for the next one; at the end of a batch nobody needs any.
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
                // An end that came too soon must not look like one.
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => panic!("the runtime that drove the batch has ended before it: {error}"),
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
