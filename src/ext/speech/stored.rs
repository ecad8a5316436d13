//! The link between a task and its entry in a store: the entry is read before the wait, and written at the end.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout_at};

use crate::{
    Client, Error, Speech, SpeechTask,
    ext::{
        polling::{poller::Polled, status::TaskPhase},
        store::{
            handle::{EntryHandle, StoredSpeech},
            stored_file::StoredFile,
        },
        transport::instant::saturating_add,
    },
    pacing::CompletedTask,
    types::KnownStatus,
};

/// The time after the deadline of a wait in which the audio of its speech may still be kept.
///
/// The response to the last poll may use two seconds of it.
const KEEP_GRACE: Duration = Duration::from_secs(5);

impl SpeechTask {
    /// Teaches the poll policy how long the last tasks took, by the store. Once is enough for each client.
    pub(crate) async fn learn_from_store(&self) {
        if let Some(entry) = self.entry() {
            entry.teach(&self.client().inner().policy).await;
        }
    }

    /// Returns the speech if its audio is in the store.
    pub(crate) async fn find_stored(&self) -> Option<Speech> {
        Some(Speech::stored(self.client().clone(), self.find_audio(self.entry()?).await?))
    }

    async fn find_audio(&self, entry: &EntryHandle) -> Option<StoredSpeech> {
        entry.find_audio(self.id()).await.unwrap_or_else(|error| {
            // Polling is free and does not need the store.
            tracing::warn!(task = self.id().printable(), ?error, "store not readable");
            None
        })
    }

    /// Returns the outcome of the task and records it, if the result is final.
    pub(crate) async fn outcome(&self, polled: Polled, deadline: Instant) -> Option<Result<Speech, Error>> {
        match polled.result.status.phase() {
            TaskPhase::Completed => Some(Ok(self.complete(polled, deadline).await)),
            TaskPhase::Failed => Some(Err(self.fail())),
            TaskPhase::Waiting | TaskPhase::Running => None,
        }
    }

    /// Returns the speech of a finished task. With a store, keeps its audio there.
    ///
    /// If that takes longer than the deadline of the wait allows, the speech is returned without it.
    pub(crate) async fn complete(&self, polled: Polled, deadline: Instant) -> Speech {
        let Polled { result, completed } = polled;
        let speech = Speech::new(self.client().clone(), self.id().clone(), result);
        let Some(entry) = self.entry().cloned() else { return speech };
        let keep = self.keep(&entry, &speech, completed);
        let Ok(kept) = timeout_at(saturating_add(deadline, KEEP_GRACE), keep).await else {
            tracing::warn!(task = self.id().printable(), "audio not kept in the store before the deadline");
            entry.finished(speech.id(), speech.result(), None, completed);
            return speech;
        };
        speech.with_file(kept)
    }

    /// Keeps the audio of a speech and records it, unless another wait for the task was faster. Returns the file.
    async fn keep(
        &self,
        entry: &EntryHandle,
        speech: &Speech,
        completed: Option<CompletedTask>,
    ) -> Option<StoredFile> {
        let _keeping = entry.start_keeping().await;
        if let Some(stored) = self.find_audio(entry).await {
            return stored.file;
        }
        let may_keep = entry.keeps_audio() && entry.may_keep(self.id()).await;
        let audio = if may_keep { speech.keep_audio(entry).await } else { None };
        entry.finished(speech.id(), speech.result(), audio.clone(), completed);
        audio.map(|audio| entry.audio_file(audio))
    }

    /// Records that the task has failed, and returns the error.
    fn fail(&self) -> Error {
        if let Some(entry) = self.entry() {
            entry.failed(self.id());
        }
        self.explain(Error::failed().with_task_id(self.id()))
    }

    /// Adds to the error of a poll or a wait what to do about the entry.
    pub(crate) fn explain(&self, error: Error) -> Error {
        self.entry().map_or(error.clone(), |entry| entry.explain(error))
    }
}

impl Speech {
    /// Returns a speech that was finished earlier, without asking the server.
    pub(crate) fn stored(client: Client, stored: StoredSpeech) -> Self {
        let StoredSpeech { id, created, finished, file } = stored;
        let result = json!({
            "id": id.as_str(),
            "status": KnownStatus::Completed,
            "created": created,
            "finished": finished,
        });
        let result = serde_json::from_value(result).expect("a result needs an id and a status only");
        Self::new(client, id, result).with_file(file)
    }
}
