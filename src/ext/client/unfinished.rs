//! The ids of the tasks that a client knows to be unfinished.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::TaskId;

/// The most ids that are kept. With about 20 bytes each, they take at most 1.3 MB.
const MAX_IDS: usize = 65_536;

/// The ids of unfinished tasks. A server never gives one of them to another task.
///
/// If it does, a connection has mixed up its responses, or the server is a mock. Hashes stand for the ids: that two of them
/// are equal by chance happens once in 10¹⁴ submissions, and only makes a submission in doubt.
#[derive(Debug, Default)]
pub(crate) struct UnfinishedTasks {
    hasher: RandomState,
    ids: Mutex<Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<u64>,
    /// All ids in `known`, oldest first, and some that are finished.
    oldest: VecDeque<u64>,
}

impl UnfinishedTasks {
    /// Adds the id of a new task. Returns `false` if an unfinished task has the same id.
    pub(crate) fn insert(&self, id: &TaskId) -> bool {
        let hash = self.hash(id);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = ids.known.insert(hash);
        if is_new {
            ids.oldest.push_back(hash);
            if ids.oldest.len() > MAX_IDS
                && let Some(oldest) = ids.oldest.pop_front()
            {
                ids.known.remove(&oldest);
            }
        }
        is_new
    }

    /// Removes the id of a task that is finished.
    pub(crate) fn remove(&self, id: &TaskId) {
        let hash = self.hash(id);
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).known.remove(&hash);
    }

    /// Returns `true` if this client submitted the task, and does not know that it is finished.
    pub(crate) fn contains(&self, id: &TaskId) -> bool {
        let hash = self.hash(id);
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).known.contains(&hash)
    }

    /// Ignores the case, as in a UUID.
    fn hash(&self, id: &TaskId) -> u64 {
        self.hasher.hash_one(id.as_str().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_known_from_insertion_to_removal() {
        let tasks = UnfinishedTasks::default();
        let (id, same) = (TaskId::new_unchecked("T1"), TaskId::new_unchecked("t1"));
        assert!(!tasks.contains(&id));
        assert!(tasks.insert(&id) && tasks.contains(&same));
        assert!(!tasks.insert(&same));
        tasks.remove(&same);
        assert!(!tasks.contains(&id) && tasks.insert(&id));
    }

    #[test]
    fn oldest_ids_are_forgotten_beyond_the_limit() {
        let tasks = UnfinishedTasks::default();
        let id = |number: usize| TaskId::new_unchecked(number.to_string());
        for number in 0..MAX_IDS + 10 {
            assert!(tasks.insert(&id(number)));
        }
        assert!(!tasks.contains(&id(9)) && tasks.contains(&id(10)));
        assert_eq!(tasks.ids.lock().unwrap().known.len(), MAX_IDS);
    }
}
