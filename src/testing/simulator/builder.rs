//! The simulator's settings and startup.

use std::{fmt, io, sync::Arc, time::Duration};

use hyper::header::HeaderValue;
use tokio::net::TcpListener;

use super::{
    Simulator, injector::FaultInjector, listener::Server, listener_control::ListenerControl,
    published_spec::PublishedSpec, recorder::Recorder, state::SimulatorState, task::Timeline,
};
use crate::testing::faults::{
    rate_limit::RateLimit,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};

/// The settings of a [`Simulator`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
/// - `running_per_character`: 0
/// - `voice_file`: [`Simulator::VOICE_FILE`] only
/// - `seed`: random
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

impl Simulator {
    /// Starts a simulator with the [defaults](SimulatorBuilder#default).
    ///
    /// # Errors
    ///
    /// Returns the I/O error if a loopback socket cannot be opened.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Creates a builder for a simulator with other settings.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }
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
    /// Sets the API key that requests must carry.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// Sets how long a task waits for a worker. The statuses `CREATED`, `QUEUED` and
    /// `ASSIGNED_CONNECTIONS` take a third each.
    ///
    /// With [`Duration::MAX`], tasks never end.
    pub fn waiting(mut self, time: Duration) -> Self {
        self.timeline.waiting = time;
        self
    }

    /// Sets how long a task is `PROCESSING`, regardless of its text.
    pub fn running(mut self, time: Duration) -> Self {
        self.timeline.running = time;
        self
    }

    /// Sets the additional `PROCESSING` time for each character of the text.
    pub fn running_per_character(mut self, time: Duration) -> Self {
        self.timeline.running_per_character = time;
        self
    }

    /// Adds a file id that is accepted as a `voice`.
    pub fn voice_file(mut self, id: impl Into<String>) -> Self {
        self.voice_files.push(id.into());
        self
    }

    /// Seeds the task ids, so that they are the same in every run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Injects faults into requests of a route from the start; see [`Simulator::script`].
    ///
    /// # Panics
    ///
    /// Panics if a fault of the script is unsupported for the route.
    #[track_caller]
    pub fn script(mut self, route: Route, script: Script) -> Self {
        script.assert_fits(route);
        self.scripts.push((route, script));
        self
    }

    /// Assigns outcomes to tasks from the start; see [`Simulator::outcomes`].
    pub fn outcomes(mut self, script: Script<TaskOutcome>) -> Self {
        self.outcomes = script;
        self
    }

    /// Sets the outcome of all tasks with this text; see [`Simulator::outcome_of`].
    pub fn outcome_of(mut self, text: impl Into<String>, outcome: TaskOutcome) -> Self {
        self.outcome_of.push((text.into(), outcome));
        self
    }

    /// Limits the requests that the API admits; see [`RateLimit`].
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Opens the sockets and serves until the [`Simulator`] is dropped.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput): the API key is blank or not a valid header value.
    /// - Any other kind: a loopback socket cannot be opened.
    pub async fn start(self) -> io::Result<Simulator> {
        if self.api_key.trim().is_empty() || HeaderValue::from_str(&self.api_key).is_err() {
            let problem = "api_key: blank or not a valid header value, expected visible ASCII characters";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let spec = PublishedSpec::load()?;

        let api = TcpListener::bind("127.0.0.1:0").await?;
        let audio = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", api.local_addr()?);

        let mut injector = FaultInjector::new();
        self.scripts.into_iter().for_each(|(route, script)| injector.script(route, script));
        injector.outcomes(self.outcomes);
        self.outcome_of.into_iter().for_each(|(text, outcome)| injector.outcome_of(text, outcome));
        injector.rate_limit(self.limit);

        let (api_control, api_commands) = ListenerControl::new();
        let (audio_control, audio_commands) = ListenerControl::new();
        let state = Arc::new(SimulatorState {
            audio_url: format!("http://{}", audio.local_addr()?),
            voices: [&spec.voices[..], &self.voice_files].concat(),
            spec,
            api_key: self.api_key,
            timeline: self.timeline,
            injector: injector.into(),
            recorder: Recorder::new(self.seed).into(),
            api: api_control,
            audio: audio_control,
        });
        let servers = [(Host::Api, api, api_commands), (Host::Audio, audio, audio_commands)].map(
            |(host, listener, commands)| {
                Server { listener, commands, host, state: Arc::clone(&state) }.start()
            },
        );
        Ok(Simulator::new(base_url, state, servers))
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
