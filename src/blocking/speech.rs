use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Audio, forward::forward, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechResult};

/// A finished speech: the URL of its audio, and the server's response.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let speech = client.speak("Hello from Rust.").run()?;
/// speech.save(std::env::temp_dir().join("hello.wav"))?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Speech`].
#[derive(Clone, Debug)]
pub struct Speech {
    inner: crate::Speech,
    runtime: Runtime,
}

impl Speech {
    pub(super) fn new(inner: crate::Speech, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::Speech";
        /// Returns the task id. [`Client::task`](super::Client::task) returns the speech again, with a new audio URL.
        get id() -> &TaskId;
        /// Returns the server's response, as the API documents it.
        get result() -> &SpeechResult;
        /// Returns the time at which the server accepted the task, by the server's clock.
        get created_at() -> Option<SystemTime>;
        /// Returns the time at which the server finished the task, by the server's clock.
        get finished_at() -> Option<SystemTime>;
        /// Returns the time that the server needed, from [`created_at`](Self::created_at) to
        /// [`finished_at`](Self::finished_at).
        get server_time() -> Option<Duration>;
    }

    /// Returns the audio, or the first audio if there are several.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`crate::Speech::audio`].
    pub fn audio(&self) -> Result<Audio, Error> {
        Ok(Audio::new(self.inner.audio()?, self.runtime.clone()))
    }

    /// Returns every audio that has a URL.
    ///
    /// See [`crate::Speech::audios`].
    pub fn audios(&self) -> impl Iterator<Item = Result<Audio, Error>> {
        self.inner.audios().map(|audio| Ok(Audio::new(audio?, self.runtime.clone())))
    }

    /// Returns the duration of the audio, from the audio itself.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`audio`](Self::audio) and [`Audio::duration`].
    pub fn duration(&self) -> Result<Duration, Error> {
        self.audio()?.duration()
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
