use std::time::Duration;

use super::{Speech, runtime::Runtime};
use crate::{Error, TaskId, types::SpeechStatus};

/// The changes of a task's status, as an iterator: `next` returns when there is one.
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
/// It is [`crate::Updates`] otherwise: it asks when it is asked, and ends after a final status or after an error.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Updates {
    id: TaskId,
    stream: Option<crate::Updates>,
    runtime: Runtime,
}

impl Updates {
    pub(super) fn new(task: &crate::SpeechTask, runtime: Runtime) -> Self {
        Self { id: task.id(), stream: Some(task.updates()), runtime }
    }

    /// How long to go on, from the first `next`; 10 minutes unless set. Has no effect later.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.stream = self.stream.map(|updates| updates.deadline(time));
        self
    }
}

impl Iterator for Updates {
    type Item = Result<Update, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let update = self.runtime.next(&mut self.stream)?.map_err(|error| error.with_task_id(&self.id));
        Some(update.map(|update| Update { update, runtime: self.runtime.clone() }))
    }
}

/// A status that a task has come to: one of its [`Updates`].
#[derive(Clone, Debug)]
pub struct Update {
    update: crate::Update,
    runtime: Runtime,
}

impl Update {
    /// The status.
    #[must_use]
    pub fn status(&self) -> &SpeechStatus {
        self.update.status()
    }

    /// The speech, with the status COMPLETED; no further request is made for it.
    #[must_use]
    pub fn into_speech(self) -> Option<Speech> {
        Some(Speech::new(self.update.into_speech()?, self.runtime))
    }
}
