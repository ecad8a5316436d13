//! One submission of a request: announced before it is sent, and recorded afterwards.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    claims::Claim,
    database::Priority,
    facts::{Facts, get, put},
    record::{Announcement, Record},
    shared::Shared,
};
use crate::{
    Error, TaskId,
    ext::{
        retry::{in_doubt::InDoubtAttempts, policy::may_be_billed},
        transport::failure::Failure,
    },
};

/// The right to send a request once. Its announcement is taken back if it is dropped before the request is sent.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    facts: Arc<Facts>,
    _claim: Claim,
    announcement: OwnAnnouncement,
    sent: bool,
}

/// The announcement of an attempt. It tells whether the record is still as the attempt left it.
#[derive(Clone, Default)]
pub(super) struct OwnAnnouncement(Arc<Mutex<Option<Announcement>>>);

impl OwnAnnouncement {
    /// Notes the announcement. A work that runs again announces again, and then the last announcement counts.
    pub(super) fn set(&self, announced: &Record) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = announced.announcement();
    }

    fn get(&self) -> Option<Announcement> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    pub(super) fn new(shared: Arc<Shared>, facts: Arc<Facts>, claim: Claim) -> Self {
        Self { shared, facts, _claim: claim, announcement: OwnAnnouncement::default(), sent: false }
    }

    pub(super) fn announcement(&self) -> OwnAnnouncement {
        self.announcement.clone()
    }

    /// Returns the attempts in doubt before this one: of this call, of earlier runs and of equal requests.
    pub(crate) fn prior_attempts(&self) -> InDoubtAttempts {
        self.announcement.get().map(|announcement| announcement.prior_attempts).unwrap_or_default()
    }

    /// Sends the request and records its outcome. When this returns, a task id is on disk. If the disk refuses it, this process
    /// remembers it.
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
            let id = result.as_ref().map_or_else(|failure| failure.task_id.as_ref(), Some);
            let task = id.map(TaskId::printable);
            tracing::error!(entry = %self.facts.hash, task, ?result, ?error, "request sent, but its result could not be written to the store");
            if let (Some(id), Some(announcement)) = (id, self.announcement.get()) {
                self.facts.refused_ids.add(self.facts.hash, announcement, id.clone(), result.is_err());
            }
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
            let own = self.announcement();
            self.change(move |record| {
                let is_own = record.is_announced() && record.announcement() == own.get();
                if is_own { record.not_sent() } else { Some(record) }
            });
        }
    }
}
