//! A journal of any bytes, for the target in `fuzz`.

use std::path::Path;

use super::{Event, Line, file, replay};
use crate::{Error, TaskId};

/// What is known of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The key.
    pub key: String,
    /// Of which request it is.
    pub request: Option<String>,
    /// The task that was taken.
    pub submitted: Option<TaskId>,
    /// The task that a reply in doubt has named.
    pub named: Option<TaskId>,
    /// How often it was sent and may have been taken.
    pub doubts: u32,
    /// Whether it may be submitted.
    pub is_free: bool,
}

/// What a journal says, and how many of its bytes are whole lines; or why it is none.
pub fn replay(bytes: &[u8]) -> Result<(Vec<Known>, u64), String> {
    match replay::replay(bytes) {
        Ok(replayed) => Ok((known(replayed.records), replayed.whole)),
        Err(problem) => Err(format!("{problem:?}")),
    }
}

/// What a journal on the disk says. It is mended, and given back.
pub fn open(path: &Path) -> Result<Vec<Known>, Error> {
    file::open(path).map(|(_, records)| known(records))
}

/// The line that keeps an id.
#[must_use]
pub fn submitted(key: &str, id: &TaskId) -> Vec<u8> {
    Line::new(Event::Submitted, key).id(id).bytes()
}

fn known(records: super::Records) -> Vec<Known> {
    let mut known: Vec<_> = records
        .into_iter()
        .map(|(key, record)| Known {
            key,
            request: record.request.as_deref().map(str::to_owned),
            doubts: record.doubts(),
            is_free: record.is_free(),
            submitted: record.submitted,
            named: record.named,
        })
        .collect();
    known.sort_by(|one, other| one.key.cmp(&other.key));
    known
}
