use std::{fmt, path::Path};

use bytes::Bytes;

use super::runtime::Runtime;
use crate::{Error, TaskId};

/// The audio of a speech, which is not downloaded yet.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let speech = client.speak("Hello from Rust.").wait()?;
/// let audio = speech.audio()?.max_bytes(20 * 1024 * 1024);
/// println!("task {}: {}", audio.id(), audio.url());
///
/// for chunk in audio.stream() {
///     println!("{} more bytes", chunk?.len());
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Audio`]. Each call of
/// [`stream`](Self::stream), [`bytes`](Self::bytes) or [`save`](Self::save) downloads the audio. An
/// interrupted download is resumed, and its length is checked.
#[derive(Clone, Debug)]
#[must_use = "nothing is downloaded until `stream`, `bytes` or `save` is called"]
pub struct Audio {
    audio: crate::Audio,
    runtime: Runtime,
}

impl Audio {
    pub(super) fn new(audio: crate::Audio, runtime: Runtime) -> Self {
        Self { audio, runtime }
    }

    /// Returns the URL of the audio.
    ///
    /// Anyone who has the URL may be able to download the audio. The API does not document how long
    /// the URL is valid.
    #[must_use]
    pub fn url(&self) -> &str {
        self.audio.url()
    }

    /// Returns the id of the task that produced the audio.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        self.audio.id()
    }

    /// Sets the maximum size of the download, in bytes.
    ///
    /// The default is 512 MiB. See [`crate::Audio::max_bytes`].
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.audio = self.audio.max_bytes(limit);
        self
    }

    /// Makes [`save`](Self::save) return before the file is on disk, as curl and browsers do.
    ///
    /// See [`crate::Audio::without_sync`].
    pub fn without_sync(mut self) -> Self {
        self.audio = self.audio.without_sync();
        self
    }

    /// Downloads the audio in chunks, without keeping the whole audio in memory.
    ///
    /// # Errors
    ///
    /// An error is the last item of the iterator:
    /// - [`is_invalid`](Error::is_invalid): `next` was called in an async task
    /// - the errors of [`crate::Audio::stream`]
    pub fn stream(&self) -> AudioStream {
        AudioStream {
            id: self.id().clone(),
            chunks: Some(self.audio.stream()),
            runtime: self.runtime.clone(),
        }
    }

    /// Downloads the audio into memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream).
    pub fn bytes(&self) -> Result<Bytes, Error> {
        let audio = self.audio.clone();
        let bytes = self.runtime.run(async move { audio.bytes().await });
        bytes.map_err(|error| error.with_task_id(self.id()))
    }

    /// Downloads the audio to a file and returns its length in bytes.
    ///
    /// The file appears only when it is complete. See [`crate::Audio::save`].
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Audio::save`]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let (audio, path) = (self.audio.clone(), path.as_ref().to_owned());
        let saved = self.runtime.run(async move { audio.save(path).await });
        saved.map_err(|error| error.with_task_id(self.id()))
    }
}

/// An iterator over the chunks of an [`Audio`]. `next` blocks until the next chunk arrives.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct AudioStream {
    id: TaskId,
    chunks: Option<crate::AudioStream>,
    runtime: Runtime,
}

impl Iterator for AudioStream {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.runtime.next(&mut self.chunks)?.map_err(|error| error.with_task_id(&self.id)))
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioStream")
    }
}
