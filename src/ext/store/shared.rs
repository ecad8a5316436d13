//! The state that all handles of a directory share.

use std::path::Path;

use super::{audio_files::AudioFiles, claims::Claims, database::Database};

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) audio: AudioFiles,
}

impl Shared {
    pub(super) fn new(database: Database) -> Self {
        let audio = AudioFiles::new(database.directory().to_owned());
        Self { database, audio }
    }

    pub(super) fn claims(&self) -> &Claims {
        self.database.claims()
    }

    pub(super) fn directory(&self) -> &Path {
        self.database.directory()
    }
}
