//! What a test may do to a running simulator.

use std::{io, time::Duration};

use super::{Simulator, listener::State};
use crate::testing::faults::{
    rate_limit::RateLimit,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};

/// What goes wrong, from now on.
impl Simulator {
    /// Which requests of a route meet which [`Fault`](super::Fault), counted from now. Replaces the script that the
    /// route had; [`Script::nothing`] ends it.
    ///
    /// The [`rate_limit`](Self::rate_limit) stands before it, and everything else behind: a fault comes to requests
    /// with a wrong key as well.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Fault, Route, Script, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// let flaky = [Fault::reset(), Fault::status(502).html("<h1>Bad Gateway</h1>"), Fault::truncated_json()];
    /// simulator.script(Route::Result, Script::random(7, 0.2, flaky));
    /// simulator.script(Route::Audio, Script::steps([None, Some(Fault::cut_short())]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// For a fault that cannot happen there.
    #[track_caller]
    pub fn script(&self, route: Route, script: Script) {
        script.assert_fits(route);
        self.state.injector().script(route, script);
    }

    /// Which tasks have which [`TaskOutcome`], counted by their accepted creates from now. Replaces the script before; tasks
    /// that were accepted keep theirs.
    pub fn outcomes(&self, script: Script<TaskOutcome>) {
        self.state.injector().outcomes(script);
    }

    /// What becomes of the tasks of this text that are accepted from now on, whatever [`outcomes`](Self::outcomes) says. See
    /// [`TaskOutcome`].
    pub fn outcome_of(&self, text: impl Into<String>, fate: TaskOutcome) {
        self.state.injector().outcome_of(text.into(), fate);
    }

    /// How many requests the API takes from now on; what came before does not count. `None` ends it. See [`RateLimit`].
    pub fn rate_limit(&self, limit: impl Into<Option<RateLimit>>) {
        self.state.injector().rate_limit(limit.into());
    }

    /// Nobody listens any more, until [`come_up`](Self::come_up): new connections are refused. Those that are open are
    /// closed, whatever they are doing: a create may have been accepted whose reply is lost. What was accepted is
    /// still there afterwards, and tasks go on meanwhile.
    ///
    /// A listening socket cannot refuse one connection and take the next, so this is not a [`Fault`](super::Fault) of
    /// one route; [`Fault::crash`](super::Fault::crash) begins it with a request.
    ///
    /// # Errors
    ///
    /// When the system has given the port to somebody else in the same moment.
    pub async fn go_down(&self, host: Host) -> io::Result<()> {
        self.state.listener_control(host).set(State::Down(None)).await
    }

    /// Listens again, on the same port. Does nothing to a host that is up.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
    /// When the system does not let it.
    pub async fn come_up(&self, host: Host) -> io::Result<()> {
        self.state.listener_control(host).set(State::Up).await
    }

    /// [Goes down](Self::go_down), and comes up by itself after this time, on tokio's clock. Returns when it is down.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Host, Simulator};
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::start().await?;
    /// simulator.down_for(Host::Api, Duration::from_millis(200)).await?;
    ///
    /// let task = simulator.client().speak("Hello").submit().await?;
    ///
    /// assert_eq!(simulator.tasks()[0].0, task.id());
    /// assert_eq!(simulator.requests(), 1, "the others were refused, and seen by nobody");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`go_down`](Self::go_down).
    pub async fn down_for(&self, host: Host, time: Duration) -> io::Result<()> {
        self.state.listener_control(host).set(State::Down(Some(time))).await
    }
}
