//! What the jobs of a worker share: the store, the client, and when to stop.

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
    connection::{Connection, name},
    ledger::Claim,
    store::Store,
};

/// Waiting for a speech is a request now and then, submitting it is one at once.
const COLLECTED_PER_SUBMITTED: u32 = 8;

/// What becomes of a job that has not been done when its worker stops.
pub(crate) const STOPPING: &str = "the worker stops: somebody else's turn";

/// What the jobs of a worker share.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) store: Store,
    pub(crate) client: Client,
    /// The name of whom the client talks to.
    pub(crate) server: String,
    pub(crate) out: PathBuf,
    pub(crate) heartbeat: Duration,
    /// Of the process, which owns its claims.
    pub(crate) name: String,
    claims: AtomicU64,
    stop: watch::Sender<Stop>,
    /// A place for each job of a queue; all of them are free when none is under way.
    pub(crate) submissions: Places,
    pub(crate) collections: Places,
    /// No job is under way, and none will be.
    idle: watch::Sender<bool>,
}

#[derive(Debug, PartialEq)]
enum Stop {
    No,
    Asked,
    /// By a server that will refuse everything.
    Closed(String),
}

impl Speaker {
    /// With so many submissions at a time.
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
            name: name(),
            claims: AtomicU64::new(0),
            stop: watch::Sender::new(Stop::No),
            submissions: Places::new(concurrency.into()),
            collections: Places::new(u32::from(concurrency) * COLLECTED_PER_SUBMITTED),
            idle: watch::Sender::new(false),
        }
    }

    /// A new claim to a text.
    pub(crate) fn claim(&self, number: i64) -> Claim {
        let worker = &self.name;
        let count = self.claims.fetch_add(1, Ordering::Relaxed);
        let id = format!("{worker}/{count}");
        Claim { number, worker: worker.clone(), id, server: self.server.clone() }
    }

    /// Waits until it is to stop and every job under way has come to its end.
    pub(crate) async fn drain(&self) {
        self.stopping().await;
        self.submissions.all().await;
        self.collections.all().await;
        self.idle.send_replace(true);
    }

    /// When [`drain`](Self::drain) is over.
    pub(crate) async fn idle(&self) {
        let _ = self.idle.subscribe().wait_for(|idle| *idle).await;
    }

    /// A place for a job, for as long as it is held; or none because it stops, and the job is left to somebody else.
    pub(crate) async fn place(&self, places: &Places) -> anyhow::Result<OwnedSemaphorePermit> {
        let place = Arc::clone(&places.semaphore).acquire_owned().await?;
        if !self.is_stopping() {
            return Ok(place);
        }
        drop(place);
        // Not at once: apalis would bring it again and again while the others come to their ends.
        self.idle().await;
        anyhow::bail!(STOPPING)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// When it is to stop.
    pub(crate) async fn stopping(&self) {
        // The sender lives as long as this.
        let _ = self.stop.subscribe().wait_for(|stop| *stop != Stop::No).await;
    }

    /// The server has refused the account.
    pub(crate) fn stop(&self, problem: String) {
        self.stop.send_replace(Stop::Closed(problem));
    }

    /// What it has said.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &*self.stop.borrow() {
            Stop::Closed(problem) => Some(problem.clone()),
            Stop::No | Stop::Asked => None,
        }
    }

    pub(crate) fn ask_to_stop(&self) {
        self.stop.send_if_modified(|stop| {
            let first = *stop == Stop::No;
            if first {
                *stop = Stop::Asked;
            }
            first
        });
    }
}

/// How many jobs of a queue may be under way.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    count: u32,
    semaphore: Arc<Semaphore>,
}

impl Places {
    fn new(count: u32) -> Self {
        Self { count, semaphore: Arc::new(Semaphore::new(count as usize)) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// When each of them is free.
    async fn all(&self) {
        // It is never closed.
        let _ = self.semaphore.acquire_many(self.count).await;
    }
}
