//! What a store knows about a task, and what it is told when the task ends.

use serde_json::json;

use crate::{
    Error, Speech, SpeechTask,
    ext::store::handle::StoredSpeech,
    types::{KnownStatus, SpeechResult},
};

impl SpeechTask {
    /// Returns the speech if its audio is in the store.
    pub(crate) async fn find_stored(&self) -> Option<Speech> {
        match self.entry()?.find_audio(self.id()).await {
            Ok(stored) => stored.map(|stored| Speech::stored(self.clone(), stored)),
            Err(error) => {
                // Polling is free and does not need the store.
                tracing::warn!(task = self.id().printable(), %error, "store not readable, polling the task");
                None
            }
        }
    }

    /// Returns the speech of a finished task. With a store, keeps its audio there.
    pub(crate) async fn complete(self, result: SpeechResult) -> Speech {
        let Some(entry) = self.entry().cloned() else { return Speech::new(self, result) };
        let _keeping = entry.start_keeping().await;
        // Another wait for the same task may have been faster.
        if let Some(speech) = self.find_stored().await {
            return speech;
        }
        let may_keep = entry.keeps_audio() && entry.may_keep(self.id()).await;
        let speech = Speech::new(self, result);
        let kept = if may_keep { speech.keep_audio(&entry).await } else { None };
        entry.finished(speech.id(), speech.result(), kept.clone());
        match kept {
            Some(audio) => speech.with_file(entry.audio_file(audio)),
            None => speech,
        }
    }

    /// Records that the task has failed, and returns the error.
    pub(crate) fn fail(&self) -> Error {
        if let Some(entry) = self.entry() {
            entry.failed(self.id());
        }
        Error::failed().with_task_id(self.id())
    }

    /// Adds to the error of a wait what to do about the entry.
    pub(crate) fn explain(&self, error: Error) -> Error {
        self.entry().map_or(error.clone(), |entry| entry.explain(error))
    }
}

impl Speech {
    /// Returns a speech that was finished earlier, without asking the server.
    pub(crate) fn stored(task: SpeechTask, stored: StoredSpeech) -> Self {
        let StoredSpeech { id, created, finished, file } = stored;
        let result = json!({
            "id": id.as_str(),
            "status": KnownStatus::Completed,
            "created": created,
            "finished": finished,
        });
        let result = serde_json::from_value(result).expect("a result needs an id and a status only");
        let speech = Self::new(task, result);
        match file {
            Some(file) => speech.with_file(file),
            None => speech,
        }
    }
}
