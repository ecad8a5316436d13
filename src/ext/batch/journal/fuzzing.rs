//! Access for the fuzz target of the journal.

use std::path::Path;

use super::{Entry, Event, file, replay};
use crate::{Error, TaskId};

/// The state of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownKey {
    /// The key.
    pub key: String,
    /// The fingerprint of the request.
    pub request: Option<String>,
    /// The id of the submitted task.
    pub submitted: Option<TaskId>,
    /// The task id in an error response in doubt.
    pub task_id_in_doubt: Option<TaskId>,
    /// The number of attempts in doubt.
    pub in_doubt_attempts: u32,
    /// `true` if the request cannot have been billed.
    pub is_unbilled: bool,
}

/// Returns the states in a journal and the number of bytes in complete lines, or the reason why it is invalid.
pub fn replay(bytes: &[u8]) -> Result<(Vec<KnownKey>, u64), String> {
    match replay::replay(bytes) {
        Ok(replayed) => Ok((known(replayed.key_states), replayed.valid_bytes)),
        Err(problem) => Err(format!("{problem:?}")),
    }
}

/// Opens, repairs and closes a journal on disk; returns the states in it.
pub fn open(path: &Path) -> Result<Vec<KnownKey>, Error> {
    file::open(path).map(|(_, records)| known(records))
}

/// Returns the entry that holds a task id.
#[must_use]
pub fn submitted(key: &str, id: &TaskId) -> Vec<u8> {
    Entry::new(Event::Submitted, key).id(id).bytes()
}

fn known(records: super::KeyStates) -> Vec<KnownKey> {
    let mut known: Vec<_> = records
        .into_iter()
        .map(|(key, state)| KnownKey {
            key,
            request: state.request.as_deref().map(str::to_owned),
            in_doubt_attempts: state.in_doubt_attempts().count(),
            is_unbilled: state.is_unbilled(),
            submitted: state.submitted,
            task_id_in_doubt: state.task_id_in_doubt,
        })
        .collect();
    known.sort_by(|one, other| one.key.cmp(&other.key));
    known
}
