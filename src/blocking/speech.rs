use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Audio, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechResult};

/// A finished speech: where its audio is, and what the server said of it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let speech = client.speak("Hello from Rust.").wait()?;
/// speech.save(std::env::temp_dir().join("hello.wav"))?;
/// # Ok(()) }
/// ```
///
/// It is [`crate::Speech`] otherwise.
#[derive(Clone, Debug)]
pub struct Speech {
    speech: crate::Speech,
    runtime: Runtime,
}

impl Speech {
    pub(super) fn new(speech: crate::Speech, runtime: Runtime) -> Self {
        Self { speech, runtime }
    }

    /// The id of its task: it brings the speech back, with a fresh address of the audio.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.speech.id()
    }

    /// The server's reply, as its document has it.
    #[must_use]
    pub fn result(&self) -> &SpeechResult {
        self.speech.result()
    }

    /// When the server took the task, by its own clock: [`crate::Speech::created_at`].
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.speech.created_at()
    }

    /// When the server finished it, by its own clock: [`crate::Speech::finished_at`].
    #[must_use]
    pub fn finished_at(&self) -> Option<SystemTime> {
        self.speech.finished_at()
    }

    /// How long it took the server: [`crate::Speech::server_time`].
    #[must_use]
    pub fn server_time(&self) -> Option<Duration> {
        self.speech.server_time()
    }

    /// The audio; the first one, should there be several.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Speech::audio`].
    pub fn audio(&self) -> Result<Audio, Error> {
        Ok(Audio::new(self.speech.audio()?, self.runtime.clone()))
    }

    /// Every audio that has an address: [`crate::Speech::audios`].
    pub fn audios(&self) -> impl Iterator<Item = Result<Audio, Error>> {
        self.speech.audios().map(|audio| Ok(Audio::new(audio?, self.runtime.clone())))
    }

    /// Fetches the audio into a file: [`Audio::save`] of [`audio`](Self::audio).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.audio()?.save(path)
    }
}
