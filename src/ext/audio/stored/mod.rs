//! Audio in a store: written there, and read from there.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::{
    Audio,
    atomic_file::AtomicFile,
    download::{Download, Part, too_large},
    host::{AudioHost, PendingUrl},
    wav::{format::Format, reader::Reader},
};
use crate::{
    Client, Error, TaskId,
    ext::{
        disk::{Access, OpenFile},
        store::{audio_files::StoredAudio, handle::EntryHandle, stored_file::StoredFile},
    },
};

/// The number of bytes that are read at a time.
const CHUNK_BYTES: usize = 128 * 1024;

/// The parts of audio, from a store or from its host.
pub(super) enum Parts {
    Host(Box<Download<AudioHost>>),
    Store(Box<StoreReader>),
}

impl Parts {
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Error> {
        let reader = match self {
            Self::Host(download) => return download.next().await,
            Self::Store(reader) => reader,
        };
        let (size, max_bytes) = (reader.file.audio.bytes, reader.audio.max_bytes);
        if size > max_bytes {
            return Err(too_large(size, max_bytes));
        }
        let problem = match reader.next().await {
            Ok(part) => return Ok(part.map(Part::Audio)),
            Err(problem) => problem,
        };
        let path = reader.file.path.display();
        match problem {
            ReadProblem::ReadFailed(error) => {
                tracing::warn!(%path, %error, "audio in the store could not be read, downloading it again");
            }
            ReadProblem::Wrong(problem) => {
                tracing::warn!(%path, problem, "audio in the store is damaged or replaced, downloading it again");
                reader.file.remove().await;
            }
        }
        let was_read = reader.bytes > 0;
        let mut download = reader.audio.download_from(None);
        let part = if was_read { Some(Part::Restart) } else { download.next().await? };
        *self = Self::Host(Box::new(download));
        Ok(part)
    }
}

/// Why a file of a store does not return its audio.
enum ReadProblem {
    /// The file may be intact.
    ReadFailed(io::Error),
    /// The file has another length or content.
    Wrong(&'static str),
}

impl From<io::Error> for ReadProblem {
    fn from(error: io::Error) -> Self {
        Self::ReadFailed(error)
    }
}

pub(super) struct StoreReader {
    audio: Audio,
    file: StoredFile,
    /// `None` before the first read.
    opened: Option<Arc<dyn OpenFile>>,
    bytes: u64,
    hash: Sha256,
}

impl StoreReader {
    pub(super) fn new(audio: Audio, file: StoredFile) -> Self {
        Self { audio, file, opened: None, bytes: 0, hash: Sha256::new() }
    }

