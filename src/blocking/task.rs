use std::time::Duration;

use super::{Speech, Updates, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechStatus};

/// A task that the server has accepted, submitted by this process or another.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// use std::time::Duration;
///
/// let id = client.speak("Good morning.").submit()?.id().clone();
///
/// match client.task(id.clone()).wait_for(Duration::from_secs(120)) {
///     Ok(speech) => drop(speech.save(std::env::temp_dir().join("morning.wav"))?),
///     Err(error) if error.is_deadline() => println!("not finished yet: task {id}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::SpeechTask`]. A `SpeechTask` is a handle.
/// Cloning or dropping the handle does not affect the server.
#[derive(Clone, Debug)]
pub struct SpeechTask {
    task: crate::SpeechTask,
    runtime: Runtime,
}

impl SpeechTask {
    pub(super) fn new(task: crate::SpeechTask, runtime: Runtime) -> Self {
        Self { task, runtime }
    }

    /// Returns the task id. [`Client::task`](super::Client::task) turns the id into a handle again.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        self.task.id()
    }

    /// Polls the task once and returns its status, without waiting and without retries.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::SpeechTask::status`]
    pub fn status(&self) -> Result<SpeechStatus, Error> {
        let task = self.task.clone();
        let status = self.runtime.run(async move { task.status().await });
        status.map_err(|error| error.with_task_id(self.id()))
    }

    /// Waits until the task is finished, and returns the speech.
    ///
    /// The time limit is 10 minutes. To set another limit, use [`wait_for`](Self::wait_for).
    ///
    /// # Errors
    ///
    /// Each error carries the [`task_id`](Error::task_id):
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Wait`]
    pub fn wait(&self) -> Result<Speech, Error> {
        self.run_wait(self.task.wait())
    }

    /// Waits until the task is finished, for at most `time`, and returns the speech.
    ///
    /// A limit of zero means a single poll. See [`crate::Wait::deadline`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`wait`](Self::wait).
    pub fn wait_for(&self, time: Duration) -> Result<Speech, Error> {
        self.run_wait(self.task.wait().deadline(time))
    }

    /// Returns an iterator over the status changes, up to the final status. See [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(&self.task, self.runtime.clone())
    }

    fn run_wait(&self, wait: crate::Wait) -> Result<Speech, Error> {
        // An error of the runtime also needs the task id, because the task may be billed.
        let speech = self.runtime.run(wait.into_future()).map_err(|error| error.with_task_id(self.id()))?;
        Ok(Speech::new(speech, self.runtime.clone()))
    }
}
