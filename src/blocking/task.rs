use std::time::Duration;

use super::{Speech, Updates, forward::forward, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechStatus};

/// A task that the server has accepted, submitted by this process or another.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let task = client.speak("Good morning.").submit()?;
/// let id = task.id(); // Store the id.
///
/// let task = client.task(id.clone());
/// println!("{}", task.status()?);
/// let speech = task.wait().run()?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::SpeechTask`]. A `SpeechTask` is a handle.
/// Cloning or dropping the handle does not affect the server.
#[derive(Clone, Debug)]
pub struct SpeechTask {
    inner: crate::SpeechTask,
    runtime: Runtime,
}

impl SpeechTask {
    pub(super) fn new(inner: crate::SpeechTask, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::SpeechTask";
        /// Returns the task id. [`Client::task`](super::Client::task) turns the id into a handle again.
        get id() -> &TaskId;
    }

    /// Polls the task once and returns its status, without waiting and without retries.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::SpeechTask::status`]
    pub fn status(&self) -> Result<SpeechStatus, Error> {
        let task = self.inner.clone();
        self.runtime.run_for(self.id(), async move { task.status().await })
    }

    /// Returns a wait for the task, which [`run`](Wait::run) starts.
    pub fn wait(&self) -> Wait {
        Wait { id: self.id().clone(), inner: self.inner.wait(), runtime: self.runtime.clone() }
    }

    /// Returns an iterator over the status changes, up to the final status. See [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(&self.inner, self.runtime.clone())
    }
}

/// A wait for a task to finish, from [`SpeechTask::wait`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let id = client.speak("Good morning.").submit()?.id().clone();
/// use std::time::Duration;
///
/// match client.task(id.clone()).wait().deadline(Duration::from_secs(120)).run() {
///     Ok(speech) => drop(speech.save(std::env::temp_dir().join("morning.wav"))?),
///     Err(error) if error.is_deadline() => println!("not finished yet: task {id}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Wait`].
#[derive(Debug)]
#[must_use = "nothing is sent until `run` is called"]
pub struct Wait {
    id: TaskId,
    inner: crate::Wait,
    runtime: Runtime,
}

impl Wait {
    forward! {
        "crate::Wait";
        /// Sets the time limit, which starts when [`run`](Self::run) is called. The default is 10 minutes.
        set deadline(time: Duration);
    }

    /// Waits until the task is finished, and returns the speech.
    ///
    /// Equivalent to awaiting a [`crate::Wait`].
    ///
    /// # Errors
    ///
    /// Each error carries the [`task_id`](Error::task_id):
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Wait`]
    pub fn run(self) -> Result<Speech, Error> {
        let speech = self.runtime.run_for(&self.id, self.inner.into_future())?;
        Ok(Speech::new(speech, self.runtime))
    }
}