    /// Returns the next bytes, or `None` at the end if the content is as it was written.
    async fn next(&mut self) -> Result<Option<Bytes>, ReadProblem> {
        let (disk, path, opened) =
            (self.audio.client.inner().disk.clone(), self.file.path.clone(), self.opened.clone());
        let (files, offset) = (disk.clone(), self.bytes);
        let read = disk.run(move || {
            let file = opened.map_or_else(|| files.open(&path, Access::Read), Ok)?;
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read_at(offset, &mut chunk)?;
            chunk.truncate(length);
            Ok::<_, io::Error>((file, chunk))
        });
        let (file, chunk) = read.await.map_err(io::Error::from)??;
        self.opened = Some(file);
        let length = chunk.len();
        self.bytes += length as u64;
        self.hash.update(&chunk);
        let StoredAudio { bytes, sha256, .. } = &self.file.audio;
        if self.bytes > *bytes {
            return Err(ReadProblem::Wrong("the file is too long"));
        }
        if length == 0 {
            let found = hex(std::mem::take(&mut self.hash));
            return if found == *sha256 {
                Ok(None)
            } else {
                Err(ReadProblem::Wrong("the file has another content"))
            };
        }
        Ok(Some(chunk.into()))
    }
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Audio {
    /// Returns the audio of a file in a store. If the file is missing or damaged, the audio of the task is downloaded.
    pub(crate) fn stored(
        client: Client,
        id: TaskId,
        file: StoredFile,
        refresh: impl Fn() -> PendingUrl + Send + Sync + 'static,
    ) -> Self {
        // The path of a store is absolute. The URL is for the user only.
        let url = Url::from_file_path(&file.path).unwrap_or_else(|()| Url::parse("file:///").expect("a URL"));
        Self { file: Some(file), ..Self::from_parts(client, id, url, refresh) }
    }

    /// Downloads the audio to a store.
    pub(crate) async fn keep_in(&self, entry: &EntryHandle) -> Result<StoredAudio, Error> {
        let _permit = entry.start_download().await;
        let mut file = AtomicFile::create_private(&self.client.inner().disk, entry.audio_path()).await?;
        let mut parts = self.parts();
        let (mut hash, mut duration) = (Sha256::new(), DurationReader::default());
        while let Some(part) = parts.next().await? {
            match part {
                Part::Audio(chunk) => {
                    hash.update(&chunk);
                    duration.push(&chunk);
                    file.write(chunk).await?;
                }
                Part::Restart => {
                    file.truncate(0).await?;
                    (hash, duration) = (Sha256::new(), DurationReader::default());
                }
            }
        }
        let bytes = file.finish().await?;
        entry.on_audio_saved(bytes).await;
        Ok(StoredAudio { bytes, sha256: hex(hash), seconds: duration.seconds() })
    }

    /// Returns the duration of the audio, rounded to nanoseconds.
    ///
    /// If the header of the WAV file tells its length, only the first chunk is downloaded. Otherwise, the whole audio is.
    /// The duration of audio in a [store](crate::store::Store) is known without reading it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let speech = client.speak("Hello from Rust, at some length.").await?;
    /// println!("{:.1?}", speech.audio()?.duration().await?);
    /// # assert_eq!(speech.duration().await?.as_millis(), 1_920);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_download`](Error::is_download): the audio is not a WAV file of a supported format, or cannot be downloaded, as
    ///   in [`stream`](Self::stream)
    pub async fn duration(&self) -> Result<Duration, Error> {
        if let Some(seconds) = self.file.as_ref().and_then(|file| file.audio.seconds) {
            return Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
        let (mut parts, mut duration) = (self.parts(), DurationReader::default());
        let with_id = |error: Error| error.with_task_id(&self.id);
        while let Some(part) = parts.next().await.map_err(with_id)? {
            match part {
                Part::Audio(chunk) => duration.push(&chunk),
                Part::Restart => duration = DurationReader::default(),
            }
            if let Some(seconds) = duration.announced_seconds() {
                return Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            }
        }
        let seconds = duration.seconds().ok_or_else(|| {
            with_id(Error::download(
                "audio is not a WAV file of a supported format, expected one for its duration",
            ))
        })?;
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }

    pub(super) fn parts(&self) -> Parts {
        match self.file.clone() {
            Some(file) => Parts::Store(Box::new(StoreReader::new(self.clone(), file))),
            None => Parts::Host(Box::new(self.download_from(Some(self.url.clone())))),
        }
    }
}

fn seconds(bytes: u64, format: Format) -> f64 {
    let frames = bytes / format.frame_bytes() as u64;
    #[expect(clippy::cast_precision_loss, reason = "a speech has fewer than 2^52 frames")]
    let frames = frames as f64;
    frames / f64::from(format.sample_rate)
}

/// Adds up the duration of a WAV file while it arrives.
#[derive(Default)]
pub(super) struct DurationReader {
    reader: Reader,
    bytes: u64,
    is_invalid: bool,
}

impl DurationReader {
    pub(super) fn push(&mut self, chunk: &Bytes) {
        match self.reader.push(chunk) {
            Ok(audio) => self.bytes += audio.iter().map(|bytes| bytes.len() as u64).sum::<u64>(),
            Err(_) => self.is_invalid = true,
        }
    }

    /// Returns the duration that the header tells, if it does and the audio has started.
    fn announced_seconds(&self) -> Option<f64> {
        let outstanding = self.reader.outstanding_bytes();
        let format = self.reader.format().filter(|_| !self.is_invalid && outstanding > 0)?;
        Some(seconds(self.bytes + outstanding, format))
    }

    /// Returns the duration of the audio so far.
    pub(super) fn seconds(self) -> Option<f64> {
        let format = self.reader.format().filter(|_| !self.is_invalid)?;
        let rest: usize = self.reader.finish().ok()?.iter().map(Bytes::len).sum();
        Some(seconds(self.bytes + rest as u64, format))
    }
}

#[cfg(test)]
mod tests;
