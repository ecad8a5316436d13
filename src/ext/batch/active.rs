//! The requests of a batch that are under way, and the delivery of their results.

use std::{collections::HashSet, time::Duration};

use slab::Slab;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    pending::PendingRequest,
    progress::{ProgressTracker, ResultKind},
    scheduler::Urgency,
};
use crate::{
    Billed, Error, Speech, TaskId,
    ext::{polling::poller::Poller, store::handle::EntryHandle},
};

pub(super) struct ActiveTask<K> {
    /// The position in the batch, from 0.
    pub(super) index: usize,
    pub(super) key: K,
    /// The key as it is displayed.
    pub(super) key_text: Box<str>,
    /// The entry in the store, if there is a store.
    pub(super) entry: Option<EntryHandle>,
    /// The length of the text.
    pub(super) characters: usize,
    pub(super) state: TaskState,
}

#[expect(clippy::large_enum_variant, reason = "most tasks are in the largest variant")]
pub(super) enum TaskState {
    /// Boxed, because a text is large and most tasks are in `Wait`.
    Submit(Box<PendingRequest>),
    /// A task of an earlier run that has not been polled. Its time counts from the first poll.
    Resume(TaskId, Duration),
    Wait(Poller),
    /// The speech is finished, and its audio is being kept.
    Keep(Box<Speech>),
}

impl TaskState {
    /// Returns `true` for a request that is not submitted, and is not being submitted.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(self, Self::Submit(pending) if !pending.in_flight)
    }

    /// Returns `true` for a request that was sent and that the server may have accepted.
    fn is_sent_or_in_doubt(&self) -> bool {
        !self.is_unsent() || matches!(self, Self::Submit(pending) if pending.is_in_doubt())
    }

    /// Returns how much the next request of this task is worth.
    pub(super) fn urgency(&mut self) -> Urgency {
        match self {
            // A retry, or a task that may have been done for long.
            Self::Submit(_) | Self::Resume(..) | Self::Keep(_) => Urgency::Immediate,
            Self::Wait(poll) => poll.urgency().map_or(Urgency::Immediate, Urgency::Weighed),
        }
    }
}

/// The result of one request of a batch.
pub(crate) struct Finished<K> {
    /// The position in the batch, from 0.
    pub(crate) index: usize,
    pub(crate) key: K,
    /// The key as it is displayed.
    pub(crate) key_text: Box<str>,
    pub(crate) outcome: Result<Speech, Error>,
}

impl<K> Finished<K> {
    /// Logs a result that the caller did not take, if it is or may be billed.
    pub(crate) fn log_undelivered(&self) {
        let key = &*self.key_text;
        match &self.outcome {
            Ok(speech) => tracing::warn!(key, task = speech.id().printable(), "finished result not taken"),
            Err(error) => match error.task_id() {
                Some(task) => tracing::warn!(key, task = task.printable(), ?error, "error not taken"),
                None if error.is_in_doubt() => tracing::error!(key, ?error, "error in doubt not taken"),
                None => {}
            },
        }
    }
}

/// The tasks that are under way, and the channel to the consumer of their results.
///
/// The engine may end by finishing, by a stop, by a panic or with the runtime. On drop, each remaining task is delivered
/// with an error that carries its task id or its attempts in doubt.
pub(super) struct ActiveTasks<K> {
    pub(super) tasks: Slab<ActiveTask<K>>,
    pub(super) progress: ProgressTracker,
    results: UnboundedSender<Finished<K>>,
}

impl<K> ActiveTasks<K> {
    pub(super) fn new(progress: ProgressTracker, results: UnboundedSender<Finished<K>>) -> Self {
        Self { tasks: Slab::new(), progress, results }
    }

    /// Returns the request in this slot, if it is not submitted.
    pub(super) fn pending(&self, slot: usize) -> Option<&PendingRequest> {
        if let TaskState::Submit(pending) = &self.tasks[slot].state { Some(pending) } else { None }
    }

    pub(super) fn pending_mut(&mut self, slot: usize) -> Option<&mut PendingRequest> {
        if let TaskState::Submit(pending) = &mut self.tasks[slot].state { Some(pending) } else { None }
    }

    pub(super) fn finish(&mut self, slot: usize, outcome: Result<Speech, Error>) {
        let ActiveTask { index, key, key_text, entry, characters, .. } = self.tasks.remove(slot);
        let outcome = match entry {
            Some(entry) => outcome.map_err(|error| entry.explain(error)),
            None => outcome,
        };
        self.deliver(Finished { index, key, key_text, outcome }, characters);
    }

