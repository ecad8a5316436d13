//! The state that all handles of a store share.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    audio_files::AudioFiles, claims::Claims, database::Database, learned_names::LearnedNames,
    settings::Options,
};
use crate::ext::disk::Disk;

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) options: Options,
    last_names: Mutex<Arc<LearnedNames>>,
}

impl Shared {
    pub(super) fn new(database: Database, options: Options) -> Self {
        Self { database, options, last_names: Mutex::default() }
    }

    pub(super) fn claims(&self) -> &Claims {
        self.database.claims()
    }

    pub(super) fn audio(&self) -> &AudioFiles {
        self.database.audio()
    }

    pub(super) fn disk(&self) -> &Disk {
        self.database.disk()
    }

    pub(super) fn directory(&self) -> &Path {
        self.database.directory()
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
