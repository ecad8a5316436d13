//! Changes to a running simulator: faults, outcomes, rate limits and outages.

use std::{io, time::Duration};

use super::{Simulator, listener_control::State};
use crate::testing::faults::{
    rate_limit::RateLimit,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
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
    /// # #[tokio::main(flavor = "current_thread")]
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
        script.assert_fits(route);
        self.state.injector().script(route, script);
    }

    /// Assigns a [`TaskOutcome`] to selected tasks, counted by accepted submissions from now.
    ///
    /// Replaces the previous script. Tasks that are already accepted keep their outcomes.
    pub fn outcomes(&self, script: Script<TaskOutcome>) {
        self.state.injector().outcomes(script);
    }

    /// Sets the outcome of all tasks with this text that are accepted from now on.
    ///
    /// Takes precedence over [`outcomes`](Self::outcomes).
    pub fn outcome_of(&self, text: impl Into<String>, outcome: TaskOutcome) {
        self.state.injector().outcome_of(text.into(), outcome);
    }

    /// Limits the requests that the API admits from now on. Earlier requests do not count.
    ///
    /// `None` removes the limit.
    pub fn rate_limit(&self, limit: impl Into<Option<RateLimit>>) {
        self.state.injector().rate_limit(limit.into());
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
        self.state.listener_control(host).set(State::Down(None)).await
    }

    /// Starts listening again on the same port. Does nothing if the host is up.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
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
    /// # #[tokio::main(flavor = "current_thread")]
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
        self.state.listener_control(host).set(State::Down(Some(time))).await
    }
}
