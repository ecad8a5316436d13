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

    /// Sends the request and records its outcome. A task id is on disk when this returns.
    pub(crate) async fn send(
        mut self,
        request: impl Future<Output = Result<TaskId, Failure>>,
    ) -> Result<TaskId, Failure> {
        // From here on, the request is in doubt until its outcome is recorded.
        self.sent = true;
        let result = request.await;
        let recorded = match &result {
            Ok(id) => {
                let id = id.clone();
                self.write(move |record| record.submitted(&id)).await
            }
            Err(failure) if may_be_billed(failure) => {
                if let Some(id) = failure.task_id.clone() {
                    self.write(move |record| record.doubted(Some(&id))).await
                } else {
                    self.change(|record| Some(record.doubted(None)));
                    Ok(())
                }
            }
            Err(_) => {
                // Dropping takes the announcement back.
                self.sent = false;
                Ok(())
            }
        };
        if let Err(error) = recorded {
            let task = result.as_ref().ok().map(TaskId::printable);
            tracing::error!(entry = %self.facts.hash, task, ?result, ?error, "request sent, but its result could not be written to the store");
        }
        result
    }

    /// Changes the record, also if it is missing. It is on disk when this returns.
    async fn write(&self, change: impl Fn(Record) -> Record + Send + 'static) -> Result<(), Error> {
        let facts = Arc::clone(&self.facts);
        let written = self.shared.database.run(Priority::Essential, move |transaction| {
            let record = facts.record(transaction);
            put(transaction, facts.hash, &change(record))
        });
        written.await
    }

    /// Changes the record if there is one, without waiting. Removes it if `change` returns `None`.
    fn change(&self, change: impl Fn(Record) -> Option<Record> + Send + 'static) {
        let hash = self.facts.hash;
        self.shared.database.enqueue(Priority::Essential, move |transaction| {
            let Some(record) = get(transaction, hash)? else { return Ok(()) };
            match change(record) {
                Some(record) => put(transaction, hash, &record),
                None => transaction.remove(hash),
            }
        });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.sent {
            let prior = Arc::clone(&self.prior);
            self.change(move |record| {
                let is_own = prior.get().is_some_and(|prior| *prior == record.prior_attempts());
                if is_own { record.not_sent() } else { Some(record) }
            });
        }
    }
}
