//! Changes to a running simulator: faults, outcomes, rate limits and outages.

use std::{io, time::Duration};

use tokio::time::Instant;

use super::{Simulator, listener_control::State, state::SimulatorState};
use crate::{
    TaskId,
    testing::faults::{
        audio_host::AudioHost,
        rate_limit::RateLimit,
        route::{Host, Route},
        script::Script,
        task_outcome::{Ending, TaskOutcome},
    },
};

/// Changes to a running simulator.
impl Simulator {
    /// Injects each [`Fault`](crate::testing::Fault) of the script into requests of a route,
    /// counted from now.
    ///
    /// Replaces the previous script of the route. [`Script::nothing`] removes it.
    ///
    /// The [`rate_limit`](Self::rate_limit) applies before the script. All other checks apply after it, so a
    /// fault also affects requests with a wrong key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Fault, Route, Script, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// let bad_gateway = Fault::status(502).html("<h1>Bad Gateway</h1>");
    /// let flaky = [Fault::reset(), bad_gateway, Fault::truncated_json()];
    /// simulator.script(Route::Result, Script::random(7, 0.2, flaky));
    /// simulator.script(Route::Audio, Script::steps([None, Some(Fault::cut_short())]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if a fault of the script is unsupported for the route.
    #[track_caller]
    pub fn script(&self, route: Route, script: Script) {
        self.state.script(route, script).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Assigns a [`TaskOutcome`] to selected tasks, counted by accepted submissions from now.
    ///
    /// Replaces the previous script. Tasks that are already accepted keep their outcomes.
    pub fn outcomes(&self, script: Script<TaskOutcome>) {
        self.state.outcomes(script);
    }

    /// Sets the outcome of all tasks with this text that are accepted from now on.
    ///
    /// Takes precedence over [`outcomes`](Self::outcomes).
    pub fn outcome_of(&self, text: impl Into<String>, outcome: TaskOutcome) {
        self.state.live().injector.outcome_of(text.into(), outcome);
    }

    /// Limits the requests that the API admits from now on. Earlier requests do not count.
    ///
    /// `None` removes the limit.
    pub fn rate_limit(&self, limit: impl Into<Option<RateLimit>>) {
        self.state.rate_limit(limit.into());
    }

    /// Sets how many tasks can run at once. The others wait in `QUEUED`, in the order in which they are ready.
    ///
    /// A task needs a place from `ASSIGNED_CONNECTIONS` until it ends. Tasks that have a place keep it.
    /// With 0, no further task gets a place. `None` removes the limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::builder().waiting(Duration::ZERO).start().await?;
    /// simulator.capacity(1);
    /// let client = simulator.client();
    /// let first = client.speak("First").submit().await?;
    /// let second = client.speak("Second").submit().await?;
    /// assert_eq!(first.status().await?.to_string(), "PROCESSING");
    /// assert_eq!(second.status().await?.to_string(), "QUEUED");
    ///
    /// simulator.complete(first.id());
    /// assert_eq!(second.status().await?.to_string(), "PROCESSING");
    /// # Ok(()) }
    /// ```
    pub fn capacity(&self, places: impl Into<Option<usize>>) {
        self.state.capacity(places.into());
    }

    /// Sets the behaviour of the audio host. It applies to URLs of later polls and to later downloads.
    pub fn audio_host(&self, audio_host: AudioHost) {
        self.state.audio_host(audio_host);
    }

    /// Ends a task in `COMPLETED` now, whatever its outcome. A task that would fail or never end gets its
    /// audio.
    ///
    /// # Panics
    ///
    /// Panics if the task is unknown or has already ended.
    #[track_caller]
    pub fn complete(&self, id: &TaskId) {
        self.state.complete(id.as_str()).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Ends a task in `ERROR` now, whatever its outcome.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    /// use std::time::Duration;
    ///
    /// // Tasks end only when the test says so.
    /// let simulator = Simulator::builder().running(Duration::MAX).start().await?;
    /// let task = simulator.client().speak("Hello").submit().await?;
    /// simulator.fail(task.id());
    /// assert!(task.wait().await.unwrap_err().is_failed());
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the task is unknown or has already ended.
    #[track_caller]
    pub fn fail(&self, id: &TaskId) {
        self.state.fail(id.as_str()).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Stops listening until [`come_up`](Self::come_up) is called.
    ///
    /// New connections are refused, and open connections are closed.
    ///
    /// A submission may be accepted although its response is lost. Accepted tasks survive the
    /// outage and make progress during the outage.
    ///
    /// An outage affects a whole host, because a listening socket cannot refuse one connection and
    /// accept the next. An outage is therefore not a [`Fault`](crate::testing::Fault) of a route.
    /// [`Fault::crash`](crate::testing::Fault::crash) starts an outage with a request.
    ///
    /// # Errors
    ///
    /// Returns the I/O error if the port cannot be reserved, because another process took it at that moment.
    pub async fn go_down(&self, host: Host) -> io::Result<()> {
        self.state.go_down(host, None).await
    }

    /// Starts listening again on the same port. Does nothing if the host is up.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Host, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// let speech = simulator.client().speak("Hello").await?;
    ///
    /// simulator.go_down(Host::Audio).await?;
    /// assert!(speech.audio()?.bytes().await.unwrap_err().is_download());
    ///
    /// simulator.come_up(Host::Audio).await?;
    /// speech.audio()?.bytes().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the I/O error if the operating system does not allow listening on the port.
    pub async fn come_up(&self, host: Host) -> io::Result<()> {
        self.state.listener_control(host).set(State::Up).await
    }

    /// Stops listening for `time`, then starts again automatically.
    ///
    /// The time is measured on tokio's clock. The method returns when the host is down.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Host, Simulator};
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::start().await?;
    /// simulator.down_for(Host::Api, Duration::from_millis(200)).await?;
    ///
    /// let task = simulator.client().speak("Hello").submit().await?;
    ///
    /// assert_eq!(simulator.tasks()[0].0, *task.id());
    /// assert_eq!(simulator.requests(), 1, "refused connections are not counted");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`go_down`](Self::go_down).
    pub async fn down_for(&self, host: Host, time: Duration) -> io::Result<()> {
        self.state.go_down(host, Some(time)).await
    }
}

/// Changes that [`Simulator`] and the control API share. Those that read the clock enter the runtime of the simulator,
/// because the clock of the caller can be another.
impl SimulatorState {
    async fn go_down(&self, host: Host, time: Option<Duration>) -> io::Result<()> {
        self.live().records.is_disturbed |= host == Host::Api;
        self.listener_control(host).set(State::Down(time)).await
    }

    pub(crate) fn script(&self, route: Route, script: Script) -> Result<(), String> {
        script.check_route(route)?;
        let _runtime = self.runtime.enter();
        self.live().injector.script(route, script);
        Ok(())
    }

    pub(crate) fn outcomes(&self, script: Script<TaskOutcome>) {
        let _runtime = self.runtime.enter();
        self.live().injector.outcomes(script);
    }

    pub(crate) fn rate_limit(&self, limit: Option<RateLimit>) {
        self.live().injector.rate_limit(limit);
    }

    pub(crate) fn capacity(&self, places: Option<usize>) {
        let _runtime = self.runtime.enter();
        self.live().tasks.set_capacity(Instant::now(), places);
    }

    pub(crate) fn audio_host(&self, audio_host: AudioHost) {
        self.live().audio_host = audio_host;
    }

    pub(crate) fn complete(&self, id: &str) -> Result<(), String> {
        let _runtime = self.runtime.enter();
        self.live().tasks.complete(Instant::now(), id)
    }

    pub(crate) fn fail(&self, id: &str) -> Result<(), String> {
        let _runtime = self.runtime.enter();
        self.live().tasks.end(Instant::now(), id, Ending::Error)
    }

    pub(crate) fn clear_records(&self) {
        let mut live = self.live();
        live.records.clear();
        live.tasks.clear_count();
    }
}
