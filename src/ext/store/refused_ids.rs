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

/// The task ids of this process that could not be written.
///
/// On disk, such a request is still announced. This process knows its task, so here it is submitted, or in doubt with its
/// task id. The next change of the entry writes the id.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusedIds(Arc<Mutex<HashMap<RequestHash, Refused>>>);

#[derive(Debug)]
struct Refused {
    announcement: Announcement,
    id: TaskId,
    is_in_doubt: bool,
}

impl RefusedIds {
    pub(super) fn add(&self, hash: RequestHash, announcement: Announcement, id: TaskId, is_in_doubt: bool) {
        let refused = Refused { announcement, id, is_in_doubt };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, refused);
    }

    /// Returns the record with its task id, if the disk has refused the id. A later announcement is of another task.
    pub(super) fn complete(&self, hash: RequestHash, record: Record) -> Record {
        let ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ids.get(&hash) {
            Some(refused) if record.announcement() == Some(refused.announcement) => {
                let (at, id) = (record.at, &refused.id);
                let mut changed =
                    if refused.is_in_doubt { record.doubted(Some(id)) } else { record.submitted(id) };
                // Reading is not a change.
                changed.at = at;
                changed
            }
            _ => record,
        }
    }
}
