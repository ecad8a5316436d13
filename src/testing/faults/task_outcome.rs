//! The outcome of a task.

use std::{sync::Arc, time::Duration};

/// The outcome of a task, and what polls observe before it.
///
/// A submission is accepted and billed, regardless of the outcome. In this example, the first task ends in
/// `ERROR`:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Script, Simulator, TaskOutcome};
///
/// let outcomes = Script::nth(1, TaskOutcome::fails());
/// let simulator = Simulator::builder().outcomes(outcomes).start().await?;
///
/// let error = simulator.client().speak("Hello").await.unwrap_err();
///
/// assert!(error.is_failed());
/// assert_eq!(error.task_id(), Some(&simulator.tasks()[0].0));
/// # Ok(()) }
/// ```
///
/// This script gives each of three tasks its own outcome:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Script, Simulator, TaskOutcome};
/// use std::time::Duration;
///
/// let lagging_replica = TaskOutcome::completes()
///     .not_found_for(Duration::from_millis(100))
///     .running_as("WARMING_UP");
/// let outcomes = Script::steps([
///     Some(lagging_replica),
///     Some(TaskOutcome::without_url()),
///     Some(TaskOutcome::never_ends()),
/// ]);
/// let simulator = Simulator::builder().outcomes(outcomes).start().await?;
/// let client = simulator.client();
///
/// client.speak("A replica lags.").await?;
/// assert!(client.speak("No URL.").await?.audio().unwrap_err().is_download());
/// let endless = client.speak("No end.").deadline(Duration::from_millis(100)).await;
/// assert!(endless.unwrap_err().is_deadline());
/// # Ok(()) }
/// ```
///
/// [`Simulator::outcomes`](crate::testing::Simulator::outcomes) selects tasks by the order of their
/// submissions, [`Simulator::outcome_of`](crate::testing::Simulator::outcome_of) by their text.
#[derive(Clone, Debug)]
#[must_use = "an outcome does nothing until it is passed to a simulator"]
pub struct TaskOutcome {
    pub(crate) ending: Ending,
    pub(crate) not_found_for: Duration,
    pub(crate) running_as: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Audio,
    NoUrl,
    Error,
    Never,
}

impl TaskOutcome {
    /// Ends the task in `COMPLETED` with its audio. This is the default.
    pub fn completes() -> Self {
        Self::ending(Ending::Audio)
    }

    /// Ends the task in `ERROR`, without results. The API does not give a reason, so the simulator
    /// does not give one either.
    pub fn fails() -> Self {
        Self::ending(Ending::Error)
    }

    /// Ends the task in `COMPLETED` with a result whose `url` is missing, which the document allows. The
    /// audio does not exist either.
    pub fn without_url() -> Self {
        Self::ending(Ending::NoUrl)
    }

    /// Leaves the task in `PROCESSING` indefinitely.
    pub fn never_ends() -> Self {
        Self::ending(Ending::Never)
    }

    /// Responds to polls with 404 for this long after the submission, like a replica that lags behind.
    ///
    /// The task itself makes progress in the meantime. The time is measured on tokio's clock.
    pub fn not_found_for(mut self, time: Duration) -> Self {
        self.not_found_for = time;
        self
    }

    /// Reports this status instead of `PROCESSING`, for example a status that clients do not know
    /// yet.
    pub fn running_as(mut self, status: impl AsRef<str>) -> Self {
        self.running_as = Some(status.as_ref().into());
        self
    }

    fn ending(ending: Ending) -> Self {
        Self { ending, not_found_for: Duration::ZERO, running_as: None }
    }
}

impl Default for TaskOutcome {
    fn default() -> Self {
        Self::completes()
    }
}
