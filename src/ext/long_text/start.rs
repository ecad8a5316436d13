//! Starts a long text: opens its files and its store.

use std::path::Path;

use futures_util::stream;
use tokio::sync::mpsc;

use super::{
    InPieces,
    job::Job,
    narration::Narration,
    outputs::TextFiles,
    paths::{check_paths, refuse_journal, store_path},
    recording::Recording,
    wav::joiner::WavJoiner,
};
use crate::{
    Error,
    ext::{
        batch::{config::Config, least_bill},
        store::{Store, StoreSettings},
    },
};

impl InPieces {
    /// Speaks the text, writes the audio to a file, and returns where each part of the text is in the file.
    ///
    /// If the future is dropped early, no further piece is submitted, and each file is complete or unchanged. The
    /// store contains the pieces that were submitted. Use [`start`](Self::start) to watch the
    /// progress, or to stop before the program ends.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`InPieces`](Self#errors).
    pub async fn save(self, path: impl AsRef<Path>) -> Result<Recording, Error> {
        self.start(path).await?.await
    }

    /// Validates the settings, opens the file and the store, and returns the narration.
    ///
    /// Nothing is sent until the [`Narration`] is awaited.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`InPieces`](Self#errors) that occur before anything is sent.
    pub async fn start(self, path: impl AsRef<Path>) -> Result<Narration, Error> {
        let path = path.as_ref();
        let store =
            self.config.store.clone().or_else(|| self.speak.client().store().map(StoreSettings::from));
        // Otherwise, the store exists only until the file is complete.
        let is_temporary = store.is_none();
        let store = store.unwrap_or_else(|| Store::at(store_path(path)).keep_audio(false));
        let disk = &self.speak.client().inner().disk;
        let (subtitles, chapters) = (self.subtitles.as_deref(), self.chapters.as_deref());
        check_paths(disk, path, store.directory(), subtitles, chapters).await?;
        if is_temporary {
            refuse_journal(disk, path)?;
            self.refuse_redo_of_everything(&store)?;
        }
        let least_bill = least_bill(Some(&store), self.speak.client());
        self.open(path, store, is_temporary).await.map_err(|error| error.billed_at_least(least_bill))
    }

    async fn open(
        mut self,
        path: &Path,
        store: StoreSettings,
        is_temporary: bool,
    ) -> Result<Narration, Error> {
        let (splitter, headings) = self.split_checked()?;
        self.redo_equal_pieces(&splitter);
        let disk = &self.speak.client().inner().disk;
        let (subtitles, chapters) = (self.subtitles.as_deref(), self.chapters.as_deref());
        let text_files = TextFiles::create(disk, subtitles, chapters, headings).await?;
        let file = WavJoiner::create(disk, path).await?;
        let (requests, received) = mpsc::unbounded_channel();
        let received =
            stream::unfold(received, async |mut received| Some((received.recv().await?, received)));
        // The job limits the pieces in flight: it sends the batch at most `max_in_flight` requests.
        let batch = self.speak.client().batch_stream(received);
        let config = Config { store: Some(store), is_long_text: true, ..self.config.clone() };
        let (results, store) = batch.with_config(config).run_with_store().await?;
        let store = store.expect("the batch has a store");
        self.refuse_redo_without_entries(&store, splitter.clone()).await?;
        let job = Job::new(self, splitter, store, file);
        Ok(Narration::new(job, requests, results, text_files, is_temporary))
    }
}
