//! Counters and records that a test reads.

use std::time::Duration;

use tokio::time::Instant;

use super::Simulator;
use crate::{TaskId, testing::faults::route::Route};

/// Counters of received requests and records of accepted submissions.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
/// assert_eq!(simulator.leaks(), 0, "the key was sent to the API only");
/// # Ok(()) }
/// ```
impl Simulator {
    /// Returns the number of requests that reached the API, including those with error responses.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.recorder().requests
    }

    /// Returns the number of accepted submissions, which the API would bill.
    #[must_use]
    pub fn creates(&self) -> u64 {
        self.state.recorder().creates()
    }

    /// Returns the number of requests that reached the result operation, regardless of their responses.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.state.recorder().polls
    }

    /// Returns the number of audio downloads started. Each `Range` request counts; `HEAD` requests do not.
    #[must_use]
    pub fn downloads(&self) -> u64 {
        self.state.recorder().downloads
    }

    /// Returns the number of requests that carried the key, or any `authorization` header, to the audio host.
    ///
    /// A number above 0 means that a client leaked the key: the API's real audio host belongs to a third
    /// party.
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.state.recorder().leaks
    }

    /// Returns the accepted texts in the order of their submissions, to compare billed with
    /// requested texts.
    #[must_use]
    pub fn spoken(&self) -> Vec<String> {
        self.state.recorder().spoken()
    }

    /// Returns the task ids and texts of accepted submissions in order, including those whose response was
    /// lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let task = simulator.client().speak("Hello").submit().await?;
    /// assert_eq!(simulator.tasks(), [(task.id().clone(), "Hello".to_owned())]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tasks(&self) -> Vec<(TaskId, String)> {
        let recorder = self.state.recorder();
        recorder.tasks().map(|(id, text)| (TaskId::new_unchecked(id), text.to_owned())).collect()
    }

    /// Returns the number of requests into which a [`script`](Self::script) injected a fault.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state.recorder().faults
    }

    /// Returns the number of requests that received a 429 from the [`rate_limit`](Self::rate_limit).
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.state.recorder().rate_limited
    }

    /// Returns the arrival times of the requests of a route on tokio's clock, regardless of their responses.
    #[must_use]
    pub fn arrivals(&self, route: Route) -> Vec<Instant> {
        self.state.recorder().arrivals(route)
    }

    /// Returns the maximum number of submissions and polls within any one second, regardless of
    /// their responses.
    #[must_use]
    pub fn peak_per_second(&self) -> usize {
        self.state.recorder().peak(Duration::from_secs(1))
    }
}
