//! The state that all handles of a store share.

use std::sync::{Arc, Mutex, PoisonError};

use super::{database::Database, learned_names::LearnedNames, settings::Options};

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) options: Options,
    last_names: Mutex<Arc<LearnedNames>>,
}

impl Shared {
    pub(super) fn new(database: Database, options: Options) -> Self {
        Self { database, options, last_names: Mutex::default() }
    }

    /// Returns the names without another copy of them if the last request had the same.
    pub(super) fn share_names(&self, names: LearnedNames) -> Arc<LearnedNames> {
        let mut last = self.last_names.lock().unwrap_or_else(PoisonError::into_inner);
        if **last != names {
            *last = Arc::new(names);
        }
        Arc::clone(&last)
    }
}
