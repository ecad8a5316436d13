//! The simulator's settings and startup.

use std::{fmt, io, sync::Arc, time::Duration};

use hyper::header::HeaderValue;
use tokio::{net::TcpListener, runtime::Handle};

use super::{
    Simulator,
    clock::Clock,
    listener::Server,
    listener_control::ListenerControl,
    published_spec::PublishedSpec,
    seed::Seed,
    state::{Live, Settings, SimulatorState},
    task::Timeline,
};
use crate::testing::faults::{
    audio_host::AudioHost,
    rate_limit::RateLimit,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};

/// The settings of a [`Simulator`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
/// use std::time::Duration;
///
/// let simulator = Simulator::builder()
///     .api_key("my-test-key")
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
/// - `script`, `outcomes`, `outcome_of`, `rate_limit`, `capacity`: none
/// - `audio_host`: the [default](AudioHost#default)
/// - `port`, `audio_port`: free ports
/// - `public_url`, `public_audio_url`: `http://127.0.0.1` with the port
/// - `max_received`: 10,000
/// - `control_api`, `assert_nothing_refused`: off
#[must_use = "a builder does nothing until it is started"]
#[derive(Clone)]
pub struct SimulatorBuilder {
    api_key: String,
    voice_files: Vec<String>,
    seed: Option<u64>,
    ports: [u16; 2],
    public_urls: [Option<String>; 2],
    has_control_api: bool,
    asserts_on_drop: bool,
    pub(crate) settings: Settings,
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
            voice_files: vec![Simulator::VOICE_FILE.to_owned()],
            seed: None,
            ports: [0, 0],
            public_urls: [None, None],
            has_control_api: false,
            asserts_on_drop: false,
            settings: Settings {
                timeline: Timeline {
                    waiting: Duration::from_millis(300),
                    running: Duration::from_millis(700),
                    running_per_character: Duration::ZERO,
                },
                scripts: Vec::new(),
                outcomes: Script::nothing(),
                outcome_of: Vec::new(),
                rate_limit: None,
                capacity: None,
                audio_host: AudioHost::new(),
                max_received: 10_000,
            },
        }
    }
}

impl SimulatorBuilder {
    /// Sets the API key that requests must carry.
    ///
    /// [`Simulator::leaks`] and [`Simulator::received`] also find it elsewhere in a request: with fewer than 8 bytes only as
    /// a whole value, and percent-encoded only in the query.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// Sets the time of a task before it is `PROCESSING`. The statuses `CREATED`, `QUEUED` and
    /// `ASSIGNED_CONNECTIONS` take a third each; [`Phase::Waiting`](crate::pacing::Phase::Waiting) is the first two.
    ///
    /// With [`Duration::MAX`], tasks never end.
    pub fn waiting(mut self, time: Duration) -> Self {
        self.settings.timeline.waiting = time;
        self
    }

    /// Sets how long a task is `PROCESSING`, regardless of its text.
    pub fn running(mut self, time: Duration) -> Self {
        self.settings.timeline.running = time;
        self
    }

    /// Sets the additional `PROCESSING` time for each character of the text.
    pub fn running_per_character(mut self, time: Duration) -> Self {
        self.settings.timeline.running_per_character = time;
        self
    }

    /// Adds a file id that is accepted as a `voice`.
    pub fn voice_file(mut self, id: impl Into<String>) -> Self {
        self.voice_files.push(id.into());
        self
    }

