//! Incoming events: acknowledgements of the journal, and responses of the server.

use std::{
    fmt::Display,
    task::{Context, Poll},
};

use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Engine, api::SpeechApi};
use crate::{
    Error, SpeechTask, TaskId,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            breaker::Outcome,
            key_check::is_key_rejected,
            pending::{ActiveJournal, AttemptOutcome, PendingRequest},
        },
        polling::{poller::PollState, status::TaskPhase},
        retry::policy::Decision,
        speech::speak::call_on_submitted,
        transport::{
            call::Received,
            failure::{Failure, FailureKind},
        },
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
                Ok(()) => match self.fatal.clone() {
                    None => self.ready_to_send.push_back(slot),
                    Some(fatal) => {
                        self.record_outcome(slot, AttemptOutcome::NotSent);
                        self.finish_unsent(slot, fatal);
                    }
                },
                // Without a journal, the task id of a new submission could be lost.
                Err(error) => {
                    self.end_submissions(error.clone());
                    self.finish_unsent(slot, error);
                }
            }
        }
        progressed
    }

    /// Tells the rate limiter which requests were written.
    pub(super) fn poll_transits(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some(written)) = self.transits.poll_recv(context) {
            progressed = true;
            if let Some(rate_limiter) = &mut self.rate_limiter {
                rate_limiter.record_transit_end(written);
            }
        }
        progressed
    }

    pub(super) fn poll_responses(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some((slot, (ticket, created)))) = self.creates.poll_next_unpin(context) {
            progressed = true;
            let cooldown = self.api.client().inner().cooldown.ends_at().is_some();
            self.breaker.on_create(Instant::now(), ticket, Outcome::of_create(&created).given(cooldown));
            self.on_created(slot, created);
        }
        while let Poll::Ready(Some((slot, (ticket, polled)))) = self.polls.poll_next_unpin(context) {
            progressed = true;
            let now = Instant::now();
            let cooldown = self.api.client().inner().cooldown.ends_at().is_some();
            self.breaker.on_poll(now, ticket, Outcome::of_poll(&polled).given(cooldown));
            if polled.is_ok() {
                self.poll_round_trip.observe(ticket.age(now));
            }
            let is_key_rejected = polled.as_ref().is_err_and(is_key_rejected);
            match self.on_polled(slot, polled) {
                Ok(None) => {}
                Ok(Some(result)) => self.finish(slot, Ok(result)),
                Err(error) => {
                    self.finish(slot, Err(error.clone()));
                    if is_key_rejected {
                        self.end_submissions(Error::not_sent(error));
                    }
                }
            }
        }
        if let Some((ticket, probe)) = &mut self.probe
            && let Poll::Ready(polled) = probe.as_mut().poll(context)
        {
            progressed = true;
            let ticket = *ticket;
            self.probe = None;
            self.on_probe(ticket, polled);
        }
        progressed
    }

    fn on_created(&mut self, slot: usize, created: Result<TaskId, Failure>) {
        let ActiveTask { state, .. } = &mut self.active.tasks[slot];
        let TaskState::Submit(pending) = state else { unreachable!("only a pending request is submitted") };
        match created {
            Ok(id) => {
                self.key_check.on_accepted();
                self.rate_limited_since = None;
                self.last_task = Some(id.clone());
                let (timeout, deadline) = (pending.speech.timeout, pending.deadline());
                // Stored before the caller's code runs, which may panic.
                let accepted = std::mem::replace(state, TaskState::Resume(id.clone(), timeout));
                let TaskState::Submit(pending) = accepted else { unreachable!("see above") };
                let PendingRequest { speech, .. } = *pending;
                if let Some(callback) = &speech.on_submitted {
                    call_on_submitted(&**callback, &id);
                }
                if self.stopping {
                    return;
                }
                let characters = speech.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).with_characters(characters);
                let poll = PollState::new(task.schedule(timeout, Some(deadline)));
                self.scheduler.add(poll.due(), slot);
                self.active.tasks[slot].state = TaskState::Wait(poll);
            }
            Err(failure) => {
                let rejection = self.key_check.on_create_failure(&failure).then(|| failure.clone());
                if Outcome::of_create(&Err::<(), _>(failure.clone())) == Outcome::Unavailable {
                    self.create_not_connected = failure.kind == FailureKind::NotConnected;
                    self.outage_failures.record_create(failure.clone());
                }
                let (outcome, next_attempt) = pending.on_failure(failure);
                self.record_outcome(slot, outcome);
                match (next_attempt, self.fatal.clone()) {
                    (Ok(_), Some(fatal)) => self.finish_unsent(slot, fatal),
                    (Ok(due), None) => self.scheduler.add_retry(due, slot),
                    (Err(error), _) => self.finish(slot, Err(error)),
                }
                if let Some(rejection) = rejection {
                    let rejection = Error::from_failure(Decision::Reject, rejection);
                    self.end_submissions(Error::not_sent(rejection));
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
