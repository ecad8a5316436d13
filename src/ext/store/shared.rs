//! The state that all handles of a store share.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{audio_files::AudioFiles, claims::Claims, database::Database, settings::Options};
use crate::ext::disk::Disk;

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) options: Options,
    last_rate_name: Mutex<Arc<str>>,
}

impl Shared {
    pub(super) fn new(database: Database, options: Options) -> Self {
        Self { database, options, last_rate_name: Mutex::new(Arc::from("")) }
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

    /// Returns the name without another copy of it if the last request had the same.
    pub(super) fn share_rate_name(&self, name: &str) -> Arc<str> {
        let mut last = self.last_rate_name.lock().unwrap_or_else(PoisonError::into_inner);
        if **last != *name {
            *last = Arc::from(name);
        }
        Arc::clone(&last)
    }
}
