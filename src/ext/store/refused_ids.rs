//! The task ids that the disk has refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    RequestHash,
    record::{Announcement, Record},
};
use crate::TaskId;

/// The task ids of this process that could not be written, although their requests were accepted.
///
/// On disk, such a request is still announced. This process knows its task, so here it is submitted. The next change of the
/// entry writes the id.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusedIds(Arc<Mutex<HashMap<RequestHash, (Announcement, TaskId)>>>);

impl RefusedIds {
    pub(super) fn add(&self, hash: RequestHash, announcement: Announcement, id: TaskId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, (announcement, id));
    }

    /// Returns the record with its task id, if the disk has refused the id. A later announcement is of another task.
    pub(super) fn complete(&self, hash: RequestHash, record: Record) -> Record {
        let ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ids.get(&hash) {
            Some((announcement, id)) if record.announcement() == Some(*announcement) => {
                let at = record.at;
                let mut submitted = record.submitted(id);
                // Reading is not a change.
                submitted.at = at;
                submitted
            }
            _ => record,
        }
    }
}
