//! The context that all jobs of a worker process share: the store, the client and the shutdown state.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::{Duration, Instant, SystemTime},
};

use distribute_ai::Client;
use gethostname::gethostname;
use tokio::sync::watch;

use crate::{
    InvalidInput,
    connection::{Connection, random_name},
    guard::{Guard, WENT_BACK},
    ledger::{ClaimedText, Collection},
    policy::{SIMULATOR_PREFIX, outage_pause},
    retry::with_timeout,
    store::Store,
};

/// The number of unconfirmed claims that are remembered.
const MAX_UNCONFIRMED: usize = 100;

/// The context that all jobs of a worker process share.
#[derive(Debug)]
pub(crate) struct WorkerContext {
    pub(crate) store: Store,
    pub(crate) client: Client,
    /// The name of the server that the client uses.
    pub(crate) server: String,
    pub(crate) out: PathBuf,
    /// The duration of a claim in seconds.
    pub(crate) lease: u16,
    /// The host, the process id and a random part.
    pub(crate) name: String,
    /// The number of submissions whose outcome is not stored yet.
    pub(crate) submissions: AtomicUsize,
    collecting: Mutex<HashSet<i64>>,
    guard: tokio::sync::Mutex<Guard>,
    unconfirmed: Mutex<Vec<String>>,
    outage: Mutex<Outage>,
    stop: watch::Sender<StopState>,
}

#[derive(Debug, PartialEq)]
enum StopState {
    Running,
    Requested,
    /// No text can be submitted. The text is the error message.
    Failed(String),
}

/// The pause after the server has not accepted a text: it is unreachable or limits the rate.
#[derive(Debug, Default)]
struct Outage {
    failures: u32,
    until: Option<Instant>,
}

/// The time when a worker sent the statement of a claim or opened a connection, by both clocks: one stops while the
/// machine sleeps, and the other may be changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartTime {
    pub(crate) monotonic: Instant,
    pub(crate) wall: SystemTime,
}

impl StartTime {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

impl WorkerContext {
    pub(crate) fn new(store: Store, connection: &Connection, out: PathBuf, lease: u16, guard: Guard) -> Self {
        Self {
            store,
            client: connection.client.clone(),
            server: connection.server.clone(),
            out,
            lease,
            name: format!("{}/{}-{}", host(), std::process::id(), random_name()),
            submissions: AtomicUsize::new(0),
            collecting: Mutex::default(),
            guard: tokio::sync::Mutex::new(guard),
            unconfirmed: Mutex::default(),
            outage: Mutex::default(),
            stop: watch::Sender::new(StopState::Running),
        }
    }

    /// Claims up to `limit` texts, and records the claim before any of them is sent.
    pub(crate) async fn claim(&self, limit: usize) -> anyhow::Result<Vec<(ClaimedText, StartTime)>> {
        let mut guard = self.guard.lock().await;
        let (token, time) = (random_name(), StartTime::now());
        let result = with_timeout(async {
            let texts = self.store.claim(limit, &self.name, &token, &self.server, self.lease).await?;
            if let Some(last) = texts.last() {
                // The earlier claim, because this one may be the first after the database went back.
                guard.check(&self.store).await?;
                guard.record(&last.claim);
            }
            Ok(texts)
        });
        match result.await {
            Ok(texts) => Ok(texts.into_iter().map(|text| (text, time)).collect()),
            Err(error) => {
                if error.is::<InvalidInput>() {
                    // The texts may have been billed: they become in doubt when their lease ends.
                    self.stop_failed(WENT_BACK.to_owned());
                } else {
                    self.unconfirmed().push(token);
                }
                Err(error)
            }
        }
    }

    /// Releases the texts of claims that the database has not confirmed. None of them was sent. A claim may be
    /// stored after its error, so the last ones are released repeatedly.
    pub(crate) async fn release_unconfirmed(&self) -> anyhow::Result<()> {
        let tokens = {
            let mut tokens = self.unconfirmed();
            let forgotten = tokens.len().saturating_sub(MAX_UNCONFIRMED);
            tokens.drain(..forgotten);
            tokens.clone()
        };
        self.store.release_unconfirmed(&self.name, &tokens).await
    }

    fn unconfirmed(&self) -> MutexGuard<'_, Vec<String>> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn claim_collections(&self, limit: usize) -> anyhow::Result<Vec<Collection>> {
        with_timeout(self.store.claim_collections(limit, &self.name, &self.server, self.lease)).await
    }

    /// Returns the texts that this worker is collecting.
    pub(crate) fn collecting(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.collecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn uses_simulator(&self) -> bool {
        self.server.starts_with(SIMULATOR_PREFIX)
    }

    /// Returns `true` if another worker may soon declare the claim in doubt, because this process was suspended or
    /// the database was slow.
    pub(crate) fn is_late(&self, time: StartTime) -> bool {
        time.elapsed() > Duration::from_secs(self.lease.into()) / 2
    }

    /// Pauses all claims of this worker, because the server has not accepted a text. Returns the pause.
    pub(crate) fn pause(&self, retry_after: Option<Duration>) -> Duration {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // The texts that were sent together count as one failure.
        if outage.until.is_none_or(|until| until <= now) {
            outage.failures += 1;
        }
        let pause = outage_pause(outage.failures, retry_after);
        outage.until = outage.until.max(Some(now + pause));
        pause
    }

    pub(crate) fn end_pause(&self) {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Outage::default();
    }

    pub(crate) async fn pause_ended(&self) {
        loop {
            let until = self.outage.lock().unwrap_or_else(PoisonError::into_inner).until;
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => return,
            }
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow() != StopState::Running
    }

    /// Waits for a stop request.
    pub(crate) async fn stop_requested(&self) {
        // An error is impossible: `self` owns the sender.
        let _ = self.stop.subscribe().wait_for(|stop| *stop != StopState::Running).await;
    }

    /// Stops the worker, because no text can be submitted.
    pub(crate) fn stop_failed(&self, problem: String) {
        self.stop.send_replace(StopState::Failed(problem));
    }

    /// Returns the reason if the worker stopped because no text can be submitted.
    pub(crate) fn failure(&self) -> Option<String> {
        match &*self.stop.borrow() {
            StopState::Failed(problem) => Some(problem.clone()),
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

/// Returns the name of this machine.
pub(crate) fn host() -> String {
    gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_counts_a_suspended_process_and_a_changed_clock() {
        let second = Duration::from_secs(1);
        for (monotonic, wall, expected) in [(0, 0_i32, 0_u64), (100, 0, 100), (0, 100, 100), (5, -100, 5)] {
            let now = StartTime::now();
            let wall =
                if wall < 0 { now.wall + second * 100 } else { now.wall - second * wall.unsigned_abs() };
            let time = StartTime { monotonic: now.monotonic.checked_sub(second * monotonic).unwrap(), wall };
            assert_eq!(time.elapsed().as_secs(), expected);
        }
    }
}
