use std::{io, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Client, ClientBuilder, forward::forward, runtime::Runtime};
use crate::{
    TaskId,
    testing::{self, AudioHost, Host, RateLimit, ReceivedRequest, Route, Script, TaskOutcome},
};

/// A [simulator](testing::Simulator) for tests without async, which runs on its own thread.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::{
///     blocking::Simulator,
///     testing::{Fault, Route, Script},
/// };
///
/// let simulator = Simulator::start()?;
/// simulator.script(Route::Result, Script::nth(3, Fault::status(503)));
///
/// simulator.client().speak("Hello").run()?;
///
/// assert_eq!(simulator.spoken(), ["Hello"]);
/// assert_eq!(simulator.faults(), 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "the simulator stops when it is dropped"]
pub struct Simulator {
    inner: Arc<testing::Simulator>,
    runtime: Runtime,
}

impl Simulator {
    /// The file id that every simulator accepts as a voice.
    pub const VOICE_FILE: &str = testing::Simulator::VOICE_FILE;

    /// Starts a simulator with the [defaults](testing::SimulatorBuilder#default).
    ///
    /// # Errors
    ///
    /// Returns an error if no loopback socket can be opened, or if called in an async task.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Creates a builder for a simulator with other settings.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder { inner: testing::Simulator::builder() }
    }

    /// Creates a client for this simulator, which polls often, as that of [`testing::Simulator::client`].
    ///
    /// # Panics
    ///
    /// Panics if a thread cannot be started, or if TLS cannot be initialised on this machine. A
    /// client requires TLS even for `http` URLs.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder().build().expect("the API key and base URL of the simulator are valid")
    }

    /// Returns a builder for a client of this simulator, with its base URL, its key, and the poll policy of
    /// [`client`](Self::client).
    pub fn client_builder(&self) -> ClientBuilder {
        ClientBuilder::from(self.inner.client_builder())
    }

    /// Returns the audio of a speech with this text. See [`testing::Simulator::audio_of`].
    #[must_use]
    pub fn audio_of(text: &str) -> Vec<u8> {
        testing::Simulator::audio_of(text)
    }

    forward! {
        "crate::testing::Simulator";
        /// Returns the URL of the API, such as `http://127.0.0.1:49152`.
        get base_url() -> &str;
        /// Returns the URL of the audio host, the origin of every `url` in a result.
        get audio_url() -> &str;
        /// Returns the only API key that the simulator accepts.
        get api_key() -> &str;
        /// Injects each fault of the script into requests of a route, counted from now.
        #[track_caller]
        get script(route: Route, script: Script);
        /// Assigns a [`TaskOutcome`] to selected tasks, counted by accepted submissions from now.
        get outcomes(script: Script<TaskOutcome>);
        /// Sets the outcome of all tasks with this text that are accepted from now on.
        get outcome_of(text: impl Into<String>, outcome: TaskOutcome);
        /// Limits the requests that the API admits from now on. `None` removes the limit.
        get rate_limit(limit: impl Into<Option<RateLimit>>);
        /// Returns the number of requests that reached the API, including those with error responses.
        get requests() -> u64;
        /// Returns the number of accepted submissions, which the API would bill.
        get creates() -> u64;
        /// Returns the number of requests that reached the result operation, regardless of their responses.
        get polls() -> u64;
        /// Returns the number of audio downloads started. Each `Range` request counts.
        get downloads() -> u64;
        /// Returns the number of requests that carried the key, or any `authorization` header, to the audio host.
        get leaks() -> u64;
        /// Returns the accepted texts in the order of their submissions.
        get spoken() -> Vec<String>;
        /// Returns the task ids and texts of accepted submissions in order.
        get tasks() -> Vec<(TaskId, String)>;
        /// Returns the number of requests into which a [`script`](Self::script) injected a fault.
        get faults() -> u64;
        /// Returns the number of requests that received a 429 from the [`rate_limit`](Self::rate_limit).
        get rate_limited() -> u64;
        /// Returns the arrival times of the requests of a route on tokio's clock.
        get arrivals(route: Route) -> Vec<Instant>;
        /// Returns the maximum number of submissions and polls within any one second.
        get peak_per_second() -> usize;
        /// Returns the received requests in the order of arrival, each with its response.
        get received() -> Vec<ReceivedRequest>;
        /// Panics if the simulator has refused a request.
        #[track_caller]
        get assert_nothing_refused();
        /// Returns the duration of the audio that the API would bill.
        get billed() -> Duration;
        /// Sets all counts to zero, and forgets the received requests. Tasks continue.
        get clear_records();
        /// Forgets everything that happened since the start.
        get reset();
        /// Sets how many tasks can run at once. `None` removes the limit.
        get capacity(places: impl Into<Option<usize>>);
        /// Sets the behaviour of the audio host.
        get audio_host(audio_host: AudioHost);
        /// Ends a task in `COMPLETED` now, whatever its outcome.
        #[track_caller]
        get complete(id: &TaskId);
        /// Ends a task in `ERROR` now, whatever its outcome.
        #[track_caller]
        get fail(id: &TaskId);
    }

    /// Stops listening until [`come_up`](Self::come_up) is called.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::go_down`], and an error if called in an async task.
    pub fn go_down(&self, host: Host) -> io::Result<()> {
        let simulator = Arc::clone(&self.inner);
        run_io(&self.runtime, async move { simulator.go_down(host).await })
    }

    /// Starts listening again on the same port. Does nothing if the host is up.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::come_up`], and an error if called in an async task.
    pub fn come_up(&self, host: Host) -> io::Result<()> {
        let simulator = Arc::clone(&self.inner);
        run_io(&self.runtime, async move { simulator.come_up(host).await })
    }

    /// Stops listening for `time`, then starts again automatically.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::down_for`], and an error if called in an async task.
    pub fn down_for(&self, host: Host, time: Duration) -> io::Result<()> {
        let simulator = Arc::clone(&self.inner);
        run_io(&self.runtime, async move { simulator.down_for(host, time).await })
    }
}

