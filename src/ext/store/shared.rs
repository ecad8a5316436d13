//! The state that all handles of a directory share.

use std::path::Path;

use super::{audio_files::AudioFiles, claims::Claims, database::Database};
use crate::ext::disk::Disk;

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) audio: AudioFiles,
}

impl Shared {
    pub(super) fn new(database: Database) -> Self {
        let audio = AudioFiles::new(database.disk().clone(), database.directory().to_owned());
        Self { database, audio }
    }

    pub(super) fn claims(&self) -> &Claims {
        self.database.claims()
    }

    pub(super) fn disk(&self) -> &Disk {
        self.database.disk()
    }

    pub(super) fn directory(&self) -> &Path {
        self.database.directory()
    }
}
