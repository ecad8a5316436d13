//! Audio: resumable downloads, and files that are replaced atomically.

pub(crate) mod atomic_file;
mod download;

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use reqwest::Url;

use self::{atomic_file::AtomicFile, download::Download};
use super::{Error, SpeechTask, TaskId};

/// The most that is fetched, unless told otherwise: forty times the longest text that one request may hold.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The audio of a speech, not fetched yet.
///
/// Fetched as a [stream](Self::stream), as [bytes](Self::bytes) or into a [file](Self::save), each time anew. The API
/// key is not sent: the audio is on another host. A download that is cut goes on where it stopped, and its length is
/// checked against what the host announced.
///
/// ```no_run
/// # async fn run(speech: distribute_ai::Speech) -> Result<(), distribute_ai::Error> {
/// let audio = speech.audio()?.max_bytes(20 * 1024 * 1024);
/// println!("task {}: {}", audio.task_id(), audio.url());
///
/// let mut pieces = audio.stream();
/// while let Some(piece) = pieces.next().await {
///     println!("{} bytes more", piece?.len());
/// }
///
/// let bytes = audio.save("hello.wav").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Default
///
/// - `max_bytes`: 512 MiB
/// - [`save`](Self::save) waits until the disk has the file
#[derive(Clone)]
#[must_use = "nothing is fetched until `stream`, `bytes` or `save`"]
pub struct Audio {
    task: SpeechTask,
    url: Url,
    max_bytes: u64,
    sync: bool,
}

impl Audio {
    pub(crate) fn new(task: &SpeechTask, url: &str) -> Result<Self, Error> {
        let refused = |problem| Err(Error::download(problem).with_task_id(&task.id()));
        match Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "https" | "http") => {
                Ok(Self { task: task.clone(), url, max_bytes: MAX_BYTES, sync: true })
            }
            Ok(url) => {
                refused(format!("the address of the audio is no web address, but `{}:`", url.scheme()))
            }
            Err(_) => refused("the address of the audio can't be read".to_owned()),
        }
    }

    /// Where it is. Whoever has the address may have the audio; how long it is good for, the API does not say.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The task it came from.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.task.id()
    }

    /// The most to fetch, in bytes. If the host announces more, nothing is fetched; if it sends more without saying so,
    /// it ends there with an error.
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.max_bytes = limit;
        self
    }

    /// Doesn't wait for the disk in [`save`](Self::save), as curl and browsers don't: faster where the network is faster
    /// than the disk or the files are many.
    ///
    /// ```no_run
    /// # async fn run(speech: distribute_ai::Speech) -> Result<(), distribute_ai::Error> {
    /// speech.audio()?.without_sync().save("hello.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The file still appears whole or not at all if the process is killed. If the machine itself goes down within the
    /// next half minute or so, it may be there empty or cut: for audio that can be fetched again.
    pub fn without_sync(mut self) -> Self {
        self.sync = false;
        self
    }

    /// Fetches it piece by piece; nothing is kept.
    ///
    /// # Errors
    ///
    /// As an item, which is the last one: [`is_download`](Error::is_download), when the host refuses, sends more than
    /// it announced or than [`max_bytes`](Self::max_bytes), or fails five times in a row.
    pub fn stream(&self) -> AudioStream {
        let pieces = stream::unfold(Some((self.download(), self.task_id())), |state| async {
            let (mut download, id) = state?;
            match download.chunk().await {
                Ok(chunk) => Some((Ok(chunk?), Some((download, id)))),
                Err(error) => Some((Err(error.with_task_id(&id)), None)),
            }
        });
        AudioStream(Box::pin(pieces.fuse()))
    }

    /// Fetches it into memory.
    ///
    /// # Errors
    ///
    /// Those of [`stream`](Self::stream).
    pub async fn bytes(&self) -> Result<Bytes, Error> {
        let mut download = self.download();
        let mut all = BytesMut::new();
        while let Some(chunk) = download.chunk().await.map_err(|error| error.with_task_id(&self.task_id()))? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Fetches it into a file and returns its length in bytes. It appears whole or not at all: it is written beside its
    /// place and renamed at the end, and what stood there before stands until then. The disk has it before that, so that
    /// this holds if the machine goes down, too, unless it is told [not to wait](Self::without_sync). Should the process be killed, a
    /// hidden `.distribute-ai-….part` is left beside it, which may be deleted.
    ///
    /// # Errors
    ///
    /// - [`is_io`](Error::is_io): the path is a directory, its directory is missing, the disk is full
    /// - [`is_download`](Error::is_download): as for [`stream`](Self::stream)
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.save_to(path.as_ref().to_owned()).await.map_err(|error| error.with_task_id(&self.task_id()))
    }

    async fn save_to(&self, path: PathBuf) -> Result<u64, Error> {
        // Whatever is wrong with the path is said before anything is fetched.
        let file = AtomicFile::create(path).await?;
        let mut file = if self.sync { file } else { file.without_sync() };
        let mut download = self.download();
        while let Some(chunk) = download.chunk().await? {
            file.write(&chunk).await?;
        }
        file.finish().await
    }

    fn download(&self) -> Download {
        Download::new(self.task.client().clone(), self.url.clone(), self.max_bytes)
    }
}

/// Without what may open the address: its query, a user, a password.
impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = format!("{}{}", self.url.origin().ascii_serialization(), self.url.path());
        f.debug_struct("Audio").field("task", &self.task.id()).field("url", &place).finish_non_exhaustive()
    }
}

/// The pieces of an [`Audio`], as they come.
#[must_use = "streams do nothing unless polled"]
pub struct AudioStream(Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>);

impl AudioStream {
    /// The next piece, or nothing after the last one. Cancel safe: no piece is lost with the future.
    ///
    /// That of `StreamExt`, without the import.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for AudioStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioStream")
    }
}
