//! The context that all jobs of a worker process share: the store, the client and the shutdown state.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use distribute_ai::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{
    connection::{Connection, random_name},
    ledger::Claim,
    store::Store,
};

/// The number of concurrent collect jobs per concurrent submit job. A collect job sends a request only now
/// and then.
const COLLECT_JOBS_PER_SUBMIT_JOB: u32 = 8;

/// The error of a job that did not run or finish because its worker stops.
pub(crate) const STOPPING: &str = "worker is stopping, the job is left to another worker";

/// The context that all jobs of a worker process share.
#[derive(Debug)]
pub(crate) struct WorkerContext {
    pub(crate) store: Store,
    pub(crate) client: Client,
    /// The name of the server that the client uses.
    pub(crate) server: String,
    pub(crate) out: PathBuf,
    pub(crate) heartbeat: Duration,
    /// The unique name of the process. Each claim records this name.
    pub(crate) name: String,
    claim_count: AtomicU64,
    stop: watch::Sender<StopState>,
    /// The slots for concurrent jobs. All slots are free when no job is running.
    pub(crate) submit_slots: Slots,
    pub(crate) collect_slots: Slots,
    /// `true` after a stop request, as soon as the last job has finished. No further job starts.
    drained: watch::Sender<bool>,
}

#[derive(Debug, PartialEq)]
enum StopState {
    Running,
    Requested,
    /// The server rejects every request of the account. The text is the error message.
    AccountRejected(String),
}

impl WorkerContext {
    /// Creates a context. `concurrency` is the maximum number of concurrent submissions.
    pub(crate) fn new(
        store: Store,
        connection: &Connection,
        out: PathBuf,
        heartbeat: Duration,
        concurrency: u16,
    ) -> Self {
        Self {
            store,
            client: connection.client.clone(),
            server: connection.server.clone(),
            out,
            heartbeat,
            name: random_name(),
            claim_count: AtomicU64::new(0),
            stop: watch::Sender::new(StopState::Running),
            submit_slots: Slots::new(concurrency.into()),
            collect_slots: Slots::new(u32::from(concurrency) * COLLECT_JOBS_PER_SUBMIT_JOB),
            drained: watch::Sender::new(false),
        }
    }

    /// Creates a claim with a unique id for a text.
    pub(crate) fn new_claim(&self, number: i64) -> Claim {
        let worker = &self.name;
        let count = self.claim_count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{worker}/{count}");
        Claim { number, worker: worker.clone(), id, server: self.server.clone() }
    }

    /// Waits for a stop request, and then until every running job has finished.
    pub(crate) async fn drain(&self) {
        self.stop_requested().await;
        self.submit_slots.all_free().await;
        self.collect_slots.all_free().await;
        self.drained.send_replace(true);
    }

    /// Waits until [`drain`](Self::drain) has finished.
    pub(crate) async fn drained(&self) {
        let _ = self.drained.subscribe().wait_for(|drained| *drained).await;
    }

    /// Acquires a slot for a job. The slot is occupied until the permit is dropped.
    ///
    /// # Errors
    /// Returns an error after a stop request. The job is then left to another worker.
    pub(crate) async fn acquire_slot(&self, slots: &Slots) -> anyhow::Result<OwnedSemaphorePermit> {
        let slot = Arc::clone(&slots.semaphore).acquire_owned().await?;
        if !self.is_stopping() {
            return Ok(slot);
        }
        drop(slot);
        // Wait before the error: apalis would otherwise retry this job in a loop while other jobs finish.
        self.drained().await;
        anyhow::bail!(STOPPING)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow() != StopState::Running
    }

    /// Waits for a stop request.
    pub(crate) async fn stop_requested(&self) {
        // An error is impossible: `self` owns the sender.
        let _ = self.stop.subscribe().wait_for(|stop| *stop != StopState::Running).await;
    }

    /// Stops the worker because the server has rejected the account.
    pub(crate) fn stop_account_rejected(&self, problem: String) {
        self.stop.send_replace(StopState::AccountRejected(problem));
    }

    /// Returns the error message of the server if the server has rejected the account.
    pub(crate) fn account_error(&self) -> Option<String> {
        match &*self.stop.borrow() {
            StopState::AccountRejected(problem) => Some(problem.clone()),
            StopState::Running | StopState::Requested => None,
        }
    }

    pub(crate) fn request_stop(&self) {
        self.stop.send_if_modified(|stop| {
            let is_running = *stop == StopState::Running;
            if is_running {
                *stop = StopState::Requested;
            }
            is_running
        });
    }
}

/// The slots of a queue, one for each concurrent job.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    count: u32,
    semaphore: Arc<Semaphore>,
}

impl Slots {
    fn new(count: u32) -> Self {
        Self { count, semaphore: Arc::new(Semaphore::new(count as usize)) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// Waits until all slots are free.
    async fn all_free(&self) {
        // An error is impossible: the semaphore is never closed.
        let _ = self.semaphore.acquire_many(self.count).await;
    }
}
