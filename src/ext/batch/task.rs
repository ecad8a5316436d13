//! One request of a batch, from its beginning to its end.

use std::time::Duration;

use slab::Slab;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    draft::Draft,
    progress::{End, Tally},
};
use crate::{Error, TaskId, ext::poll::Polling, types::SpeechResult};

pub(super) struct Task<K> {
    /// Its place in the batch, from 0.
    pub(super) index: usize,
    pub(super) key: K,
    /// The key as it is displayed.
    pub(super) name: Box<str>,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// Boxed, as a text is large and most tasks wait.
    Submit(Box<Draft>),
    /// Of an earlier run, and not asked for yet: its time counts from the first poll.
    Resume(TaskId, Duration),
    Wait(Polling),
}

impl Stage {
    /// What a request for it is worth.
    pub(super) fn urgency(&self) -> f64 {
        match self {
            // It was sent before and came to nothing; or it may be done since long ago.
            Self::Submit(_) | Self::Resume(..) => f64::INFINITY,
            Self::Wait(polling) => polling.urgency(),
        }
    }
}

/// How a request of a batch has ended.
pub(super) struct Ended<K> {
    /// Its place in the batch, from 0.
    pub(super) index: usize,
    pub(super) key: K,
    /// The key as it is displayed.
    pub(super) name: Box<str>,
    pub(super) outcome: Outcome,
}

pub(super) type Outcome = Result<(TaskId, SpeechResult), Error>;

impl<K> Ended<K> {
    /// Says in the log what nobody will take, if it was paid for or may have been.
    pub(super) fn left_untaken(&self) {
        let key = &*self.name;
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
pub(super) struct Hands<K> {
    pub(super) tasks: Slab<Task<K>>,
    pub(super) tally: Tally,
    results: UnboundedSender<Ended<K>>,
}

impl<K> Hands<K> {
    pub(super) fn new(tally: Tally, results: UnboundedSender<Ended<K>>) -> Self {
        Self { tasks: Slab::new(), tally, results }
    }

    pub(super) fn end(&mut self, place: usize, outcome: Outcome) {
        let Task { index, key, name, .. } = self.tasks.remove(place);
        self.hand_out(Ended { index, key, name, outcome });
    }

    pub(super) fn hand_out(&mut self, ended: Ended<K>) {
        self.tally.ended(match &ended.outcome {
            Ok(_) => End::Done,
            Err(error) if error.is_in_doubt() => End::InDoubt,
            Err(_) => End::Failed,
        });
        if let Err(untaken) = self.results.send(ended) {
            untaken.0.left_untaken();
        }
    }
}

impl<K> Drop for Hands<K> {
    fn drop(&mut self) {
        for place in self.tasks.iter().map(|(place, _)| place).collect::<Vec<_>>() {
            let error = match &self.tasks[place].stage {
                Stage::Submit(draft) => draft.left(),
                Stage::Resume(id, _) => Error::stopped().of_task(id),
                Stage::Wait(polling) => Error::stopped().of_task(polling.id()),
            };
            self.end(place, Err(error));
        }
        self.tally.tell();
    }
}
