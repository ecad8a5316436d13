//! The audio file of an entry.

use std::{path::PathBuf, sync::Weak};

use super::{RequestHash, audio_files::StoredAudio, database::Urgency, facts::get, shared::Shared};

/// An audio file, and what must be in it.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) path: PathBuf,
    pub(crate) audio: StoredAudio,
    pub(super) hash: RequestHash,
    /// A speech must not keep its store open.
    pub(super) shared: Weak<Shared>,
}

impl StoredFile {
    /// Removes the file, whose content is wrong, so that later requests do not read it again.
    ///
    /// The file stays if it belongs to a newer speech, and if the store is closed, because another process may have it open.
    pub(crate) async fn remove(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        // Another call is about to replace the file.
        let Some(_keeping) = shared.audio().try_start_keeping(self.hash) else { return };
        let key = *self.hash.as_bytes();
        let record = shared.database.run(Urgency::Normal, move |transaction| get(transaction, &key)).await;
        if record.is_ok_and(|record| record.is_some_and(|record| record.audio.as_ref() == Some(&self.audio)))
            && let Err(error) = shared.audio().remove(self.hash).await
        {
            tracing::warn!(%error, "damaged audio in the store could not be removed");
        }
    }
}
