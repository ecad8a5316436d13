use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Audio, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechResult};

/// A finished speech: the URL of its audio, and the server's response.
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
/// This type is the blocking counterpart of [`crate::Speech`].
#[derive(Clone, Debug)]
pub struct Speech {
    speech: crate::Speech,
    runtime: Runtime,
}

impl Speech {
    pub(super) fn new(speech: crate::Speech, runtime: Runtime) -> Self {
        Self { speech, runtime }
    }

    /// Returns the task id.
    ///
    /// Pass the id to [`Client::task`](super::Client::task) to get the speech again, with a new
    /// audio URL.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        self.speech.id()
    }

    /// Returns the server's response, as the API documents it.
    #[must_use]
    pub fn result(&self) -> &SpeechResult {
        self.speech.result()
    }

    /// Returns the time at which the server accepted the task, by the server's clock.
    ///
    /// See [`crate::Speech::created_at`].
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.speech.created_at()
    }

    /// Returns the time at which the server finished the task, by the server's clock.
    ///
    /// See [`crate::Speech::finished_at`].
    #[must_use]
    pub fn finished_at(&self) -> Option<SystemTime> {
        self.speech.finished_at()
    }

    /// Returns the time that the server needed, from [`created_at`](Self::created_at) to
    /// [`finished_at`](Self::finished_at).
    ///
    /// See [`crate::Speech::server_time`].
    #[must_use]
    pub fn server_time(&self) -> Option<Duration> {
        self.speech.server_time()
    }

    /// Returns the audio, or the first audio if there are several.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`crate::Speech::audio`].
    pub fn audio(&self) -> Result<Audio, Error> {
        Ok(Audio::new(self.speech.audio()?, self.runtime.clone()))
    }

    /// Returns every audio that has a URL.
    ///
    /// See [`crate::Speech::audios`].
    pub fn audios(&self) -> impl Iterator<Item = Result<Audio, Error>> {
        self.speech.audios().map(|audio| Ok(Audio::new(audio?, self.runtime.clone())))
    }

    /// Downloads the audio to a file and returns its length in bytes.
    ///
    /// Equivalent to calling [`audio`](Self::audio), then [`Audio::save`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`audio`](Self::audio) and [`Audio::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.audio()?.save(path)
    }
}
