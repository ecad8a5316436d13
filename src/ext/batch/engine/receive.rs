//! What comes back: from the journal, and from the server.

use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
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
        transport::failure::Failure,
    },
    types::SpeechResult,
};

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    pub(super) fn poll_journal(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some((slot, announced))) = self.journal_writes.poll_next_unpin(context) {
            progressed = true;
            match announced {
                Ok(()) if self.stopping => self.record_outcome(slot, AttemptOutcome::NotSent),
                Ok(()) => self.ready_to_send.push_back(slot),
                Err(error) => {
                    self.fatal.get_or_insert(error);
                    self.ready_to_send.push_back(slot);
                }
            }
        }
        if let Some(refusal) = self.fatal.as_ref().filter(|_| progressed) {
            // Nothing is sent any more whose id nobody could note down.
            let refusal = refusal.again();
            for slot in std::mem::take(&mut self.ready_to_send) {
                if let TaskState::Submit(draft) = &self.active.tasks[slot].state {
                    let error = draft.finish_with(refusal.again());
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
        let ActiveTask { state: stage, .. } = &mut self.active.tasks[slot];
        let TaskState::Submit(draft) = stage else { unreachable!("only a draft is created") };
        match created {
            Ok(id) => {
                let PendingRequest { speech: order, .. } = &**draft;
                if let Some(callback) = &order.on_submitted
                    && catch_unwind(AssertUnwindSafe(|| callback(&id))).is_err()
                {
                    tracing::error!(task = id.as_str(), "`on_submitted` panicked; the task goes on");
                }
                let characters = order.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).with_characters(characters);
                let polling = PollState::new(task.schedule(order.timeout, Some(draft.deadline())));
                self.scheduler.add(polling.due(), slot);
                *stage = TaskState::Wait(polling);
            }
            Err(failure) => {
                let (settled, next) = draft.on_failure(failure);
                self.record_outcome(slot, settled);
                match next {
                    Ok(due) => self.scheduler.add(due, slot),
                    Err(error) => self.finish(slot, Err(error)),
                }
            }
        }
    }

    /// Notes what an announcement came to.
    pub(super) fn record_outcome(&self, slot: usize, settled: AttemptOutcome) {
        if let Some(ActiveJournal { journal, .. }) = &self.journal {
            let name = &self.active.tasks[slot].key_text;
            match settled {
                AttemptOutcome::NotSent => journal.unsent(name),
                AttemptOutcome::InDoubt => journal.in_doubt(name),
                AttemptOutcome::Recorded => {}
            }
        }
    }

    /// A task that has ended, or none if it is to be asked for again.
    fn on_polled(
        &mut self,
        slot: usize,
        polled: Result<SpeechResult, Failure>,
    ) -> Result<Option<(TaskId, SpeechResult)>, Error> {
        let ActiveTask { state: stage, key_text: name, .. } = &mut self.active.tasks[slot];
        let TaskState::Wait(polling) = stage else { unreachable!("only a task that waits is polled") };
        let journal = self.journal.as_ref().map(|log| &log.journal);
        match polled {
            Ok(result) => {
                polling.on_response(&result);
                match result.status.phase() {
                    TaskPhase::Completed => {
                        if let Some(journal) = journal {
                            journal.finished(name);
                        }
                        return Ok(Some((polling.id().clone(), result)));
                    }
                    TaskPhase::Failed => {
                        if let Some(journal) = journal {
                            journal.failed(name);
                        }
                        return Err(Error::failed().with_task_id(polling.id()));
                    }
                    TaskPhase::Waiting | TaskPhase::Running => {}
                }
            }
            Err(failure) => polling.on_failure(failure)?,
        }
        polling.check_deadline()?;
        self.scheduler.add(polling.due(), slot);
        Ok(None)
    }
}
