//! Audio: resumable downloads and atomic file replacement.

pub(crate) mod atomic_file;
mod download;
mod fingerprint;
mod head;
mod host;
mod rate;
mod response;
mod stored;
pub(crate) mod temp_file;
pub(crate) mod wav;

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use reqwest::Url;

pub(crate) use self::download::Part;
use self::{
    atomic_file::AtomicFile,
    download::{Download, Limits},
    host::{AudioHost, PendingUrl, Refresh},
};
use crate::{Client, Error, TaskId, ext::store::stored_file::StoredFile};

/// The default limit of a download: forty times the audio of the longest text that one request may contain.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The audio of a speech.
///
/// You can read it as a [stream](Self::stream), as [bytes](Self::bytes), or to a [file](Self::save). Each call downloads
/// the audio, or reads it from the [store](crate::store::Store), if it is there. The API key is not sent, because the
/// audio is on another host.
///
/// ```no_run
/// # async fn run(speech: distribute_ai::Speech) -> Result<(), distribute_ai::Error> {
/// let audio = speech.audio()?.max_bytes(20 * 1024 * 1024);
/// println!("task {}: {}", audio.id(), audio.url());
///
/// let mut chunks = audio.stream();
/// while let Some(chunk) = chunks.next().await {
///     println!("received {} bytes", chunk?.len());
/// }
///
/// let bytes = audio.save("hello.wav").await?;
/// # Ok(())
/// # }
/// ```
///
/// An interrupted download is resumed. If the host cannot send the missing bytes, it is asked for the whole
/// audio again. A change of the audio in between is detected by `ETag`, `Last-Modified` and the length. If the host
/// sends none of them, the missing bytes may be those of another version. If the host rejects the URL with a 4xx status, the task is polled for a new URL once, which is
/// free. A download may take as long as it keeps a [minimum rate](crate::ClientBuilder::min_download_rate).
///
/// The download is complete if all bytes have arrived that the host announced, or if HTTP marked the end. Without
/// either, a lost connection looks like the end. Then the length in the header of a WAV file decides. For
/// other formats, and for a WAV file whose encoder did not know the length, a truncated audio is not
/// detected. A body that is an HTML, XML or JSON page is an error.
///
/// Which hosts are contacted: see
/// [`allow_http`](crate::ClientBuilder::allow_http) and
/// [`allow_private_audio_hosts`](crate::ClientBuilder::allow_private_audio_hosts).
///
/// # Default
///
/// - `max_bytes`: 512 MiB
/// - `sync`: true, [`save`](Self::save) waits until the file is on disk
#[derive(Clone)]
#[must_use = "nothing is downloaded until `stream`, `bytes` or `save` is called"]
pub struct Audio {
    client: Client,
    id: TaskId,
    url: Url,
    /// Polls the task for a new URL.
    refresh: Refresh,
    max_bytes: u64,
    patience: Duration,
    sync: bool,
    /// The file in a store, which is read instead of the URL.
    file: Option<StoredFile>,
}

impl Audio {
    pub(crate) fn new(
        client: Client,
        id: TaskId,
        url: &str,
        refresh: impl Fn() -> PendingUrl + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let url = parse_url(&client.baseurl, url).map_err(|error| error.with_task_id(&id))?;
        Ok(Self::from_parts(client, id, url, refresh))
    }