/// The settings of a [`Simulator`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use distribute_ai::blocking::Simulator;
///
/// let simulator = Simulator::builder().waiting(Duration::ZERO).start()?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`testing::SimulatorBuilder`], with the same
/// [defaults](testing::SimulatorBuilder#default).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct SimulatorBuilder {
    inner: testing::SimulatorBuilder,
}

impl SimulatorBuilder {
    forward! {
        "crate::testing::SimulatorBuilder";
        /// Sets the API key that requests must carry.
        set api_key(key: impl Into<String>);
        /// Sets how long a task waits for a worker.
        set waiting(time: Duration);
        /// Sets how long a task is `PROCESSING`, regardless of its text.
        set running(time: Duration);
        /// Sets the additional `PROCESSING` time for each character of the text.
        set running_per_character(time: Duration);
        /// Adds a file id that is accepted as a `voice`.
        set voice_file(id: impl Into<String>);
        /// Seeds the task ids and the jitter of delays, so that they are the same in every run.
        set seed(seed: u64);
        /// Injects faults into requests of a route from the start.
        #[track_caller]
        set script(route: Route, script: Script);
        /// Assigns outcomes to tasks from the start.
        set outcomes(script: Script<TaskOutcome>);
        /// Sets the outcome of all tasks with this text.
        set outcome_of(text: impl Into<String>, outcome: TaskOutcome);
        /// Limits the requests that the API admits.
        set rate_limit(limit: RateLimit);
        /// Sets how many tasks can run at once.
        set capacity(places: usize);
        /// Sets the behaviour of the audio host.
        set audio_host(audio_host: AudioHost);
        /// Sets the port of the API on `127.0.0.1`.
        set port(port: u16);
        /// Sets the port of the audio host on `127.0.0.1`.
        set audio_port(port: u16);
        /// Sets the URL at which clients reach the API, if a proxy forwards it to the simulator.
        set public_url(url: impl Into<String>);
        /// Sets the URL at which clients reach the audio host, if a proxy forwards it to the simulator.
        set public_audio_url(url: impl Into<String>);
        /// Sets how many of the latest requests are recorded.
        set max_received(requests: usize);
        /// Serves the control API below `/_simulator/` on the port of the API.
        set control_api();
        /// Calls [`Simulator::assert_nothing_refused`] when the simulator is dropped.
        set assert_nothing_refused();
    }

    /// Starts the simulator on its own thread. The simulator runs until it is dropped.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::SimulatorBuilder::start`], and an error if called in an async task.
    pub fn start(self) -> io::Result<Simulator> {
        let runtime = Runtime::start()?;
        let simulator = run_io(&runtime, self.inner.start())?;
        Ok(Simulator { inner: Arc::new(simulator), runtime })
    }
}

fn run_io<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<T> {
    runtime.run(async { Ok(future.await) }).unwrap_or_else(|error| Err(io::Error::other(error)))
}
