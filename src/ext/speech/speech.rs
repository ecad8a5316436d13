use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime},
};

use reqwest::Url;

use crate::{
    Client, Error, TaskId,
    ext::{
        audio::{Audio, parse_url},
        polling::server_time,
        store::{audio_files::StoredAudio, handle::EntryHandle, stored_file::StoredFile},
    },
    types::SpeechResult,
};

/// The time limit of the poll for a new audio URL.
const REFRESH_DEADLINE: Duration = Duration::from_secs(30);

/// A finished speech: the URL of its audio, and the server's response.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("hello.wav");
/// let speech = client.speak("Hello from Rust.").await?;
///
/// speech.save(&path).await?;
/// let bytes = speech.audio()?.bytes().await?;
/// println!("{}: {} bytes", speech.id(), bytes.len());
/// println!("from {:?} to {:?}", speech.created_at(), speech.finished_at());
/// # Ok(()) }
/// ```
///
/// A `Speech` does not hold the audio. [`audio`](Self::audio) and [`save`](Self::save) download it each time, unless it
/// is in a [store](crate::store::Store).
#[derive(Clone)]
pub struct Speech {
    client: Client,
    id: TaskId,
    result: SpeechResult,
    /// The audio, if it is in a store.
    file: Option<StoredFile>,
}

impl Speech {
    pub(crate) fn new(client: Client, id: TaskId, result: SpeechResult) -> Self {
        Self { client, id, result, file: None }
    }

    pub(super) fn with_file(self, file: Option<StoredFile>) -> Self {
        Self { file, ..self }
    }

    /// Returns the duration of the audio, if it is in a store.
    pub(crate) fn seconds(&self) -> Option<f64> {
        self.file.as_ref()?.audio.seconds
    }

    /// Downloads the audio to the store. Returns `None` if it cannot be kept; then the caller can still download it.
    pub(super) async fn keep_audio(&self, entry: &EntryHandle) -> Option<StoredAudio> {
        let mut audios = self.audios();
        // A speech with several audios is rare, and its entry has one file.
        let (Some(audio), None) = (audios.next(), audios.next()) else { return None };
        match async { audio?.keep_in(entry).await }.await {
            Ok(audio) => Some(audio),
            Err(error) => {
                tracing::warn!(task = self.id().printable(), ?error, "audio not kept in the store");
                None
            }
        }
    }

    /// Returns the task id.
    ///
    /// Pass the id to [`Client::task`](crate::Client::task) to get the speech again, with a new
    /// audio URL.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Returns the server's response, as the API documents it.
    ///
    /// If the speech comes from a store without asking the server, only `id`, `status`, `created` and `finished` are
    /// set. For the audio, use [`audio`](Self::audio).
    #[must_use]
    pub fn result(&self) -> &SpeechResult {
        &self.result
    }

    /// Returns the time at which the server accepted the task, by the server's clock.
    ///
    /// The API returns a number without a unit, in seconds or milliseconds since 1970. Values of
    /// 10¹¹ and above are read as milliseconds, smaller values as seconds. Returns `None` if the
    /// value is not a valid timestamp.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        server_time::timestamp(self.result.created?)
    }

    /// Returns the time at which the server finished the task, by the server's clock.
    ///
    /// The unit is determined as for [`created_at`](Self::created_at). Returns `None` if the value
    /// is missing or is not a valid timestamp.
    #[must_use]
    pub fn finished_at(&self) -> Option<SystemTime> {
        server_time::timestamp(self.result.finished?)
    }

    /// Returns the time that the server needed, from [`created_at`](Self::created_at) to
    /// [`finished_at`](Self::finished_at).
    ///
    /// The duration does not depend on the delay of polling or on this machine's clock. Returns `None` if a
    /// timestamp is missing or invalid, or if the task finished before it was created.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let speech = client.speak("Hello from Rust.").await?;
    /// if let Some(time) = speech.server_time() {
    ///     println!("the server took {time:.1?}");
    /// }
    /// # assert!(speech.server_time().unwrap().as_millis() > 100);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn server_time(&self) -> Option<Duration> {
        server_time::elapsed(self.result.created?, self.result.finished?)
    }

    /// Returns the audio, or the first audio if there are several.
    ///
    /// # Errors
    ///
    /// - [`is_download`](Error::is_download): the response does not contain a URL, which the API
    ///   allows, or the URL starts with `ftp:`. A path, and a URL without a scheme, are resolved against the
    ///   base URL. The error carries the task id, because the URL may
    ///   become available later.
    pub fn audio(&self) -> Result<Audio, Error> {
        self.audios().next().unwrap_or_else(|| Err(missing_url(self.id())))
    }

    /// Returns every audio that has a URL.
    ///
    /// Today the API creates one audio for each speech, but its document allows several.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let speech = client.speak("Hello from Rust.").await?;
    /// for (number, audio) in speech.audios().enumerate() {
    ///     audio?.save(directory.path().join(format!("{number}.wav"))).await?;
    /// }
    /// # assert!(directory.path().join("0.wav").exists());
    /// # Ok(()) }
    /// ```
    pub fn audios(&self) -> impl Iterator<Item = Result<Audio, Error>> {
        let (client, id) = (&self.client, &self.id);
        let refresh = |number| {
            let (client, id) = (client.clone(), id.clone());
            move || Box::pin(fresh_url(client.clone(), id.clone(), number)) as _
        };
        let stored = self
            .file
            .iter()
            .map(move |file| Ok(Audio::stored(client.clone(), id.clone(), file.clone(), refresh(0))));
        let urls = self.urls().filter(|_| self.file.is_none());
        stored.chain(
            urls.enumerate()
                .map(move |(number, url)| Audio::new(client.clone(), id.clone(), url, refresh(number))),
        )
    }

    fn urls(&self) -> impl Iterator<Item = &str> {
        self.result.results.iter().filter_map(|output| output.url.as_deref())
    }

    /// Downloads the audio to a file and returns its length in bytes.
    ///
    /// Equivalent to calling [`audio`](Self::audio), then [`Audio::save`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`audio`](Self::audio) and [`Audio::save`].
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.audio()?.save(path).await
    }

    /// Returns the duration of the audio, from the audio itself.
    ///
    /// Equivalent to calling [`audio`](Self::audio), then [`Audio::duration`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`audio`](Self::audio) and [`Audio::duration`].
    pub async fn duration(&self) -> Result<Duration, Error> {
        self.audio()?.duration().await
    }
}

/// Polls the task for the new URL of one of its audios.
async fn fresh_url(client: Client, id: TaskId, number: usize) -> Result<Url, Error> {
    // A handle that did not submit the task polls at once.
    let speech = client.task(id.clone()).wait().deadline(REFRESH_DEADLINE).await?;
    let url = speech.urls().nth(number).ok_or_else(|| missing_url(&id))?;
    parse_url(&client.baseurl, url).map_err(|error| error.with_task_id(&id))
}

fn missing_url(id: &TaskId) -> Error {
    Error::download("audio URL is missing from the completed speech").with_task_id(id)
}

/// Omits the URLs, because anyone who has a URL may be able to download the audio.
impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech")
            .field("id", &self.id)
            .field("created", &self.result.created)
            .field("finished", &self.result.finished)
            .field("audios", &self.result.results.len())
            .finish_non_exhaustive()
    }
}
