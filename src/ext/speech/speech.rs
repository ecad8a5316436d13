use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{
    Error, SpeechTask, TaskId,
    ext::{audio::Audio, polling::server_time},
    types::SpeechResult,
};

/// A finished speech: where its audio is, and what the server said of it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("hello.wav");
/// let speech = client.speak("Hello from Rust.").await?;
///
/// speech.save(&path).await?;
/// let bytes = speech.audio()?.bytes().await?;
/// println!("{}, by {}: {} bytes", speech.id(), speech.result().model, bytes.len());
/// println!("from {:?} to {:?}", speech.created_at(), speech.finished_at());
/// # Ok(()) }
/// ```
///
/// It holds no sound: that is fetched, each time anew, by its [`audio`](Self::audio).
#[derive(Clone)]
pub struct Speech {
    task: SpeechTask,
    result: SpeechResult,
}

impl Speech {
    pub(crate) fn new(task: SpeechTask, result: SpeechResult) -> Self {
        Self { task, result }
    }

    /// The id of its task: it brings the speech back, with a fresh address of the audio, by
    /// [`Client::task`](crate::Client::task).
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    pub(crate) fn task(&self) -> &SpeechTask {
        &self.task
    }

    /// The server's reply, as its document has it.
    #[must_use]
    pub fn result(&self) -> &SpeechResult {
        &self.result
    }

    /// When the server took the task, by its own clock.
    ///
    /// The API gives a bare number, of seconds or of milliseconds since 1970: from 10¹¹ on it counts as milliseconds.
    /// None if it is no moment that a clock can tell.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        server_time::timestamp(self.result.created)
    }

    /// When the server finished it, by its own clock; in the unit as told by [`created_at`](Self::created_at). None if it
    /// does not say.
    #[must_use]
    pub fn finished_at(&self) -> Option<SystemTime> {
        server_time::timestamp(self.result.finished?)
    }

    /// How long it took the server, from [`created_at`](Self::created_at) to [`finished_at`](Self::finished_at): free of
    /// the lag of polling and of this machine's clock.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
        server_time::elapsed(self.result.created, self.result.finished?)
    }

    /// The audio; the first one, should there be several.
    ///
    /// # Errors
    ///
    /// [`is_download`](Error::is_download): the server gave no address, which its document allows, or one that isn't
    /// `https` or `http`. The task id is in the error: the address may come later.
    pub fn audio(&self) -> Result<Audio, Error> {
        self.audios().next().unwrap_or_else(|| {
            Err(Error::download("the speech is completed, but the server gave no address of its audio")
                .with_task_id(&self.id()))
        })
    }

    /// Every audio that has an address: today the API makes one, and its document allows for more.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
        let urls = self.result.results.iter().filter_map(|output| output.url.as_deref());
        urls.map(|url| Audio::new(&self.task, url))
    }

    /// Fetches the audio into a file: [`Audio::save`] of [`audio`](Self::audio).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.audio()?.save(path).await
    }
}

/// Without the addresses: whoever has one may have the audio.
impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech")
            .field("id", &self.task.id())
            .field("created", &self.result.created)
            .field("finished", &self.result.finished)
            .field("audios", &self.result.results.len())
            .finish_non_exhaustive()
    }
}
