//! Creates that are held back: in a cooldown, in a pause after a 429, and in an outage.

use std::{fmt::Display, time::Duration};

use reqwest::StatusCode;
use tokio::time::Instant;

use super::{Engine, api::SpeechApi};
use crate::{
    Error, TaskId,
    ext::{
        batch::{
            active::{ActiveTask, TaskState},
            breaker::{MAX_CREATES, Outcome, Ticket},
            key_check::is_key_rejected,
            pending::{Hold, PendingRequest},
        },
        error::ApiErrorResponse,
        polling::poller::poll_until,
        retry::policy::Decision,
        transport::{call::Received, cooldown::jitter, failure::Failure},
    },
    types::SpeechResult,
};

/// The interval at which the deadlines of creates are checked while they are held back.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The timeout of a probe. A probe that a broken server has accepted would otherwise delay the next one.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Returns `true` if another create may be started.
    pub(super) fn may_start_create(&self) -> bool {
        let prepared = self.announcements.len() + self.ready_to_send.len();
        prepared + self.creates.len() < MAX_CREATES && self.breaker.allows_create(prepared)
    }

    /// Holds the creates back that are ready to be sent.
    pub(super) fn hold_ready(&mut self, now: Instant) -> bool {
        let ready = std::mem::take(&mut self.ready_to_send);
        let progressed = !ready.is_empty();
        for slot in ready.into_iter().rev() {
            self.take_back(slot);
            match self.active.pending(slot) {
                Some(pending) if pending.is_new() => self.scheduler.add_new_again(slot),
                _ => self.scheduler.add_retry(now, slot),
            }
        }
        progressed
    }

    /// Ends the creates that are held back and whose time limit has passed.
    pub(super) fn expire_creates(&mut self, now: Instant, cooldown_end: Option<Instant>) -> bool {
        let mut progressed = false;
        if cooldown_end.is_some() {
            self.rate_limited_since.get_or_insert(now);
        }
        if self.next_check.is_none_or(|at| at <= now) {
            self.next_check = Some(now + CHECK_INTERVAL);
            let error = self.outage_failures.error(&self.api.client().host());
            let outage = self.breaker.outage_since().map(|since| (since, &error));
            let rate_limited = self.api.client().inner().cooldown.rate_limited();
            let rate_limited = rate_limited.zip(self.rate_limited_since);
            let rejection = not_sent_after_429();
            let throttled = self.breaker.throttled_since().map(|since| (since, &rejection));
            let hold = Hold { cooldown_end, rate_limited, throttled, outage };
            let mut errors = Vec::new();
            let ended = self.scheduler.take_creates(now, |slot| {
                let pending = self.active.pending_mut(slot);
                let error = pending.and_then(|pending| pending.held_past_deadline(now, &hold));
                let is_ended = error.is_some();
                errors.extend(error);
                is_ended
            });
            progressed |= !ended.is_empty();
            for (slot, error) in ended.into_iter().zip(errors) {
                self.end_unsent(slot, error);
            }
        }
        progressed
    }

    /// Ends the waits whose deadline is within a new cooldown, because they cannot be polled in time.
    pub(super) fn expire_waits(&mut self, cooldown_end: Instant) -> bool {
        if self.checked_cooldown == Some(cooldown_end) {
            return false;
        }
        self.checked_cooldown = Some(cooldown_end);
        let tasks = &self.active.tasks;
        let expired = self.scheduler.take_polls(|slot| match &tasks[slot].state {
            TaskState::Wait(poll) => poll.deadline() < cooldown_end,
            _ => false,
        });
        for slot in &expired {
            self.finish_rate_limited(*slot);
        }
        !expired.is_empty()
    }

    fn finish_rate_limited(&mut self, slot: usize) {
        let error = self.api.client().inner().cooldown.rate_limited().unwrap_or_else(Error::stopped);
        let TaskState::Wait(poll) = &self.active.tasks[slot].state else {
            unreachable!("only a wait has a deadline")
        };
        let error = error.with_task_id(poll.id());
        self.finish(slot, Err(error));
    }

    /// Postpones every due poll to the end of a pause, at most to its deadline.
    ///
    /// A poll whose deadline is within a cooldown is not sent, and its task ends with an error.
    pub(super) fn postpone_polls(
        &mut self,
        now: Instant,
        pause_end: Instant,
        cooldown_end: Option<Instant>,
    ) -> bool {
        let mut progressed = false;
        while let Some(slot) = self.scheduler.pop_due(now) {
            progressed = true;
            match &self.active.tasks[slot].state {
                TaskState::Wait(poll) => match cooldown_end.filter(|end| poll.deadline() < *end) {
                    Some(_) => self.finish_rate_limited(slot),
                    None if poll.deadline() <= now => self.scheduler.add_at_deadline(slot),
                    None => self.scheduler.add((pause_end + jitter()).min(poll.deadline()), slot),
                },
                _ => self.scheduler.add(pause_end + jitter(), slot),
            }
        }
        progressed
    }

    /// Returns the time at which a probe is sent, if creates wait for it.
    pub(super) fn probe_at(&self, now: Instant) -> Option<Instant> {
        let probe_at =
            self.breaker.probe_at().filter(|_| self.probe.is_none() && self.scheduler.has_creates())?;
        let resubmission = self.scheduler.next_retry_at(now, |slot| self.may_be_probe(slot));
        Some(resubmission.map_or(probe_at, |due| due.max(probe_at)))
    }

    /// Returns `true` if this create can be sent as a probe: no task can be polled, and the caller allowed another submission
    /// of a request that is in doubt anyway.
    fn may_be_probe(&self, slot: usize) -> bool {
        self.last_task.is_none() && self.active.pending(slot).is_some_and(PendingRequest::is_in_doubt)
    }

    /// Sends a probe: a poll of the task that was accepted last.
    ///
    /// Before the first task, and after each poll without an answer in turn, the probe asks for a random id. The server
    /// answers with 404, which proves as much, and a single task that the server cannot look up does not stop the batch.
    /// A create of another request would prove more, and may end in doubt.
    pub(super) fn send_probe(&mut self, now: Instant) {
        let is_in_doubt = |slot: usize| self.active.pending(slot).is_some_and(PendingRequest::is_in_doubt);
        if self.last_task.is_none()
            && let Some(slot) = self.scheduler.take_retry(now, is_in_doubt)
        {
            self.breaker.allow_one_create();
            return self.dispatch(slot);
        }
        if self.last_task.is_none() && self.create_not_connected && self.breaker.failed_probes() % 2 == 1 {
            // The server may answer unknown ids in its own way. The last create did not reach it, so another one is
            // unlikely to end in doubt.
            self.create_not_connected = false;
            return self.breaker.allow_one_create();
        }
        let id = self.last_task.clone().filter(|_| self.breaker.failed_probes().is_multiple_of(2));
        let (id, api) = (id.unwrap_or_else(|| TaskId::of_bits(fastrand::u128(..))), self.api.clone());
        let (ticket, on_written) = (self.breaker.on_poll_sent(now), self.count_request());
        let poll = async move { poll_until(now + PROBE_TIMEOUT, api.result(id, on_written)).await };
        self.probe = Some((ticket, Box::pin(poll)));
    }

    pub(super) fn on_probe(&mut self, ticket: Ticket, polled: Result<Received<SpeechResult>, Failure>) {
        self.breaker.on_probe(Instant::now(), ticket, Outcome::of_poll(&polled));
        if let Err(failure) = polled {
            if is_key_rejected(&failure) {
                self.end_submissions(Error::not_sent(Error::from_failure(Decision::Reject, failure)));
            } else {
                self.outage_failures.record_probe(failure);
            }
        }
    }

    /// Ends all requests that are not submitted. From now on, nothing is submitted.
    pub(super) fn end_submissions(&mut self, error: Error) {
        if self.fatal.is_none() {
            tracing::error!(?error, "submissions ended");
        }
        let fatal = self.fatal.get_or_insert(error).clone();
        let ready = std::mem::take(&mut self.ready_to_send);
        for slot in ready.into_iter().chain(self.scheduler.take_all_creates()) {
            self.end_unsent(slot, fatal.clone());
        }
    }

    /// Takes the announcement of a request back, which was not sent.
    fn take_back(&mut self, slot: usize) {
        if let Some(pending) = self.active.pending_mut(slot) {
            pending.attempt = None;
        }
    }

    /// Ends a request that is not submitted. With a store, it is looked up again first, because an equal request may have been
    /// submitted since.
    pub(super) fn end_unsent(&mut self, slot: usize, error: Error) {
        let ActiveTask { entry: Some(_), state: TaskState::Submit(pending), .. } =
            &mut self.active.tasks[slot]
        else {
            return self.finish_unsent(slot, error);
        };
        // The lookup would wait for the announcement of the request itself.
        pending.attempt = None;
        pending.ending.get_or_insert(error);
        self.ending.push_back(slot);
    }

    pub(super) fn finish_unsent(&mut self, slot: usize, error: Error) {
        let pending = self.active.pending(slot).expect("only a pending request is not sent");
        // The error of an attempt in doubt counts it already.
        let error = if error.is_in_doubt() { error } else { pending.finish_with(error) };
        self.finish(slot, Err(error));
    }
}

/// Returns the error of a request that is not sent, because all creates receive a 429 without `Retry-After`.
fn not_sent_after_429() -> Error {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let response = ApiErrorResponse { status, message: None, retry_after: None, request_id: None };
    Error::not_sent(Error::rejected(response))
}
