//! One request of a batch, from its beginning to its end.

use std::time::Duration;

use super::draft::Draft;
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
            Ok((task, _)) => tracing::warn!(key, %task, "done, and nobody took the result"),
            Err(error) => match error.task_id() {
                Some(task) => tracing::warn!(key, %task, %error, "nobody took the error"),
                None if error.is_in_doubt() => tracing::error!(key, %error, "nobody took the error"),
                None => {}
            },
        }
    }
}