    /// Seeds the task ids and the jitter of delays, so that they are the same in every run.
    ///
    /// The id of a task follows from the seed, its text, and the number of earlier tasks with the same
    /// text. It does not depend on other tasks or on the order of arrival.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let mut ids = Vec::new();
    /// for texts in [["One", "Two"], ["Two", "One"]] {
    ///     let simulator = Simulator::builder().seed(7).start().await?;
    ///     for text in texts {
    ///         ids.push(simulator.client().speak(text).submit().await?.id().clone());
    ///     }
    /// }
    /// assert_eq!((&ids[0], &ids[1]), (&ids[3], &ids[2]));
    /// # Ok(()) }
    /// ```
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
        script.check_route(route).unwrap_or_else(|problem| panic!("{problem}"));
        self.settings.scripts.push((route, script));
        self
    }

    /// Assigns outcomes to tasks from the start; see [`Simulator::outcomes`].
    pub fn outcomes(mut self, script: Script<TaskOutcome>) -> Self {
        self.settings.outcomes = script;
        self
    }

    /// Sets the outcome of all tasks with this text; see [`Simulator::outcome_of`].
    pub fn outcome_of(mut self, text: impl Into<String>, outcome: TaskOutcome) -> Self {
        self.settings.outcome_of.push((text.into(), outcome));
        self
    }

    /// Limits the requests that the API admits; see [`RateLimit`].
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.settings.rate_limit = Some(limit);
        self
    }

    /// Sets how many tasks can run at once; see [`Simulator::capacity`].
    pub fn capacity(mut self, places: usize) -> Self {
        self.settings.capacity = Some(places);
        self
    }

    /// Sets the behaviour of the audio host.
    pub fn audio_host(mut self, audio_host: AudioHost) -> Self {
        self.settings.audio_host = audio_host;
        self
    }

    /// Sets the port of the API on `127.0.0.1`. With 0, the operating system chooses a free port.
    pub fn port(mut self, port: u16) -> Self {
        self.ports[0] = port;
        self
    }

    /// Sets the port of the audio host on `127.0.0.1`. With 0, the operating system chooses a free port.
    pub fn audio_port(mut self, port: u16) -> Self {
        self.ports[1] = port;
        self
    }

    /// Sets the URL at which clients reach the API, if a proxy forwards it to the simulator.
    ///
    /// [`Simulator::base_url`] returns the URL. This is its only effect.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_urls[0] = Some(url.into());
        self
    }

    /// Sets the URL at which clients reach the audio host, if a proxy forwards it to the simulator.
    ///
    /// The URLs of audio begin with it.
    pub fn public_audio_url(mut self, url: impl Into<String>) -> Self {
        self.public_urls[1] = Some(url.into());
        self
    }

    /// Sets how many of the latest requests [`Simulator::received`] and [`Simulator::arrivals`] return.
    ///
    /// Older requests are forgotten, to limit the memory of a simulator that runs for long. All counts stay
    /// exact. Tasks are kept until a [`reset`](Simulator::reset).
    pub fn max_received(mut self, requests: usize) -> Self {
        self.settings.max_received = requests;
        self
    }

    /// Serves the control API, for tests in any language, below `/_simulator/` on the port of the API.
    ///
    /// The [guide](crate::guide::testing#driving-the-simulator-over-http) lists its requests. They need no key,
    /// and are neither counted nor recorded.
    pub fn control_api(mut self) -> Self {
        self.has_control_api = true;
        self
    }

    /// Calls [`Simulator::assert_nothing_refused`] when the simulator is dropped, unless the thread is
    /// already panicking.
    ///
    /// ```should_panic
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let simulator = Simulator::builder().assert_nothing_refused().start().await?;
    /// let _ = simulator.client().speak("Hello").voice("file_unknown").await;
    /// # Ok(()) }
    /// ```
    pub fn assert_nothing_refused(mut self) -> Self {
        self.asserts_on_drop = true;
        self
    }

    /// Opens the sockets and serves until the [`Simulator`] is dropped.
    ///
    /// The simulator runs on the current tokio runtime. A call that blocks the thread of this runtime
    /// therefore also blocks the simulator; see [`start_on_thread`](Self::start_on_thread).
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput): the API key is blank, has white space at an end,
    ///   which HTTP removes, or is not a valid header value.
    /// - Any other kind: a loopback socket cannot be opened, for example because the port is in use.
    pub async fn start(self) -> io::Result<Simulator> {
        let is_blank = self.api_key.trim().is_empty() || self.api_key.trim() != self.api_key;
        if is_blank || HeaderValue::from_str(&self.api_key).is_err() {
            let problem = "api_key: blank, white space at an end, or not a valid header value, expected visible \
                           ASCII characters";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let spec = PublishedSpec::load()?;
        let [api, audio] = [bind(self.ports[0]).await?, bind(self.ports[1]).await?];
        let [public_url, public_audio_url] = self.public_urls;
        let base_url = public_url.map_or_else(|| url_of(&api), |url| Ok(trimmed(url)))?;
        let audio_url = public_audio_url.map_or_else(|| url_of(&audio), |url| Ok(trimmed(url)))?;
        let seed = Seed(self.seed.unwrap_or_else(|| fastrand::u64(..)));

        let (api_control, api_commands) = ListenerControl::new();
        let (audio_control, audio_commands) = ListenerControl::new();
        let state = Arc::new(SimulatorState {
            audio_url,
            voices: [&spec.voices[..], &self.voice_files].concat(),
            spec,
            api_key: self.api_key,
            seed,
            clock: Clock::start(),
            runtime: Handle::current(),
            has_control_api: self.has_control_api,
            live: Live::new(self.settings.clone(), seed).into(),
            settings: self.settings,
            api: api_control,
            audio: audio_control,
        });
        let servers = [(Host::Api, api, api_commands), (Host::Audio, audio, audio_commands)].map(
            |(host, listener, commands)| {
                Server { listener, commands, host, state: Arc::clone(&state) }.start()
            },
        );
        Ok(Simulator::new(base_url, state, servers, self.asserts_on_drop))
    }
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))
}

fn url_of(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

/// Returns a base URL without the slash at its end, because paths begin with one.
fn trimmed(mut url: String) -> String {
    url.truncate(url.trim_end_matches('/').len());
    url
}

impl fmt::Debug for SimulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorBuilder")
            .field("voice_files", &self.voice_files)
            .field("seed", &self.seed)
            .field("ports", &self.ports)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
