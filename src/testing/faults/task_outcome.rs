//! What becomes of a task.

use std::{sync::Arc, time::Duration};

/// What becomes of a task, and what is seen of it before.
///
/// The create is accepted, and billed, whatever the fate. The first task is to end in `ERROR`:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{TaskOutcome, Script, Simulator};
///
/// let simulator = Simulator::builder().outcomes(Script::nth(1, TaskOutcome::fails())).start().await?;
///
/// let error = simulator.client().speak("Hello").await.unwrap_err();
///
/// assert!(error.is_failed());
/// assert_eq!(error.task_id(), Some(&simulator.tasks()[0].0));
/// # Ok(()) }
/// ```
///
/// One by one, with what may be seen of a task before its end:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{TaskOutcome, Script, Simulator};
/// use std::time::Duration;
///
/// let outcomes = Script::steps([
///     Some(TaskOutcome::completes().not_found_for(Duration::from_millis(100)).running_as("WARMING_UP")),
///     Some(TaskOutcome::without_url()),
///     Some(TaskOutcome::never_ends()),
/// ]);
/// let simulator = Simulator::builder().outcomes(outcomes).start().await?;
/// let client = simulator.client();
///
/// client.speak("A replica lags.").await?;
/// assert!(client.speak("No address.").await?.audio().unwrap_err().is_download());
/// let endless = client.speak("No end.").deadline(Duration::from_millis(100)).await;
/// assert!(endless.unwrap_err().is_deadline());
/// # Ok(()) }
/// ```
///
/// [`Simulator::outcomes`](super::Simulator::outcomes) chooses tasks by the order of their creates,
/// [`Simulator::outcome_of`](super::Simulator::outcome_of) by their text.
#[derive(Clone, Debug)]
#[must_use = "a fate does nothing until the simulator is told whose"]
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
    /// `COMPLETED` with its audio, as any task without another fate.
    pub fn completes() -> Self {
        Self::ending(Ending::Audio)
    }

    /// `ERROR` when its time is over; no results, and no reason, as the API gives none.
    pub fn fails() -> Self {
        Self::ending(Ending::Error)
    }

    /// `COMPLETED`, with a result that has no `url`: the document allows it. There is no audio either.
    pub fn without_url() -> Self {
        Self::ending(Ending::NoUrl)
    }

    /// `PROCESSING` for ever.
    pub fn never_ends() -> Self {
        Self::ending(Ending::Never)
    }

    /// The task is not found, 404, for this long after its create: a poll reaches a replica that has not heard of it.
    /// Its life goes on meanwhile. On tokio's clock.
    pub fn not_found_for(mut self, time: Duration) -> Self {
        self.not_found_for = time;
        self
    }

    /// What it says instead of `PROCESSING`, such as a status that nobody knows yet.
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
