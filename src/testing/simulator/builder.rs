//! The simulator's settings, and its start.

use std::{fmt, io, sync::Arc, time::Duration};

use hyper::header::HeaderValue;
use tokio::net::TcpListener;

use super::{
    Simulator,
    injector::FaultInjector,
    listener::{ListenerControl, Server},
    published_spec::PublishedSpec,
    recorder::Recorder,
    state::SimulatorState,
    task::Timeline,
};
use crate::testing::faults::{
    rate_limit::RateLimit,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};

/// Settings of a [`Simulator`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
/// use std::time::Duration;
///
/// let simulator = Simulator::builder()
///     .api_key("sk-test")
///     .waiting(Duration::ZERO)
///     .running(Duration::from_millis(20))
///     .running_per_character(Duration::from_millis(1))
///     .voice_file("file_my_voice")
///     .seed(7)
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
/// - `script`, `outcomes`, `outcome_of`, `rate_limit`: none
#[must_use = "a builder does nothing until it is started"]
#[derive(Clone)]
pub struct SimulatorBuilder {
    api_key: String,
    timeline: Timeline,
    voice_files: Vec<String>,
    seed: Option<u64>,
    scripts: Vec<(Route, Script)>,
    outcomes: Script<TaskOutcome>,
    outcome_of: Vec<(String, TaskOutcome)>,
    limit: Option<RateLimit>,
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
            scripts: Vec::new(),
            outcomes: Script::nothing(),
            outcome_of: Vec::new(),
            limit: None,
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

    /// Which requests of a route meet which fault, from the start; see [`Simulator::script`].
    ///
    /// # Panics
    ///
    /// For a fault that cannot happen there.
    #[track_caller]
    pub fn script(mut self, route: Route, script: Script) -> Self {
        script.assert_fits(route);
        self.scripts.push((route, script));
        self
    }

    /// Which tasks have which fate, from the start; see [`TaskOutcome`].
    pub fn outcomes(mut self, script: Script<TaskOutcome>) -> Self {
        self.outcomes = script;
        self
    }

    /// What becomes of the tasks of this text; see [`TaskOutcome`].
    pub fn outcome_of(mut self, text: impl Into<String>, fate: TaskOutcome) -> Self {
        self.outcome_of.push((text.into(), fate));
        self
    }

    /// How many requests the API takes; see [`RateLimit`].
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit = Some(limit);
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
        let contract = PublishedSpec::load()?;

        let api = TcpListener::bind("127.0.0.1:0").await?;
        let audio = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", api.local_addr()?);

        let mut stage = FaultInjector::new();
        self.scripts.into_iter().for_each(|(route, script)| stage.script(route, script));
        stage.outcomes(self.outcomes);
        self.outcome_of.into_iter().for_each(|(text, fate)| stage.outcome_of(text, fate));
        stage.rate_limit(self.limit);

        let (api_switch, api_orders) = ListenerControl::new();
        let (audio_switch, audio_orders) = ListenerControl::new();
        let site = Arc::new(SimulatorState {
            audio_url: format!("http://{}", audio.local_addr()?),
            voices: [&contract.voices[..], &self.voice_files].concat(),
            spec: contract,
            api_key: self.api_key,
            timeline: self.timeline,
            injector: stage.into(),
            recorder: Recorder::new(self.seed).into(),
            api: api_switch,
            audio: audio_switch,
        });
        let servers = [(Host::Api, api, api_orders), (Host::Audio, audio, audio_orders)].map(
            |(host, listener, orders)| {
                Server { listener, commands: orders, host, state: Arc::clone(&site) }.start()
            },
        );
        Ok(Simulator::running(base_url, site, servers))
    }
}

impl fmt::Debug for SimulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorBuilder")
            .field("timeline", &self.timeline)
            .field("voice_files", &self.voice_files)
            .field("seed", &self.seed)
            .field("scripts", &self.scripts)
            .field("outcomes", &self.outcomes)
            .field("outcome_of", &self.outcome_of)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