    fn from_parts(
        client: Client,
        id: TaskId,
        url: Url,
        refresh: impl Fn() -> PendingUrl + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            id,
            url,
            refresh: Arc::new(refresh),
            max_bytes: MAX_BYTES,
            patience: Duration::ZERO,
            sync: true,
            file: None,
        }
    }

    /// Retries failures for this time, and polls the task for new URLs.
    pub(crate) fn patient(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Returns the URL of the audio. If the audio is in a [store](crate::store::Store), this is a `file:` URL.
    ///
    /// Anyone who has the URL may be able to download the audio. The API does not document how long
    /// the URL is valid.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the id of the task that produced the audio.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Sets the maximum size of the download, in bytes.
    ///
    /// If the host announces more, nothing is downloaded. If the host sends more without announcing
    /// the size, the download ends with an error at the limit.
    pub fn max_bytes(mut self, limit: u64) -> Self {
        self.max_bytes = limit;
        self
    }

    /// Sets whether [`save`](Self::save) waits until the file is on disk.
    ///
    /// With `false`, `save` returns earlier, as curl and browsers do. This is faster if the network is faster than
    /// the disk, or if there are many files.
    ///
    /// ```no_run
    /// # async fn run(speech: distribute_ai::Speech) -> Result<(), distribute_ai::Error> {
    /// speech.audio()?.sync(false).save("hello.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// If the process is killed, the file is still either complete or absent. If the machine crashes within
    /// about the next half minute, the file may be empty or truncated. Use `false` for audio that you can
    /// download again.
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Downloads the audio in chunks, without keeping the whole audio in memory.
    ///
    /// # Errors
    ///
    /// [`is_download`](Error::is_download), as the last item of the stream:
    ///
    /// - the host rejects the request, also with a new URL
    /// - the audio was in a store, its file is missing or damaged, and the task cannot be polled for a URL
    /// - the host is not allowed: it uses plain HTTP, or its address is not public
    /// - the host redirects the request more than ten times
    /// - the host sends a page, compressed data, or nothing
    /// - the host sends more than it announced or more than [`max_bytes`](Self::max_bytes)
    /// - five attempts in a row fail, or are slower than the minimum rate
    /// - the host asks for a pause of more than a minute
    /// - the audio changes during the download; [`bytes`](Self::bytes) and [`save`](Self::save) begin again
    pub fn stream(&self) -> AudioStream {
        let chunks = stream::unfold(Some((self.parts(), self.id.clone())), |state| async {
            let (mut download, id) = state?;
            let error = match download.next().await {
                Ok(Some(Part::Audio(chunk))) => return Some((Ok(chunk), Some((download, id)))),
                Ok(Some(Part::Restart)) => Error::download("audio changed during the download"),
                Ok(None) => return None,
                Err(error) => error,
            };
            Some((Err(error.with_task_id(&id)), None))
        });
        AudioStream(Box::pin(chunks.fuse()))
    }

    /// Downloads the audio in parts. A restart makes the parts before it void.
    pub(crate) fn part_stream(&self) -> impl Stream<Item = Result<Part, Error>> {
        stream::try_unfold(self.parts(), async |mut parts| Ok(parts.next().await?.map(|part| (part, parts))))
    }

    /// Downloads the audio into memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream).
    pub async fn bytes(&self) -> Result<Bytes, Error> {
        let mut download = self.parts();
        let mut bytes = BytesMut::new();
        while let Some(part) = download.next().await.map_err(|error| error.with_task_id(&self.id))? {
            match part {
                Part::Audio(chunk) => bytes.extend_from_slice(&chunk),
                Part::Restart => bytes.clear(),
            }
        }
        Ok(bytes.freeze())
    }

    /// Downloads the audio to a file and returns its length in bytes.
    ///
    /// The file is replaced atomically. The audio is written to a temporary file in the same directory, which
    /// is renamed at the end. Until then an existing file stays unchanged.
    ///
    /// The data and the new name are on disk when the call returns, so the replacement is atomic even if the
    /// machine crashes. To skip this, use [`sync(false)`](Self::sync).
    ///
    /// - If the process is killed, a hidden file `.distribute-ai-….part` stays in the directory. On Unix, the
    ///   next `save` to the same path removes the file. You can also delete it.
    /// - A relative path is resolved when the call starts.
    /// - A symbolic link stays, and the file that it points to is written, even if that file does not exist.
    /// - A file that this process may not write is not replaced.
    /// - The permissions of a replaced file are kept, but not its set-user-id, set-group-id and sticky bits.
    ///   Owner and group are those of a new file.
    /// - A mount point, such as a single file that is mounted into a container, cannot be replaced. At the end,
    ///   its content is overwritten, **which is not atomic**.
    ///
    /// # Errors
    ///
    /// - [`is_io`](Error::is_io): the path is a directory, its directory is missing, the file is read-only, or
    ///   the disk is full
    /// - [`is_download`](Error::is_download): the download fails as in [`stream`](Self::stream)
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.save_to(path.as_ref().to_owned()).await.map_err(|error| error.with_task_id(&self.id))
    }

    async fn save_to(&self, path: PathBuf) -> Result<u64, Error> {
        // Create the file first, so that an invalid path is reported before the download.
        let mut file = AtomicFile::create(&self.client.inner().disk, path).await?.sync(self.sync);
        let mut download = self.parts();
        while let Some(part) = download.next().await? {
            match part {
                Part::Audio(chunk) => file.write(chunk).await?,
                Part::Restart => file.truncate(0).await?,
            }
        }
        file.finish().await
    }

    /// Downloads the audio from this URL, or from a new one.
    fn download_from(&self, url: Option<Url>) -> Download<AudioHost> {
        let inner = self.client.inner();
        let limits = Limits {
            max_bytes: self.max_bytes,
            idle: inner.request_timeout,
            min_rate: inner.audio.min_rate,
            patience: self.patience,
        };
        let refresh = Arc::clone(&self.refresh);
        Download::new(AudioHost::new(self.client.clone(), url, refresh), limits)
    }
}

