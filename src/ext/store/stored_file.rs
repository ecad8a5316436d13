//! The audio file of an entry.

use std::path::PathBuf;

use super::{RequestHash, audio_files::StoredAudio, database::WeakDatabase, facts::read};

/// An audio file, and what must be in it.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) path: PathBuf,
    pub(crate) audio: StoredAudio,
    pub(super) hash: RequestHash,
    /// A speech must not keep its store open.
    pub(super) database: WeakDatabase,
}

impl StoredFile {
    /// Removes the file, whose content is wrong, so that later requests do not read it again.
    ///
    /// The file stays if it belongs to a newer speech, and if the store is closed, because another process may have it open.
    pub(crate) async fn remove(&self) {
        let Some(database) = self.database.upgrade() else { return };
        // Another call is about to replace the file.
        let Some(_unclaimed) = database.audio().keeping.try_unclaimed(self.hash) else { return };
        let record = read(&database, self.hash).await;
        if record.is_ok_and(|record| record.is_some_and(|record| record.audio.as_ref() == Some(&self.audio)))
            && let Err(error) = database.audio().remove(self.hash).await
        {
            tracing::warn!(?error, "damaged audio in the store could not be removed");
        }
    }
}
