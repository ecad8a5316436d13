use std::{fmt, path::Path};

use bytes::Bytes;

use super::runtime::Runtime;
use crate::{Error, TaskId};

/// The audio of a speech, not fetched yet.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let speech = client.speak("Hello from Rust.").wait()?;
/// let audio = speech.audio()?.max_bytes(20 * 1024 * 1024);
/// println!("task {}: {}", audio.task_id(), audio.url());
///
/// for piece in audio.stream() {
///     println!("{} bytes more", piece?.len());
/// }
/// # Ok(()) }
/// ```
///
/// It is [`crate::Audio`] otherwise, with [`save`](Self::save) and [`bytes`](Self::bytes): fetched each time anew, resumed after a cut, and checked.
#[derive(Clone, Debug)]
#[must_use = "nothing is fetched until `stream`, `bytes` or `save`"]
pub struct Audio {
    audio: crate::Audio,
    runtime: Runtime,
}

impl Audio {
    pub(super) fn new(audio: crate::Audio, runtime: Runtime) -> Self {
        Self { audio, runtime }
    }

    /// Where it is. Whoever has the address may have the audio; how long it is good for, the API does not say.
    #[must_use]
    pub fn url(&self) -> &str {
        self.audio.url()
    }

    /// The task it came from.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.audio.task_id()
    }

    /// The most to fetch, in bytes; 512 MiB unless set. See [`crate::Audio::max_bytes`].
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.audio = self.audio.max_bytes(limit);
        self
    }

    /// Doesn't wait for the disk in [`save`](Self::save). See [`crate::Audio::without_sync`].
    pub fn without_sync(mut self) -> Self {
        self.audio = self.audio.without_sync();
        self
    }

    /// Fetches it piece by piece; nothing is kept.
    ///
    /// # Errors
    ///
    /// As an item, which is the last one: those of [`crate::Audio::stream`]; [`is_invalid`](Error::is_invalid) within an
    /// async runtime.
    pub fn stream(&self) -> AudioStream {
        AudioStream { id: self.task_id(), pieces: Some(self.audio.stream()), runtime: self.runtime.clone() }
    }

    /// Fetches it into memory.
    ///
    /// # Errors
    ///
    /// Those of [`stream`](Self::stream).
    pub fn bytes(&self) -> Result<Bytes, Error> {
        self.runtime.run(self.audio.bytes()).map_err(|error| error.with_task_id(&self.task_id()))
    }

    /// Fetches it into a file, whole or not at all, and returns its length in bytes: [`crate::Audio::save`].
    ///
    /// # Errors
    ///
    /// Those of [`crate::Audio::save`]; [`is_invalid`](Error::is_invalid) within an async runtime.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.runtime.run(self.audio.save(path)).map_err(|error| error.with_task_id(&self.task_id()))
    }
}

/// The pieces of an [`Audio`], as they come: `next` returns with the next one.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct AudioStream {
    id: TaskId,
    pieces: Option<crate::AudioStream>,
    runtime: Runtime,
}

impl Iterator for AudioStream {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.runtime.next(&mut self.pieces)?.map_err(|error| error.with_task_id(&self.id)))
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioStream")
    }
}