/// Parses an audio URL. A path, and a URL without a scheme as in `//cdn.example.com/a.wav`, are
/// resolved against the base URL of the API.
pub(crate) fn parse_url(base_url: &str, text: &str) -> Result<Url, Error> {
    let base_url = Url::parse(base_url).ok().filter(|_| text.starts_with('/'));
    match Url::options().base_url(base_url.as_ref()).parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(url),
        Ok(url) => {
            let problem = format!("unsupported scheme `{}:`, expected https or http", url.scheme());
            Err(Error::download(format!("audio URL: {problem}")))
        }
        Err(_) if text.is_empty() => Err(Error::download("audio URL: empty, expected an https or http URL")),
        Err(_) => Err(Error::download(
            "audio URL: not a valid URL, expected an https or http URL, or a path that starts with `/`",
        )),
    }
}

/// Omits the parts of the URL that may grant access: the query, the user and the password.
impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL of a file has no origin.
        let is_file = self.url.scheme() == "file";
        let origin = if is_file { "file://".to_owned() } else { self.url.origin().ascii_serialization() };
        let url = format!("{origin}{}", self.url.path());
        f.debug_struct("Audio").field("task", &self.id).field("url", &url).finish_non_exhaustive()
    }
}

/// A stream of the chunks of an [`Audio`], returned by [`Audio::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct AudioStream(Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>);

impl AudioStream {
    /// Returns the next chunk, or `None` after the last chunk. Cancel safe: dropping the future loses no
    /// chunk.
    ///
    /// Equivalent to `StreamExt::next`, without importing the trait.
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

#[cfg(test)]
mod tests {
    use super::parse_url;

    #[test]
    fn audio_url_without_host_or_scheme_is_resolved_against_the_base_url() {
        let base = "https://api.example.com/v1";
        for (text, expected) in [
            ("https://cdn.example.com/a.wav", "https://cdn.example.com/a.wav"),
            ("//cdn.example.com/a.wav", "https://cdn.example.com/a.wav"),
            ("/audio/a.wav?b=1", "https://api.example.com/audio/a.wav?b=1"),
        ] {
            assert_eq!(parse_url(base, text).unwrap().as_str(), expected);
        }
        for (text, expected) in [
            ("", "empty"),
            ("a.wav", "not a valid URL"),
            ("file:///etc/passwd", "unsupported scheme `file:`"),
        ] {
            let error = parse_url(base, text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
