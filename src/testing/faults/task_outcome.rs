//! The outcome of a task.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::seconds;

/// The maximum number of results. With millions of results, the simulator would need gigabytes for one response.
const MAX_RESULTS: u32 = 1_000;

/// The outcome of a task, and what polls observe before it.
///
/// A submission is accepted and billed, regardless of the outcome. In this example, the first task ends in
/// `ERROR`:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
///
/// In JSON, an outcome is an object. All members are optional, and times are in seconds:
///
/// ```
/// use distribute_ai::testing::TaskOutcome;
///
/// for json in [
///     r#"{ "ending": "error" }"#,
///     r#"{ "ending": "never", "running_as": "WARMING_UP" }"#,
///     r#"{ "ending": { "audio": 2 }, "waiting": 0.1, "running": 5, "postponed": 1, "not_found": 0.5 }"#,
///     r#"{ "ending": "no_url", "times_in_millis": true }"#,
/// ] {
///     serde_json::from_str::<TaskOutcome>(json)?;
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "an outcome does nothing until it is passed to a simulator"]
pub struct TaskOutcome {
    pub(crate) ending: Ending,
    #[serde(with = "seconds::optional")]
    pub(crate) waiting: Option<Duration>,
    #[serde(with = "seconds::optional")]
    pub(crate) running: Option<Duration>,
    #[serde(with = "seconds")]
    pub(crate) postponed: Duration,
    #[serde(with = "seconds")]
    pub(crate) not_found: Duration,
    pub(crate) running_as: Option<String>,
    pub(crate) times_in_millis: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// `COMPLETED` with this number of results, each with its audio.
    Audio(#[serde(deserialize_with = "results")] u32),
    NoUrl,
    Error,
    Never,
}

impl Default for Ending {
    fn default() -> Self {
        Self::Audio(1)
    }
}

impl TaskOutcome {
    /// Ends the task in `COMPLETED` with its audio. This is the default.
    pub fn completes() -> Self {
        Self::default()
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

    /// Ends the task in `COMPLETED` with `count` results, each with the audio of the text. With 0, the
    /// list of results is empty. The document allows both.
    ///
    /// # Panics
    ///
    /// Panics if `count` is above 1,000.
    #[track_caller]
    pub fn with_results(count: u32) -> Self {
        check_results(count).unwrap_or_else(|problem| panic!("{problem}"));
        Self::ending(Ending::Audio(count))
    }

    /// Leaves the task in `PROCESSING` indefinitely.
    pub fn never_ends() -> Self {
        Self::ending(Ending::Never)
    }

    /// Responds to polls with 404 for this long after the submission, like a replica that lags behind.
    ///
    /// The task itself makes progress in the meantime. The time is measured on tokio's clock.
    pub fn not_found_for(mut self, time: Duration) -> Self {
        self.not_found = time;
        self
    }

    /// Sets how long the task waits for a worker, instead of
    /// [`SimulatorBuilder::waiting`](crate::testing::SimulatorBuilder::waiting).
    pub fn waiting_for(mut self, time: Duration) -> Self {
        self.waiting = Some(time);
        self
    }

    /// Sets how long the task is `PROCESSING`, instead of
    /// [`SimulatorBuilder::running`](crate::testing::SimulatorBuilder::running) and
    /// [`running_per_character`](crate::testing::SimulatorBuilder::running_per_character).
    pub fn running_for(mut self, time: Duration) -> Self {
        self.running = Some(time);
        self
    }

    /// Reports `POSTPONED` for this long between `ASSIGNED_CONNECTIONS` and `PROCESSING`. The task takes
    /// longer by this time.
    pub fn postponed_for(mut self, time: Duration) -> Self {
        self.postponed = time;
        self
    }

    /// Reports `created` and `finished` in milliseconds, because the document does not name the unit.
    pub fn times_in_millis(mut self) -> Self {
        self.times_in_millis = true;
        self
    }

    /// Reports this status instead of `PROCESSING`, for example a status that clients do not know
    /// yet.
    pub fn running_as(mut self, status: impl Into<String>) -> Self {
        self.running_as = Some(status.into());
        self
    }

    fn ending(ending: Ending) -> Self {
        Self { ending, ..Self::default() }
    }
}

fn check_results(count: u32) -> Result<(), String> {
    if count <= MAX_RESULTS {
        return Ok(());
    }
    Err(format!("results: {count} is too large, expected at most {MAX_RESULTS}"))
}

fn results<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = u32::deserialize(deserializer)?;
    check_results(count).map_err(D::Error::custom)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcome_from_json_has_at_most_1000_results() {
        let outcome = |count: u32| {
            let json = serde_json::json!({ "ending": { "audio": count } });
            serde_json::from_value::<TaskOutcome>(json).map_err(|error| error.to_string())
        };
        assert_eq!(outcome(1_000), Ok(TaskOutcome::with_results(1_000)));
        for count in [1_001, u32::MAX] {
            let problem = format!("results: {count} is too large, expected at most 1000");
            assert_eq!(outcome(count), Err(problem));
        }
    }

    #[test]
    #[should_panic(expected = "results: 1001 is too large, expected at most 1000")]
    fn outcome_with_1001_results_panics() {
        let _ = TaskOutcome::with_results(1_001);
    }
}