    /// Delivers the result of a text of this length.
    pub(super) fn deliver(&mut self, finished: Finished<K>, characters: usize) {
        let kind = match &finished.outcome {
            Ok(_) => ResultKind::Done,
            Err(error) if error.is_in_doubt() => ResultKind::InDoubt,
            Err(_) => ResultKind::Failed,
        };
        self.progress.on_finished(kind, characters);
        if let Err(undelivered) = self.results.send(finished) {
            undelivered.0.log_undelivered();
        }
    }
}

impl<K> Drop for ActiveTasks<K> {
    fn drop(&mut self) {
        // An engine that was cut off has not looked up the requests that were waiting for it.
        let sent = self.tasks.iter().filter(|(_, task)| task.state.is_sent_or_in_doubt());
        let sent: HashSet<_> = sent.filter_map(|(_, task)| Some(task.entry.as_ref()?.hash())).collect();
        for slot in self.tasks.iter().map(|(slot, _)| slot).collect::<Vec<_>>() {
            let ActiveTask { entry, state, .. } = &self.tasks[slot];
            let outcome = match state {
                TaskState::Submit(pending) => {
                    let is_sent = entry.as_ref().is_some_and(|entry| sent.contains(&entry.hash()));
                    let least = if is_sent { Billed::Maybe } else { Billed::No };
                    Err(pending.abandon().billed_at_least(least))
                }
                TaskState::Resume(id, _) => Err(Error::stopped().with_task_id(id)),
                TaskState::Wait(poll) => Err(Error::stopped().with_task_id(poll.id())),
                TaskState::Keep(speech) => Ok((**speech).clone()),
            };
            self.finish(slot, outcome);
        }
        self.progress.publish();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc::unbounded_channel, watch};

    use super::*;
    use crate::{
        batch::Progress,
        ext::{
            captured_log::CapturedLog,
            polling::{Adaptive, client_policy::ClientPolicy, task_policy::TaskPolicy},
        },
    };

    #[test]
    fn tasks_that_are_under_way_are_delivered_when_the_batch_is_dropped() {
        let (sender, mut results) = unbounded_channel();
        let policy = TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(Adaptive::new()))));
        let mut progress = ProgressTracker::new(watch::channel(Progress::default()).0, None, policy);
        progress.on_started(2);
        let mut active = ActiveTasks::new(progress, sender);
        let state = TaskState::Resume(TaskId::new_unchecked("t1"), Duration::ZERO);
        let (key_text, entry) = ("a".into(), None);
        active.tasks.insert(ActiveTask { index: 7, key: 'a', key_text, entry, characters: 2, state });
        drop(active);
        let finished = results.try_recv().unwrap();
        let error = finished.outcome.unwrap_err();
        assert_eq!((finished.index, finished.key), (7, 'a'));
        assert!(error.is_stopped() && error.task_id().unwrap().as_str() == "t1", "{error}");
    }

    #[test]
    fn result_that_is_not_taken_is_logged_if_it_may_be_billed() {
        let log = |error: Error| {
            let log = CapturedLog::start();
            let finished = Finished { index: 0, key: (), key_text: "line 1".into(), outcome: Err(error) };
            finished.log_undelivered();
            log.text()
        };
        let with_task = log(Error::stopped().with_task_id(&TaskId::new_unchecked("t1")));
        assert!(with_task.contains("WARN") && with_task.contains("error not taken"), "{with_task}");
        assert!(with_task.contains("line 1") && with_task.contains("t1"), "{with_task}");
        let in_doubt = log(Error::in_doubt(1, "killed".to_owned()));
        assert!(in_doubt.contains("ERROR") && in_doubt.contains("error in doubt not taken"), "{in_doubt}");
        assert_eq!(log(Error::stopped()), "");
    }

    #[test]
    fn speech_whose_audio_is_being_kept_is_delivered_when_the_batch_is_dropped() {
        let (sender, mut results) = unbounded_channel();
        let policy = TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(Adaptive::new()))));
        let mut progress = ProgressTracker::new(watch::channel(Progress::default()).0, None, policy);
        progress.on_started(2);
        let mut active = ActiveTasks::new(progress, sender);
        let client = crate::Client::builder().api_key("k").build().unwrap();
        let result = serde_json::from_value(serde_json::json!({"id": "t1", "status": "COMPLETED"})).unwrap();
        let state = TaskState::Keep(Box::new(Speech::new(client, TaskId::new_unchecked("t1"), result)));
        let (key_text, entry) = ("a".into(), None);
        active.tasks.insert(ActiveTask { index: 7, key: 'a', key_text, entry, characters: 2, state });
        drop(active);
        assert_eq!(results.try_recv().unwrap().outcome.unwrap().id().as_str(), "t1");
    }
}
