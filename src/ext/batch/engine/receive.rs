//! Incoming events: acknowledgements of the journal, and responses of the server.

use std::{
    fmt::Display,
    task::{Context, Poll},
};

use futures_util::StreamExt;

use super::{Engine, api::SpeechApi};
use crate::{
    Error, SpeechTask, TaskId,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            pending::{ActiveJournal, AttemptOutcome, PendingRequest},
        },
        polling::{poller::PollState, status::TaskPhase},
        speech::speak::call_on_submitted,
        transport::{call::Received, failure::Failure},
    },
    types::SpeechResult,
};

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    pub(super) fn poll_journal(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some((slot, written))) = self.journal_writes.poll_next_unpin(context) {
            progressed = true;
            match written {
                Ok(()) if self.stopping => self.record_outcome(slot, AttemptOutcome::NotSent),
                Ok(()) => self.ready_to_send.push_back(slot),
                Err(error) => {
                    self.fatal.get_or_insert(error);
                    self.ready_to_send.push_back(slot);
                }
            }
        }
        if let Some(fatal) = self.fatal.as_ref().filter(|_| progressed) {
            // Without a journal, the task id of a new submission could be lost.
            let fatal = fatal.clone();
            for slot in std::mem::take(&mut self.ready_to_send) {
                if let TaskState::Submit(pending) = &self.active.tasks[slot].state {
                    let error = pending.finish_with(fatal.clone());
                    self.finish(slot, Err(error));
                }
            }
        }
        progressed
    }

    pub(super) fn poll_responses(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some((slot, created))) = self.creates.poll_next_unpin(context) {
            progressed = true;
            self.on_created(slot, created);
        }
        while let Poll::Ready(Some((slot, polled))) = self.polls.poll_next_unpin(context) {
            progressed = true;
            match self.on_polled(slot, polled) {
                Ok(None) => {}
                Ok(Some(result)) => self.finish(slot, Ok(result)),
                Err(error) => self.finish(slot, Err(error)),
            }
        }
        progressed
    }

    fn on_created(&mut self, slot: usize, created: Result<TaskId, Failure>) {
        let ActiveTask { state, .. } = &mut self.active.tasks[slot];
        let TaskState::Submit(pending) = state else { unreachable!("only a pending request is submitted") };
        match created {
            Ok(id) => {
                let PendingRequest { speech, .. } = &**pending;
                if let Some(callback) = &speech.on_submitted {
                    call_on_submitted(&**callback, &id);
                }
                let characters = speech.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).with_characters(characters);
                let poll = PollState::new(task.schedule(speech.timeout, Some(pending.deadline())));
                self.scheduler.add(poll.due(), slot);
                *state = TaskState::Wait(poll);
            }
            Err(failure) => {
                let (outcome, next_attempt) = pending.on_failure(failure);
                self.record_outcome(slot, outcome);
                match next_attempt {
                    Ok(due) => self.scheduler.add(due, slot),
                    Err(error) => self.finish(slot, Err(error)),
                }
            }
        }
    }

    /// Writes the outcome of an attempt to the journal.
    pub(super) fn record_outcome(&self, slot: usize, outcome: AttemptOutcome) {
        if let Some(ActiveJournal { journal, .. }) = &self.journal {
            let key = &self.active.tasks[slot].key_text;
            match outcome {
                AttemptOutcome::NotSent => journal.unsent(key),
                AttemptOutcome::InDoubt => journal.in_doubt(key),
                AttemptOutcome::Recorded => {}
            }
        }
    }

    /// Returns the result of a finished task, or `None` if the task is polled again.
    fn on_polled(
        &mut self,
        slot: usize,
        polled: Result<Received<SpeechResult>, Failure>,
    ) -> Result<Option<(TaskId, SpeechResult)>, Error> {
        let ActiveTask { state, key_text, .. } = &mut self.active.tasks[slot];
        let TaskState::Wait(poll) = state else { unreachable!("only a waiting task is polled") };
        let journal = self.journal.as_ref().map(|active| &active.journal);
        match polled {
            Ok(received) => {
                poll.on_response(&received);
                let result = received.value;
                match result.status.phase() {
                    TaskPhase::Completed => {
                        if let Some(journal) = journal {
                            journal.finished(key_text);
                        }
                        return Ok(Some((poll.id().clone(), result)));
                    }
                    TaskPhase::Failed => {
                        if let Some(journal) = journal {
                            journal.failed(key_text);
                        }
                        return Err(Error::failed().with_task_id(poll.id()));
                    }
                    TaskPhase::Waiting | TaskPhase::Running => {}
                }
            }
            Err(failure) => poll.on_failure(failure)?,
        }
        poll.check_deadline()?;
        self.scheduler.add(poll.due(), slot);
        Ok(None)
    }
}
