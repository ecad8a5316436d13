//! Outgoing requests: which one, when, and the one place that sends a create.

use std::fmt::Display;

use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use super::{Engine, api::SpeechApi, outage::OutageFailures};
use crate::{
    Error,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            breaker::MAX_REQUESTS,
            pending::AttemptOutcome,
            rate_limiter::RateLimiter,
        },
        polling::poller::PollState,
        retry::{label::Label, submit::send_once},
        transport::{failure::Failure, once_body::OnWritten},
    },
};

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Sends the requests that are due and allowed. Sets the time of the next one.
    pub(in crate::ext::batch) fn send(&mut self) -> bool {
        let mut progressed = false;
        self.wake_at = None;
        while !self.stopping {
            let now = Instant::now();
            if self.scheduler.has_creates() {
                self.breaker.check_silence(now);
            }
            let cooldown_end = self.api.client().inner().cooldown.ends_at();
            let pause_end = cooldown_end.max(self.breaker.paused_until(now));
            self.active.progress.on_hold(pause_end, self.breaker.outage_since());
            if let Some(cooldown_end) = cooldown_end {
                progressed |= self.expire_waits(cooldown_end);
            }
            if let Some(pause_end) = pause_end {
                progressed |= self.postpone_polls(now, pause_end, cooldown_end);
            }
            if pause_end.is_some() || self.breaker.holds_ready() {
                progressed |= self.hold_ready(now);
            }
            if pause_end.is_some() || self.breaker.outage_since().is_some() {
                progressed |= self.expire_creates(now, cooldown_end);
            } else {
                (self.next_check, self.outage_failures) = (None, OutageFailures::default());
                if !self.scheduler.has_creates() {
                    // No create was held back by the last cooldown.
                    self.rate_limited_since = None;
                }
            }
            let silent = self.silent_polls.count();
            if self.in_flight_requests() >= MAX_REQUESTS || !self.breaker.allows_request(silent) {
                break;
            }
            if let Some(slot) = self.ready_to_send.front().copied() {
                let allowed_at = self.rate_limiter.as_ref().map_or(Some(now), RateLimiter::next_send_at);
                if allowed_at.is_none_or(|at| at > now) {
                    self.wake_at = allowed_at;
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
            let allowed_at = self.rate_limiter.as_ref().map_or(Some(now), RateLimiter::next_slot_at);
            let Some(allowed_at) = allowed_at else { break };
            let resume_at = pause_end.unwrap_or(now);
            let probe_at = self.probe_at(now).map(|at| at.max(resume_at));
            let may_create = self.may_start_create();
            let due_at = self.scheduler.next_due_at(now, may_create.then_some(resume_at));
            let Some(due_at) = [due_at, probe_at].into_iter().flatten().min() else { break };
            if due_at.max(allowed_at) > now {
                self.wake_at = Some(due_at.max(allowed_at));
                break;
            }
            if probe_at.is_some_and(|at| at <= now) {
                self.reserve();
                self.send_probe(now);
                progressed = true;
                continue;
            }
            let tasks = &mut self.active.tasks;
            let urgency = |slot: usize| tasks[slot].state.urgency();
            let Some(slot) = self.scheduler.pop(now, may_create && pause_end.is_none(), urgency) else {
                break;
            };
            progressed = true;
            if let Some(error) = self.expired(slot) {
                self.finish(slot, Err(error));
                continue;
            }
            self.reserve();
            self.dispatch(slot);
        }
        if !self.stopping && self.scheduler.has_creates() {
            // The deadlines of creates that are held back, and creates in flight that become silent.
            let events = [self.wake_at, self.next_check, self.breaker.silent_at()];
            self.wake_at = events.into_iter().flatten().min();
        }
        progressed
    }

    fn reserve(&mut self) {
        if let Some(rate_limiter) = &mut self.rate_limiter {
            rate_limiter.reserve();
        }
    }

    /// Returns the error of a submission whose deadline has passed.
    fn expired(&mut self, slot: usize) -> Option<Error> {
        match &mut self.active.tasks[slot].state {
            TaskState::Submit(pending) => pending.expired(),
            TaskState::Resume(..) | TaskState::Wait(_) => None,
        }
    }

    fn in_flight_requests(&self) -> usize {
        // A silent poll does not hold a place.
        let polls = self.polls.len() + usize::from(self.probe.is_some()) - self.silent_polls.count();
        self.journal_writes.len() + self.creates.len() + polls
    }

    /// Sends a poll, or starts a submission: with a journal, the submission is written there first.
    pub(super) fn dispatch(&mut self, slot: usize) {
        let ActiveTask { state, key_text, .. } = &mut self.active.tasks[slot];
        if let TaskState::Resume(id, timeout) = state {
            let task = self.api.client().task(id.clone());
            let mut schedule = task.schedule(*timeout, None);
            // The journal contains only ids of accepted requests.
            schedule.not_found = schedule.not_found.of_accepted_task();
            *state = TaskState::Wait(PollState::new(schedule));
        }
        match state {
            TaskState::Wait(poll) => {
                let (api, limit, id) = (self.api.clone(), poll.start_poll(), poll.id().clone());
                self.last_task.get_or_insert_with(|| id.clone());
                let ticket = self.breaker.on_poll_sent(Instant::now());
                let (silent, patience) = (self.silent_polls.clone(), self.poll_round_trip.patience());
                let on_written = self.count_request();
                self.polls.push(Box::pin(async move {
                    let polled = silent.poll(patience, limit, api.result(id, on_written)).await;
                    (slot, (ticket, polled))
                }));
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

    /// Counts a request that is sent now. Returns the callback for when it is written.
    pub(super) fn count_request(&mut self) -> Option<OnWritten> {
        self.active.progress.on_request();
        let rate_limiter = self.rate_limiter.as_mut()?;
        rate_limiter.record_sent();
        let transit = Transit(Some(self.transit_ends.clone()));
        Some(Box::new(move || transit.end(true)))
    }

    /// Sends a create. A batch sends no create anywhere else.
    fn send_create(&mut self, slot: usize) {
        let ActiveTask { state: TaskState::Submit(pending), key_text, .. } = &mut self.active.tasks[slot]
        else {
            unreachable!("only a pending request is submitted")
        };
        pending.start_attempt(key_text);
        let (api, request, key) = (self.api.clone(), pending.speech.request.clone(), key_text.clone());
        let journal = self.journal.as_ref().map(|journal| journal.journal.clone());
        let ticket = self.breaker.on_create_sent(Instant::now());
        let on_written = self.count_request();
        let label = Label::Key(key.clone());
        self.creates.push(Box::pin(async move {
            let result = send_once(api.create(&request, on_written), &label).await;
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
            (slot, (ticket, result))
        }));
    }
}

/// A request between sending and writing it. Reports the end of the transit, also if the request is dropped.
struct Transit(Option<UnboundedSender<bool>>);

impl Transit {
    fn end(mut self, written: bool) {
        self.report(written);
    }

    fn report(&mut self, written: bool) {
        if let Some(ends) = self.0.take() {
            // Fails if the engine is gone.
            let _ = ends.send(written);
        }
    }
}

impl Drop for Transit {
    fn drop(&mut self) {
        self.report(false);
    }
}
