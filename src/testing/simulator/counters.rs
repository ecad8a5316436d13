//! What a test may ask a simulator afterwards.

use std::time::Duration;

use tokio::time::Instant;

use super::Simulator;
use crate::{TaskId, testing::faults::route::Route};

/// What arrived, and what was accepted.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Route, Simulator};
///
/// let simulator = Simulator::start().await?;
/// simulator.client().speak("Hello").await?.audio()?.bytes().await?;
///
/// assert_eq!((simulator.creates(), simulator.downloads()), (1, 1));
/// assert_eq!(simulator.requests(), 1 + simulator.polls());
/// assert_eq!(simulator.arrivals(Route::Result).len() as u64, simulator.polls());
/// assert!(simulator.peak_per_second() as u64 <= simulator.requests());
/// assert_eq!((simulator.faults(), simulator.rate_limited()), (0, 0));
/// assert_eq!(simulator.leaks(), 0, "the key went to the API only");
/// # Ok(()) }
/// ```
impl Simulator {
    /// How many requests reached the API, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.recorder().requests
    }

    /// How many creates were accepted: what the API would bill for.
    #[must_use]
    pub fn creates(&self) -> u64 {
        self.state.recorder().creates()
    }

    /// How many requests reached the result operation, whatever the answer.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.state.recorder().polls
    }

    /// How many downloads of audio were begun; each part that was asked for by `Range` counts, `HEAD` does not.
    #[must_use]
    pub fn downloads(&self) -> u64 {
        self.state.recorder().downloads
    }

    /// How many requests brought the key, or any `authorization` header, to the audio host.
    ///
    /// Anything but 0 means that a client gave the key away: in reality the audio is on somebody else's host.
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.state.recorder().leaks
    }

    /// The accepted texts in the order of their creates, so that what was billed can be compared with what was asked.
    #[must_use]
    pub fn spoken(&self) -> Vec<String> {
        self.state.recorder().spoken()
    }

    /// The ids and texts of the accepted creates in their order, those included whose reply was lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let task = simulator.client().speak("Hello").submit().await?;
    /// assert_eq!(simulator.tasks(), [(task.id(), "Hello".to_owned())]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tasks(&self) -> Vec<(TaskId, String)> {
        let ledger = self.state.recorder();
        ledger.tasks().map(|(id, text)| (TaskId::from_server(id), text.to_owned())).collect()
    }

    /// How many requests met a fault of a [`script`](Self::script).
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state.recorder().faults
    }

    /// How many requests were answered 429 by the [`rate_limit`](Self::rate_limit).
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.state.recorder().rate_limited
    }

    /// When the requests of a route arrived, whatever their answers, on tokio's clock.
    #[must_use]
    pub fn arrivals(&self, route: Route) -> Vec<Instant> {
        self.state.recorder().arrivals(route)
    }

    /// The most creates and polls together that arrived within any one second, whatever their answers.
    #[must_use]
    pub fn peak_per_second(&self) -> usize {
        self.state.recorder().peak(Duration::from_secs(1))
    }
}
