//! One request of a batch, from its beginning to its end.

use std::time::Duration;

use slab::Slab;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    pending::PendingRequest,
    progress::{ProgressTracker, ResultKind},
};
use crate::{Error, TaskId, ext::polling::poller::PollState, types::SpeechResult};

pub(super) struct ActiveTask<K> {
    /// Its place in the batch, from 0.
    pub(crate) index: usize,
    pub(crate) key: K,
    /// The key as it is displayed.
    pub(crate) key_text: Box<str>,
    pub(super) state: TaskState,
}

pub(super) enum TaskState {
    /// Boxed, as a text is large and most tasks wait.
    Submit(Box<PendingRequest>),
    /// Of an earlier run, and not asked for yet: its time counts from the first poll.
    Resume(TaskId, Duration),
    Wait(PollState),
}

impl TaskState {
    /// What a request for it is worth.
    pub(crate) fn urgency(&self) -> f64 {
        match self {
            // It was sent before and came to nothing; or it may be done since long ago.
            Self::Submit(_) | Self::Resume(..) => f64::INFINITY,
            Self::Wait(polling) => polling.urgency(),
        }
    }
}

/// How a request of a batch has ended.
pub(crate) struct Finished<K> {
    /// Its place in the batch, from 0.
    pub(crate) index: usize,
    pub(crate) key: K,
    /// The key as it is displayed.
    pub(crate) key_text: Box<str>,
    pub(crate) outcome: Outcome,
}

pub(crate) type Outcome = Result<(TaskId, SpeechResult), Error>;

impl<K> Finished<K> {
    /// Says in the log what nobody will take, if it was paid for or may have been.
    pub(crate) fn log_undelivered(&self) {
        let key = &*self.key_text;
        match &self.outcome {
            Ok((task, _)) => tracing::warn!(key, task = task.as_str(), "done, and nobody took the result"),
            Err(error) => match error.task_id() {
                Some(task) => tracing::warn!(key, task = task.as_str(), %error, "nobody took the error"),
                None if error.is_in_doubt() => tracing::error!(key, %error, "nobody took the error"),
                None => {}
            },
        }
    }
}

/// The tasks that are under way, and the way to whoever takes their results.
///
/// Whatever becomes of the engine, by its end, a stop, the end of the runtime or a panic: what is still here when it goes
/// is handed out, for an id or a doubt is worth more than an end.
pub(super) struct ActiveTasks<K> {
    pub(crate) tasks: Slab<ActiveTask<K>>,
    pub(crate) progress: ProgressTracker,
    results: UnboundedSender<Finished<K>>,
}

impl<K> ActiveTasks<K> {
    pub(crate) fn new(tally: ProgressTracker, results: UnboundedSender<Finished<K>>) -> Self {
        Self { tasks: Slab::new(), progress: tally, results }
    }

    pub(crate) fn finish(&mut self, slot: usize, outcome: Outcome) {
        let ActiveTask { index, key, key_text: name, .. } = self.tasks.remove(slot);
        self.deliver(Finished { index, key, key_text: name, outcome });
    }

    pub(crate) fn deliver(&mut self, ended: Finished<K>) {
        self.progress.on_finished(match &ended.outcome {
            Ok(_) => ResultKind::Done,
            Err(error) if error.is_in_doubt() => ResultKind::InDoubt,
            Err(_) => ResultKind::Failed,
        });
        if let Err(untaken) = self.results.send(ended) {
            untaken.0.log_undelivered();
        }
    }
}

impl<K> Drop for ActiveTasks<K> {
    fn drop(&mut self) {
        for slot in self.tasks.iter().map(|(slot, _)| slot).collect::<Vec<_>>() {
            let error = match &self.tasks[slot].state {
                TaskState::Submit(draft) => draft.abandon(),
                TaskState::Resume(id, _) => Error::stopped().with_task_id(id),
                TaskState::Wait(polling) => Error::stopped().with_task_id(polling.id()),
            };
            self.finish(slot, Err(error));
        }
        self.progress.publish();
    }
}
