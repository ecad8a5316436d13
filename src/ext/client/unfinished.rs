//! The ids of the tasks that a client knows to be unfinished.

use std::{
    collections::{HashMap, VecDeque},
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
    /// `true` for the tasks that this client has submitted.
    known: HashMap<u64, bool>,
    /// All ids in `known`, oldest first, and some that are finished.
    oldest: VecDeque<u64>,
}

impl UnfinishedTasks {
    /// Adds the id of a new task. Returns `false` if an unfinished task has the same id.
    pub(crate) fn insert(&self, id: &TaskId) -> bool {
        self.add(id, true)
    }

    /// Adds the id of a task that the server has reported as unfinished. Another process may have submitted the task.
    pub(crate) fn insert_polled(&self, id: &TaskId) {
        self.add(id, false);
    }

    fn add(&self, id: &TaskId, is_submitted_here: bool) -> bool {
        let hash = self.hash(id);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.known.contains_key(&hash) {
            return false;
        }
        ids.known.insert(hash, is_submitted_here);
        ids.oldest.push_back(hash);
        if ids.oldest.len() > MAX_IDS
            && let Some(oldest) = ids.oldest.pop_front()
        {
            ids.known.remove(&oldest);
        }
        true
    }

    /// Removes the id of a task that is finished.
    pub(crate) fn remove(&self, id: &TaskId) {
        let hash = self.hash(id);
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).known.remove(&hash);
    }

    /// Returns `true` if this client submitted the task, and does not know that it is finished.
    pub(crate) fn is_submitted_here(&self, id: &TaskId) -> bool {
        let hash = self.hash(id);
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).known.get(&hash) == Some(&true)
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
        assert!(!tasks.is_submitted_here(&id));
        assert!(tasks.insert(&id) && tasks.is_submitted_here(&same));
        assert!(!tasks.insert(&same));
        tasks.remove(&same);
        assert!(!tasks.is_submitted_here(&id) && tasks.insert(&id));
    }

    #[test]
    fn polled_id_is_no_new_task_and_not_submitted_here() {
        let tasks = UnfinishedTasks::default();
        let (polled, submitted) = (TaskId::new_unchecked("t1"), TaskId::new_unchecked("t2"));
        assert!(tasks.insert(&submitted));
        for id in [&polled, &submitted] {
            tasks.insert_polled(id);
            assert!(!tasks.insert(id));
        }
        assert!(!tasks.is_submitted_here(&polled) && tasks.is_submitted_here(&submitted));
    }

    #[test]
    fn oldest_ids_are_forgotten_beyond_the_limit() {
        let tasks = UnfinishedTasks::default();
        let id = |number: usize| TaskId::new_unchecked(number.to_string());
        for number in 0..MAX_IDS + 10 {
            assert!(tasks.insert(&id(number)));
        }
        assert!(!tasks.is_submitted_here(&id(9)) && tasks.is_submitted_here(&id(10)));
        assert_eq!(tasks.ids.lock().unwrap().known.len(), MAX_IDS);
    }
}
