use std::time::Duration;

use super::{Speech, Updates, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechStatus};

/// A task that the server has taken. Dropping it does nothing to the task: its [id](Self::id) brings it back.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// use std::time::Duration;
///
/// let id = client.speak("Good morning.").submit()?.id();
///
/// match client.task(id).wait_for(Duration::from_secs(120)) {
///     Ok(speech) => drop(speech.save(std::env::temp_dir().join("morning.wav"))?),
///     Err(error) if error.is_deadline() => println!("later: {}", error.task_id().expect("it was submitted")),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SpeechTask {
    task: crate::SpeechTask,
    runtime: Runtime,
}

impl SpeechTask {
    pub(super) fn new(task: crate::SpeechTask, runtime: Runtime) -> Self {
        Self { task, runtime }
    }

    /// The id: all that is needed to come back for the speech.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The status now, by one request.
    ///
    /// # Errors
    ///
    /// Those of [`crate::SpeechTask::status`]; [`is_invalid`](Error::is_invalid) within an async runtime.
    pub fn status(&self) -> Result<SpeechStatus, Error> {
        self.runtime.run(self.task.status()).map_err(|error| error.with_task_id(&self.id()))
    }

    /// Waits for the speech, 10 minutes at most.
    ///
    /// # Errors
    ///
    /// Those of [`crate::Wait`], each with the [`task_id`](Error::task_id); [`is_invalid`](Error::is_invalid) within an
    /// async runtime.
    pub fn wait(&self) -> Result<Speech, Error> {
        self.outcome(self.task.wait())
    }

    /// Waits for the speech, this long at most: [`crate::Wait::deadline`]. Zero is a single look.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_for(&self, time: Duration) -> Result<Speech, Error> {
        self.outcome(self.task.wait().deadline(time))
    }

    /// The changes of the status, up to the last one: see [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(&self.task, self.runtime.clone())
    }

    fn outcome(&self, wait: crate::Wait) -> Result<Speech, Error> {
        // Even a refusal is about a task that was paid for.
        let speech = self.runtime.run(wait.into_future()).map_err(|error| error.with_task_id(&self.id()))?;
        Ok(Speech::new(speech, self.runtime.clone()))
    }
}
