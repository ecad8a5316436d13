//! The simulator's settings, and its start.

use std::{fmt, io, sync::Arc, time::Duration};

use hyper::header::HeaderValue;
use tokio::net::TcpListener;

use super::{
    contract::Contract,
    ledger::Ledger,
    server::{Origin, serve},
    simulator::Simulator,
    site::Site,
    task::Timeline,
};

/// Settings of a [`Simulator`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
/// use std::time::Duration;
///
/// let simulator = Simulator::builder()
///     .waiting(Duration::ZERO)
///     .running(Duration::from_millis(20))
///     .voice_file("file_my_voice")
///     .start()
///     .await?;
/// # Ok(()) }
/// ```
///
/// # Default
///
/// - `api_key`: `simulator-key`
/// - `waiting`: 300 ms
/// - `running`: 700 ms
/// - `running_per_character`: none
/// - `voice_file`: [`Simulator::VOICE_FILE`] only
/// - `seed`: a random one
#[must_use = "a builder does nothing until it is started"]
#[derive(Clone)]
pub struct SimulatorBuilder {
    api_key: String,
    timeline: Timeline,
    voice_files: Vec<String>,
    seed: Option<u64>,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self {
            api_key: "simulator-key".to_owned(),
            timeline: Timeline {
                waiting: Duration::from_millis(300),
                running: Duration::from_millis(700),
                running_per_character: Duration::ZERO,
            },
            voice_files: vec![Simulator::VOICE_FILE.to_owned()],
            seed: None,
        }
    }
}

impl SimulatorBuilder {
    /// The key that requests must carry.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// How long a task waits for a worker: `CREATED`, `QUEUED` and `ASSIGNED_CONNECTIONS` for a third each.
    ///
    /// [`Duration::MAX`] makes tasks that never end.
    pub fn waiting(mut self, time: Duration) -> Self {
        self.timeline.waiting = time;
        self
    }

    /// How long a task is `PROCESSING`, whatever its text.
    pub fn running(mut self, time: Duration) -> Self {
        self.timeline.running = time;
        self
    }

    /// How much longer a task is `PROCESSING` for each character of its text.
    pub fn running_per_character(mut self, time: Duration) -> Self {
        self.timeline.running_per_character = time;
        self
    }

    /// One more file id that is accepted as a `voice`.
    pub fn voice_file(mut self, id: impl Into<String>) -> Self {
        self.voice_files.push(id.into());
        self
    }

    /// Makes the task ids the same in every run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Opens the sockets and serves until the [`Simulator`] is dropped.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput) for a key that no header can carry, such as `""`.
    /// - Any other when no loopback socket can be opened.
    pub async fn start(self) -> io::Result<Simulator> {
        if self.api_key.trim().is_empty() || HeaderValue::from_str(&self.api_key).is_err() {
            let problem = "api_key must be text that an HTTP header can carry";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let contract = Contract::published()?;

        let api = TcpListener::bind("127.0.0.1:0").await?;
        let audio = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", api.local_addr()?);

        let site = Arc::new(Site {
            audio_url: format!("http://{}", audio.local_addr()?),
            voices: [&contract.voices[..], &self.voice_files].concat(),
            contract,
            api_key: self.api_key,
            timeline: self.timeline,
            ledger: Ledger::new(self.seed).into(),
        });
        let servers =
            [serve(api, Origin::Api, Arc::clone(&site)), serve(audio, Origin::Audio, Arc::clone(&site))];
        Ok(Simulator::running(base_url, site, servers))
    }
}

impl fmt::Debug for SimulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorBuilder")
            .field("timeline", &self.timeline)
            .field("voice_files", &self.voice_files)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
