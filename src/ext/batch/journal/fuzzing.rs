//! A journal of any bytes, for the target in `fuzz`.

use std::path::Path;

use super::{Entry, Event, file, replay};
use crate::{Error, TaskId};

/// What is known of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownKey {
    /// The key.
    pub key: String,
    /// Of which request it is.
    pub request: Option<String>,
    /// The task that was taken.
    pub submitted: Option<TaskId>,
    /// The task that a reply in doubt has named.
    pub task_id_in_doubt: Option<TaskId>,
    /// How often it was sent and may have been taken.
    pub in_doubt_attempts: u32,
    /// Whether it may be submitted.
    pub is_unbilled: bool,
}

/// What a journal says, and how many of its bytes are whole lines; or why it is none.
pub fn replay(bytes: &[u8]) -> Result<(Vec<KnownKey>, u64), String> {
    match replay::replay(bytes) {
        Ok(replayed) => Ok((known(replayed.key_states), replayed.valid_bytes)),
        Err(problem) => Err(format!("{problem:?}")),
    }
}

/// What a journal on the disk says. It is mended, and given back.
pub fn open(path: &Path) -> Result<Vec<KnownKey>, Error> {
    file::open(path).map(|(_, records)| known(records))
}

/// The line that keeps an id.
#[must_use]
pub fn submitted(key: &str, id: &TaskId) -> Vec<u8> {
    Entry::new(Event::Submitted, key).id(id).bytes()
}

fn known(records: super::KeyStates) -> Vec<KnownKey> {
    let mut known: Vec<_> = records
        .into_iter()
        .map(|(key, record)| KnownKey {
            key,
            request: record.request.as_deref().map(str::to_owned),
            in_doubt_attempts: record.in_doubt_attempts(),
            is_unbilled: record.is_unbilled(),
            submitted: record.submitted,
            task_id_in_doubt: record.task_id_in_doubt,
        })
        .collect();
    known.sort_by(|one, other| one.key.cmp(&other.key));
    known
}
