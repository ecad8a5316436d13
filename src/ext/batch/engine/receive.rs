//! Incoming events: answers of the store, and responses of the server.

use std::{
    fmt::Display,
    task::{Context, Poll},
};

use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Engine, api::SpeechApi};
use crate::{
    Billed, Error, Speech, SpeechTask, TaskId,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            breaker::Outcome,
            key_check::is_key_rejected,
            pending::PendingRequest,
            repeats::EarlierOutcome,
        },
        polling::{
            poller::{Polled, Poller},
            status::TaskPhase,
        },
        retry::policy::Decision,
        speech::create::{busy, call_on_submitted},
        store::handle::{Announced, Found, StoredSpeech},
        transport::{
            call::Received,
            failure::{Failure, FailureKind},
        },
    },
    types::SpeechResult,
};

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    pub(super) fn poll_store(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some((slot, looked_up))) = self.lookups.poll_next_unpin(context) {
            progressed = true;
            match looked_up {
                Ok((found, seconds)) => self.on_found(slot, Ok(found), seconds),
                Err(error) => self.on_found(slot, Err(error), 0.0),
            }
        }
        while let Poll::Ready(Some((slot, announced))) = self.announcements.poll_next_unpin(context) {
            progressed = true;
            self.on_announced(slot, announced);
        }
        while let Poll::Ready(Some((slot, speech))) = self.keeps.poll_next_unpin(context) {
            progressed = true;
            if let Some(seconds) = speech.seconds() {
                self.spending.on_duration(speech.id(), seconds);
            }
            self.finish(slot, Ok(speech));
        }
        progressed
    }

    fn on_found(&mut self, slot: usize, found: Result<Found, Error>, expected_seconds: f64) {
        if matches!(found, Ok(Found::New(_))) && self.repeat(slot) {
            return;
        }
        let pending = self.active.pending_mut(slot).expect("only a pending request is looked up");
        match found {
            Ok(Found::New(prior_attempts)) => {
                pending.prior_attempts = prior_attempts;
                self.start_pending(slot, expected_seconds);
            }
            Ok(Found::Stored(stored)) if stored.file.is_some() => {
                let speech = Speech::stored(self.api.client().clone(), stored);
                self.finish(slot, Ok(speech));
            }
            Ok(Found::Submitted(id) | Found::Stored(StoredSpeech { id, .. })) => {
                self.active.tasks[slot].state = TaskState::Resume(id, pending.speech.time_limit);
                self.scheduler.add(Instant::now(), slot);
            }
            Ok(Found::InDoubt(error)) => self.finish(slot, Err(error)),
            Ok(Found::Busy) => {
                let error = pending.finish_with(busy(pending.speech.time_limit));
                self.finish(slot, Err(error));
            }
            // An earlier run may have submitted the request.
            Err(error) => {
                let error = pending.finish_with(error).billed_at_least(Billed::Maybe);
                self.finish(slot, Err(error));
            }
        }
    }

    /// Gives a request the outcome of an equal one, if there is one.
    fn repeat(&mut self, slot: usize) -> bool {
        let (Some(repeats), Some(entry)) = (&self.repeats, &mut self.active.tasks[slot].entry) else {
            return false;
        };
        match repeats.find(entry) {
            Some(EarlierOutcome::Failed(error)) => self.finish(slot, Err(error)),
            Some(EarlierOutcome::SpokenAgain) => {
                *entry = entry.without_redo();
                let entry = entry.clone();
                self.look_up(slot, entry);
            }
            None => return false,
        }
        true
    }

    fn on_announced(&mut self, slot: usize, announced: Result<Announced, Error>) {
        // The announcement is taken back.
        if matches!(announced, Ok(Announced::Claimed(_))) && self.repeat(slot) {
            return;
        }
        match announced {
            Ok(Announced::Claimed(attempt)) => match self.fatal.clone() {
                None => {
                    if self.reserve_share(slot)
                        && let Some(pending) = self.active.pending_mut(slot)
                    {
                        pending.attempt = Some(attempt);
                        self.ready_to_send.push_back(slot);
                    }
                }
                Some(fatal) => {
                    drop(attempt);
                    self.finish_unsent(slot, fatal);
                }
            },
            Ok(Announced::Found(found)) => self.on_found(slot, Ok(found), 0.0),
            // Without its announcement, the task id of a new submission could be lost.
            Err(error) => {
                self.end_submissions(error.clone());
                self.finish_unsent(slot, error);
            }
        }
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
                Ok(()) => {}
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
                let (time_limit, deadline) = (pending.speech.time_limit, pending.deadline());
                // Stored before the caller's code runs, which may panic.
                let accepted = std::mem::replace(state, TaskState::Resume(id.clone(), time_limit));
                let TaskState::Submit(pending) = accepted else { unreachable!("see above") };
                let PendingRequest { speech, reservation, .. } = *pending;
                if let Some(reservation) = reservation {
                    reservation.accept(&id);
                }
                if let Some(callback) = &speech.on_submitted {
                    call_on_submitted(&**callback, &id);
                }
                if self.stopping {
                    return;
                }
                let characters = speech.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).with_characters(characters);
                let poll = Poller::new(task.schedule(time_limit, Some(deadline)));
                self.scheduler.add(poll.due(), slot);
                self.active.tasks[slot].state = TaskState::Wait(poll);
            }
            Err(failure) => {
                let rejection = self.key_check.on_create_failure(&failure).then(|| failure.clone());
                if Outcome::of_create(&Err::<(), _>(failure.clone())) == Outcome::Unavailable {
                    self.create_not_connected = failure.kind == FailureKind::NotConnected;
                    self.outage_failures.record_create(failure.clone());
                }
                match (pending.on_failure(failure), self.fatal.clone()) {
                    (Ok(_), Some(error)) => self.end_unsent(slot, error),
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

    /// Finishes the task, or plans its next poll.
    fn on_polled(
        &mut self,
        slot: usize,
        polled: Result<Received<SpeechResult>, Failure>,
    ) -> Result<(), Error> {
        let ActiveTask { state, entry, .. } = &mut self.active.tasks[slot];
        let TaskState::Wait(poll) = state else { unreachable!("only a waiting task is polled") };
        match polled {
            Ok(received) => {
                let completed = poll.on_response(&received);
                let result = received.value;
                match result.status.phase() {
                    TaskPhase::Completed => {
                        let (client, id, deadline) =
                            (self.api.client().clone(), poll.id().clone(), poll.deadline());
                        let speech = Speech::new(client.clone(), id.clone(), result.clone());
                        let Some(entry) = entry.clone() else {
                            self.finish(slot, Ok(speech));
                            return Ok(());
                        };
                        *state = TaskState::Keep(Box::new(speech));
                        let task = client.task(id).with_entry(entry);
                        let polled = Polled { result, completed };
                        self.keeps
                            .push(Box::pin(async move { (slot, task.complete(polled, deadline).await) }));
                        return Ok(());
                    }
                    TaskPhase::Failed => {
                        if let Some(entry) = entry {
                            entry.failed(poll.id());
                        }
                        return Err(Error::failed().with_task_id(poll.id()));
                    }
                    TaskPhase::Waiting | TaskPhase::Running => {}
                }
            }
            Err(failure) => {
                poll.on_failure(failure)?;
            }
        }
        poll.check_deadline()?;
        self.scheduler.add(poll.due(), slot);
        Ok(())
    }
}
