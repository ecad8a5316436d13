//! Outgoing requests: which one, when, and the one place that sends a create.

use std::fmt::Display;

use tokio::time::Instant;

use super::{Engine, api::SpeechApi};
use crate::{
    Error,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            pending::AttemptOutcome,
            rate_limiter::RateLimiter,
        },
        polling::poller::{PollState, poll_until},
        retry::submit::send_once,
        transport::{cooldown::jitter, failure::Failure, instant::saturating_add},
    },
};

/// The most requests in flight at a time, because each holds a connection.
const MAX_IN_FLIGHT_REQUESTS: usize = 256;

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Sends the requests that are due and allowed. Sets the time of the next one.
    pub(in crate::ext::batch) fn send(&mut self) -> bool {
        let mut progressed = false;
        self.wake_at = None;
        while !self.stopping && self.in_flight_requests() < MAX_IN_FLIGHT_REQUESTS {
            let now = Instant::now();
            let cooldown = self.api.client().inner().cooldown.remaining();
            let cooldown_end = cooldown.map(|remaining| saturating_add(now, remaining));
            if let Some(cooldown_end) = cooldown_end {
                progressed |= self.postpone_due(now, cooldown_end);
            }
            if let Some(slot) = self.ready_to_send.front().copied() {
                let allowed_at = self.rate_limiter.as_ref().map_or(now, RateLimiter::next_send_at);
                if allowed_at > now {
                    self.wake_at = Some(allowed_at);
                    break;
                }
                self.ready_to_send.pop_front();
                progressed = true;
                if let Some(error) = self.expired(slot) {
                    self.record_outcome(slot, AttemptOutcome::NotSent);
                    self.finish(slot, Err(error));
                } else {
                    self.send_create(slot);
                }
                continue;
            }
            let Some(due_at) = self.scheduler.next_due_at(now, cooldown_end.unwrap_or(now)) else { break };
            let allowed_at = self.rate_limiter.as_ref().map_or(now, RateLimiter::next_slot_at);
            if due_at.max(allowed_at) > now {
                self.wake_at = Some(due_at.max(allowed_at));
                break;
            }
            let tasks = &mut self.active.tasks;
            let urgency = |slot: usize| tasks[slot].state.urgency();
            let Some(slot) = self.scheduler.pop(now, cooldown_end.is_none(), urgency) else { break };
            progressed = true;
            if let Some(error) = self.expired(slot) {
                self.finish(slot, Err(error));
                continue;
            }
            if let Some(rate_limiter) = &mut self.rate_limiter {
                rate_limiter.reserve();
            }
            self.dispatch(slot);
        }
        progressed
    }

    /// Returns the error of a submission whose deadline has passed.
    fn expired(&mut self, slot: usize) -> Option<Error> {
        match &mut self.active.tasks[slot].state {
            TaskState::Submit(pending) => pending.expired(),
            TaskState::Resume(..) | TaskState::Wait(_) => None,
        }
    }

    fn in_flight_requests(&self) -> usize {
        self.journal_writes.len() + self.creates.len() + self.polls.len()
    }

    /// Postpones every due request to the end of a cooldown. A request whose deadline is earlier fails.
    fn postpone_due(&mut self, now: Instant, cooldown_end: Instant) -> bool {
        let mut progressed = false;
        let rate_limited = self.api.client().inner().cooldown.rate_limited();
        let mut ready = std::mem::take(&mut self.ready_to_send).into_iter();
        while let Some(slot) = ready
            .next()
            .inspect(|slot| self.record_outcome(*slot, AttemptOutcome::NotSent))
            .or_else(|| self.scheduler.pop_due(now))
        {
            progressed = true;
            match &mut self.active.tasks[slot].state {
                TaskState::Resume(..) => self.scheduler.add(cooldown_end + jitter(), slot),
                TaskState::Wait(poll) => {
                    let resume_at = (cooldown_end + jitter()).min(poll.deadline());
                    match rate_limited.clone().filter(|_| poll.deadline() < cooldown_end) {
                        Some(error) => {
                            let error = error.with_task_id(poll.id());
                            self.finish(slot, Err(error));
                        }
                        None => self.scheduler.add(resume_at, slot),
                    }
                }
                TaskState::Submit(pending) => {
                    match rate_limited.clone().filter(|_| pending.expires_before(cooldown_end)) {
                        Some(error) => {
                            let error = pending.rate_limited(error);
                            self.finish(slot, Err(error));
                        }
                        None => self.scheduler.add(cooldown_end + jitter(), slot),
                    }
                }
            }
        }
        progressed
    }

    /// Sends a poll, or starts a submission: with a journal, the submission is written there first.
    fn dispatch(&mut self, slot: usize) {
        let ActiveTask { state, key_text, .. } = &mut self.active.tasks[slot];
        if let TaskState::Resume(id, timeout) = state {
            let task = self.api.client().task(id.clone());
            *state = TaskState::Wait(PollState::new(task.schedule(*timeout, None)));
        }
        match state {
            TaskState::Wait(poll) => {
                let (api, limit, id) = (self.api.clone(), poll.start_poll(), poll.id().clone());
                self.count_request();
                self.polls.push(Box::pin(async move { (slot, poll_until(limit, api.result(id)).await) }));
            }
            TaskState::Submit(pending) => match (&self.journal, pending.fingerprint.clone()) {
                (Some(journal), Some(fingerprint)) => {
                    let (journal, key) = (journal.journal.clone(), key_text.clone());
                    self.journal_writes
                        .push(Box::pin(async move { (slot, journal.sending(&key, &fingerprint).await) }));
                }
                _ => self.send_create(slot),
            },
            TaskState::Resume(..) => unreachable!("a resumed task is in the state `Wait`"),
        }
    }

    /// Counts a request that is sent now.
    fn count_request(&mut self) {
        if let Some(rate_limiter) = &mut self.rate_limiter {
            rate_limiter.record_sent();
        }
        self.active.progress.on_request();
    }

    /// Sends a create. A batch sends no create anywhere else.
    fn send_create(&mut self, slot: usize) {
        let ActiveTask { state: TaskState::Submit(pending), key_text, .. } = &mut self.active.tasks[slot]
        else {
            unreachable!("only a pending request is submitted")
        };
        pending.start_attempt();
        let (api, request, key) = (self.api.clone(), pending.speech.request.clone(), key_text.clone());
        let journal = self.journal.as_ref().map(|journal| journal.journal.clone());
        self.count_request();
        self.creates.push(Box::pin(async move {
            let result = send_once(api.create(&request), &key).await;
            // A task id is written to the journal before anything else happens.
            let written = match (&journal, &result) {
                (Some(journal), Ok(id)) => journal.submitted(&key, id).await,
                (Some(journal), Err(Failure { task_id: Some(id), .. })) => {
                    journal.in_doubt_with_id(&key, id).await
                }
                _ => Ok(()),
            };
            if let Err(error) = written {
                tracing::error!(
                    key = &*key,
                    ?result,
                    %error,
                    "request sent, but its result could not be written to the journal"
                );
            }
            (slot, result)
        }));
    }
}
