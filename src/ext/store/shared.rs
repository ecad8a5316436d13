//! The state that all handles of a store share.

use std::path::Path;

use super::{audio_files::AudioFiles, claims::Claims, database::Database};
use crate::ext::disk::Disk;

pub(super) struct Shared {
    pub(super) database: Database,
}

impl Shared {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
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
}
