use std::{fmt, path::Path};

use super::{Audio, Error, SpeechTask, TaskId};
use crate::types::SpeechResult;

/// A finished speech: where its audio is, and what the server said of it.
#[derive(Clone)]
pub struct Speech {
    task: SpeechTask,
    result: SpeechResult,
}

impl Speech {
    pub(crate) fn new(task: SpeechTask, result: SpeechResult) -> Self {
        Self { task, result }
    }

    /// The id of its task: it brings the speech back, with a fresh address of the audio, by
    /// [`Client::task`](crate::Client::task).
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The server's reply, as its document has it.
    #[must_use]
    pub fn result(&self) -> &SpeechResult {
        &self.result
    }

    /// The audio; the first one, should there be several.
    ///
    /// # Errors
    ///
    /// [`is_download`](Error::is_download): the server gave no address, which its document allows, or one that isn't
    /// `https` or `http`. The task id is in the error: the address may come later.
    pub fn audio(&self) -> Result<Audio, Error> {
        self.audios().next().unwrap_or_else(|| {
            Err(Error::download("the speech is completed, but the server gave no address of its audio")
                .of_task(&self.id()))
        })
    }

    /// Every audio that has an address.
    pub fn audios(&self) -> impl Iterator<Item = Result<Audio, Error>> {
        let urls = self.result.results.iter().filter_map(|output| output.url.as_deref());
        urls.map(|url| Audio::new(&self.task, url))
    }

    /// Fetches the audio into a file: [`Audio::save`] of [`audio`](Self::audio).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.audio()?.save(path).await
    }
}

/// Without the addresses: whoever has one may have the audio.
impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech")
            .field("id", &self.task.id())
            .field("created", &self.result.created)
            .field("finished", &self.result.finished)
            .field("audios", &self.result.results.len())
            .finish_non_exhaustive()
    }
}
