use std::{fmt, path::Path, time::Duration};

use bytes::Bytes;

use super::{forward::forward, runtime::Runtime};
use crate::{Error, TaskId};

/// The audio of a speech, which is not downloaded yet.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let speech = client.speak("Hello from Rust.").run()?;
/// let audio = speech.audio()?.max_bytes(20 * 1024 * 1024);
/// println!("task {}: {}", audio.id(), audio.url());
///
/// for chunk in audio.stream() {
///     println!("{} more bytes", chunk?.len());
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Audio`].
#[derive(Clone, Debug)]
#[must_use = "nothing is downloaded until `stream`, `bytes` or `save` is called"]
pub struct Audio {
    inner: crate::Audio,
    runtime: Runtime,
}

impl Audio {
    pub(super) fn new(inner: crate::Audio, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::Audio";
        /// Returns the URL of the audio. Anyone who has the URL may be able to download the audio.
        get url() -> &str;
        /// Returns the id of the task that produced the audio.
        get id() -> &TaskId;
        /// Sets the maximum size of the download, in bytes. The default is 512 MiB.
        set max_bytes(limit: u64);
        /// Sets whether [`save`](Self::save) waits until the file is on disk. The default is `true`.
        set sync(sync: bool);
    }

    /// Downloads the audio in chunks, without keeping the whole audio in memory.
    ///
    /// # Errors
    ///
    /// An error is the last item of the iterator:
    /// - [`is_invalid`](Error::is_invalid): `next` was called in an async task
    /// - the errors of [`crate::Audio::stream`]
    pub fn stream(&self) -> AudioStream {
        AudioStream { id: self.id().clone(), inner: Some(self.inner.stream()), runtime: self.runtime.clone() }
    }

    /// Returns the duration of the audio, rounded to nanoseconds.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Audio::duration`]
    pub fn duration(&self) -> Result<Duration, Error> {
        let audio = self.inner.clone();
        self.runtime.run_for(self.id(), async move { audio.duration().await })
    }

    /// Downloads the audio into memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream).
    pub fn bytes(&self) -> Result<Bytes, Error> {
        let audio = self.inner.clone();
        self.runtime.run_for(self.id(), async move { audio.bytes().await })
    }

    /// Downloads the audio to a file and returns its length in bytes.
    ///
    /// The file appears only when it is complete.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Audio::save`]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let (audio, path) = (self.inner.clone(), path.as_ref().to_owned());
        self.runtime.run_for(self.id(), async move { audio.save(path).await })
    }
}

/// An iterator over the chunks of an [`Audio`]. `next` blocks until the next chunk arrives.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct AudioStream {
    id: TaskId,
    inner: Option<crate::AudioStream>,
    runtime: Runtime,
}

impl Iterator for AudioStream {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.runtime.next(&mut self.inner)?.map_err(|error| error.with_task_id(&self.id)))
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioStream")
    }
}
