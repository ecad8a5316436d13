//! Counters and records that a test reads.

use std::time::Duration;

use tokio::time::Instant;

use super::Simulator;
use crate::{
    TaskId,
    testing::faults::{received_request::ReceivedRequest, route::Route},
};

/// Counters of received requests and records of accepted submissions.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
        self.state.live().records.counts.requests
    }

    /// Returns the number of accepted submissions, which the API would bill.
    #[must_use]
    pub fn creates(&self) -> u64 {
        self.state.live().tasks.counted().len() as u64
    }

    /// Returns the number of requests that reached the result operation, regardless of their responses.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.state.live().records.counts.polls
    }

    /// Returns the number of audio downloads started. Each `Range` request counts; `HEAD` requests do not.
    #[must_use]
    pub fn downloads(&self) -> u64 {
        self.state.live().records.counts.downloads
    }

    /// Returns the number of requests that carried the key, or any `authorization` header, to the audio host.
    ///
    /// A number above 0 means that a client leaked the key: the API's real audio host belongs to a third
    /// party.
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.state.live().records.counts.leaks
    }

    /// Returns the accepted texts in the order of their submissions, to compare billed with
    /// requested texts.
    #[must_use]
    pub fn spoken(&self) -> Vec<String> {
        self.state.live().tasks.counted().iter().map(|task| task.input.clone()).collect()
    }

    /// Returns the task ids and texts of accepted submissions in order, including those whose response was
    /// lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
        let live = self.state.live();
        let tasks = live.tasks.counted().iter();
        tasks.map(|task| (TaskId::new_unchecked(&task.id), task.input.clone())).collect()
    }

    /// Returns the number of requests into which a [`script`](Self::script) injected a fault.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state.live().records.counts.faults
    }

    /// Returns the number of requests that received a 429 from the [`rate_limit`](Self::rate_limit).
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.state.live().records.counts.rate_limited
    }

    /// Returns the arrival times of the requests of a route on tokio's clock, regardless of their responses.
    /// Only the [latest](crate::testing::SimulatorBuilder::max_received) requests are recorded.
    #[must_use]
    pub fn arrivals(&self, route: Route) -> Vec<Instant> {
        self.state.live().records.arrivals(route, &self.state.clock)
    }

    /// Returns the maximum number of submissions and polls within any one second, regardless of
    /// their responses.
    #[must_use]
    pub fn peak_per_second(&self) -> usize {
        self.state.live().records.peak()
    }

    /// Returns the received requests in the order of arrival, each with its response.
    ///
    /// Only the [latest](crate::testing::SimulatorBuilder::max_received) requests are recorded. Requests to
    /// the control API are left out.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Route, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// simulator.client().speak("Hello").voice("nora").await?;
    ///
    /// let received = simulator.received();
    /// assert_eq!((received[0].route, received[0].status), (Some(Route::Create), Some(200)));
    /// assert!(received[0].body.contains(r#""voice":"nora""#));
    /// assert_eq!(received[0].header("authorization"), Some("[redacted]"));
    /// assert_eq!(received[1].task.as_ref(), Some(&simulator.tasks()[0].0), "the first poll");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedRequest> {
        self.state.live().records.received()
    }

    /// Panics if the simulator has refused a request: if a client has sent an invalid one.
    ///
    /// The message lists the first 20 requests. Faults, the rate limit, `not_found_for` and expired
    /// URLs do not count, because the test asked for them. After a fault or an outage of the API, polls of unknown
    /// tasks do not count until a submission is accepted: a [batch](crate::batch) finds out with such a poll whether the
    /// server responds.
    ///
    /// [`SimulatorBuilder::assert_nothing_refused`](crate::testing::SimulatorBuilder::assert_nothing_refused)
    /// checks this when the simulator is dropped.
    ///
    /// ```should_panic
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let wrong_key = simulator.client_builder().api_key("wrong").build()?;
    /// let _ = wrong_key.speak("Hello").await;
    ///
    /// // Panics: POST /async/speech/create: 401 Invalid API key
    /// simulator.assert_nothing_refused();
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if a request was refused.
    #[track_caller]
    pub fn assert_nothing_refused(&self) {
        let refused = self.state.live().records.refused();
        if let Some(requests) = refused {
            panic!("the simulator refused requests:\n{requests}");
        }
    }

    /// Returns the duration of the audio that the API would bill: at least one second for each accepted
    /// submission.
    ///
    /// Tasks that fail, that never end or whose audio has no URL count too. The API does not say whether it
    /// bills such tasks, so this is an assumption on the safe side. The duration of the audio is that of the
    /// [placeholder](Self::audio_of), 60 ms for each character. Real speech differs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::start().await?;
    /// let client = simulator.client();
    /// client.speak("Hi").submit().await?;
    /// client.speak("a".repeat(50)).submit().await?;
    /// assert_eq!(simulator.billed(), Duration::from_secs(1 + 3));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn billed(&self) -> Duration {
        self.state.live().tasks.billed()
    }

    /// Sets all counts to zero, and forgets the received requests. Tasks continue, but
    /// [`tasks`](Self::tasks), [`spoken`](Self::spoken), [`creates`](Self::creates) and
    /// [`billed`](Self::billed) leave out the earlier ones.
    ///
    /// Scripts, outcomes and limits stay, and their counts continue.
    pub fn clear_records(&self) {
        self.state.clear_records();
    }

    /// Forgets everything that happened since the start: tasks, counts, received requests, and changes of
    /// scripts, outcomes, limits and the audio host. The settings of the builder apply again, counted from
    /// now.
    ///
    /// Task ids start again, too: with a seed, the same text gets the same id. Use a new client then: a client that
    /// knows the earlier task as unfinished reports a submission with its id as in doubt. The ports stay. A host
    /// that is down stays down.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let task = simulator.client().speak("Hello").submit().await?;
    /// simulator.reset();
    /// assert_eq!(simulator.requests(), 0);
    /// assert!(task.status().await.is_err(), "the task is unknown");
    /// # Ok(()) }
    /// ```
    pub fn reset(&self) {
        self.state.reset();
    }
}
