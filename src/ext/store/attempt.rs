//! One submission of a request: announced before it is sent, and recorded afterwards.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

use super::{
    claims::Claim,
    database::Priority,
    facts::{Facts, get, put},
    record::Record,
    shared::Shared,
};
use crate::{
    Error, TaskId,
    ext::{retry::policy::may_be_billed, transport::failure::Failure},
};

/// The right to send a request once. Its announcement is taken back if it is dropped before the request is sent.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    facts: Arc<Facts>,
    _claim: Claim,
    /// The attempts in doubt before the announcement. They tell this announcement from one that an earlier run left.
    prior: Arc<OnceLock<u32>>,
    sent: bool,
}

impl Attempt {
    pub(super) fn new(shared: Arc<Shared>, facts: Arc<Facts>, claim: Claim) -> Self {
        Self { shared, facts, _claim: claim, prior: Arc::default(), sent: false }
    }

    /// Returns where the announcement notes the attempts in doubt before it.
    pub(super) fn prior(&self) -> Arc<OnceLock<u32>> {
        Arc::clone(&self.prior)
    }

    /// Marks the request as sent. From here on, it is in doubt until its outcome is recorded.
    fn start(&mut self) {
        self.sent = true;
    }

    /// Sends the request and records its outcome. A task id is on disk when this returns.
    pub(crate) async fn send(
        mut self,
        request: impl Future<Output = Result<TaskId, Failure>>,
    ) -> Result<TaskId, Failure> {
        self.start();
        let result = request.await;
        let entry = self.facts.hash;
        if let Err(error) = self.record(&result).await {
            let task = result.as_ref().ok().map(TaskId::printable);
            tracing::error!(%entry, task, ?result, ?error, "request sent, but its result could not be written to the store");
        }
        result
    }

    /// Records the outcome of the request. A task id is on disk when this returns.
    async fn record(self, result: &Result<TaskId, Failure>) -> Result<(), Error> {
        match result {
            Ok(id) => self.submitted(id).await,
            Err(failure) if may_be_billed(failure) => self.in_doubt(failure.task_id.as_ref()).await,
            Err(_) => {
                self.not_sent();
                Ok(())
            }
        }
    }

    /// Records the task id. It is on disk when this returns.
    async fn submitted(self, id: &TaskId) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |record| record.submitted(&id)).await
    }

    /// Records that the server has not accepted the request.
    fn not_sent(mut self) {
        // Dropping takes the announcement back.
        self.sent = false;
    }

    /// Records that the server may have accepted the request. A task id is on disk when this returns.
    async fn in_doubt(self, id: Option<&TaskId>) -> Result<(), Error> {
        let Some(id) = id.cloned() else {
            self.change(Priority::Essential, |record| Some(record.doubted(None)));
            return Ok(());
        };
        self.write(move |record| record.doubted(Some(&id))).await
    }
}

impl Attempt {
    /// Changes the record, also if it is missing. It is on disk when this returns.
    async fn write(&self, change: impl Fn(Record) -> Record + Send + 'static) -> Result<(), Error> {
        let (facts, key) = (Arc::clone(&self.facts), self.facts.key());
        let written = self.shared.database.run(Priority::Essential, move |transaction| {
            let record = facts.record(transaction);
            put(transaction, &key, &change(record))
        });
        written.await
    }

    fn change(&self, priority: Priority, change: impl Fn(Record) -> Option<Record> + Send + 'static) {
        let key = self.facts.key();
        self.shared.database.enqueue(priority, move |transaction| {
            let Some(record) = get(transaction, &key)? else { return Ok(()) };
            match change(record) {
                Some(record) => put(transaction, &key, &record),
                None => transaction.remove(&key),
            }
        });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.sent {
            let prior = Arc::clone(&self.prior);
            self.change(Priority::Essential, move |record| {
                let is_own = prior.get().is_some_and(|prior| *prior == record.prior_attempts());
                if is_own { record.not_sent() } else { Some(record) }
            });
        }
    }
}
