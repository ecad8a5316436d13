use std::time::Duration;

use super::{Speech, forward::forward, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechStatus};

/// An iterator over the changes of a task's status. `next` blocks until the next change.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let task = client.speak("Good morning.").submit()?;
/// for update in task.updates() {
///     let update = update?;
///     println!("{}", update.status());
///     if let Some(speech) = update.into_speech() {
///         speech.save(std::env::temp_dir().join("morning.wav"))?;
///     }
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Updates`]. The iterator sends requests only
/// during `next`. The iterator ends after a final status (COMPLETED or ERROR) or after an error.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Updates {
    id: TaskId,
    inner: Option<crate::Updates>,
    runtime: Runtime,
}

impl Updates {
    pub(super) fn new(task: &crate::SpeechTask, runtime: Runtime) -> Self {
        Self { id: task.id().clone(), inner: Some(task.updates()), runtime }
    }

    /// Sets the time limit, which starts at the first call of `next`. After that, this method has
    /// no effect.
    ///
    /// The default is 10 minutes.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.inner = self.inner.map(|updates| updates.deadline(time));
        self
    }
}

impl Iterator for Updates {
    type Item = Result<Update, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let update = self.runtime.next(&mut self.inner)?.map_err(|error| error.with_task_id(&self.id));
        Some(update.map(|inner| Update { inner, runtime: self.runtime.clone() }))
    }
}

/// A change of a task's status, from [`Updates`].
#[derive(Clone, Debug)]
pub struct Update {
    inner: crate::Update,
    runtime: Runtime,
}

impl Update {
    forward! {
        "crate::Update";
        /// Returns the new status.
        get status() -> &SpeechStatus;
    }

    /// Returns the speech if the status is COMPLETED, without another request.
    #[must_use]
    pub fn into_speech(self) -> Option<Speech> {
        Some(Speech::new(self.inner.into_speech()?, self.runtime))
    }
}
