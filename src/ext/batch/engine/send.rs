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
        },
        polling::poller::Poller,
        retry::{label::Label, submit::send_once},
        transport::once_body::OnWritten,
    },
};

/// The next step of [`Engine::send`].
enum Step {
    /// Sends this create, whose announcement is on disk.
    SendReady(usize),
    SendProbe,
    /// Sends the next request of this task.
    Dispatch(usize),
    /// Nothing is due and allowed before this time, or until an event if it is `None`.
    Wait(Option<Instant>),
}

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Sends the requests that are due and allowed. Sets the time of the next one.
    pub(in crate::ext::batch) fn send(&mut self) -> bool {
        let mut progressed = false;
        self.wake_at = None;
        while !self.stopping {
            let now = Instant::now();
            let (has_changes, pause_end) = self.hold_and_expire(now);
            progressed |= has_changes;
            match self.next_step(now, pause_end) {
                Step::SendReady(slot) => match self.expired(slot) {
                    Some(error) => self.end_unsent(slot, error),
                    None => self.send_create(slot),
                },
                Step::SendProbe => {
                    self.reserve();
                    self.send_probe(now);
                }
                Step::Dispatch(slot) => {
                    if let Some(error) = self.expired(slot) {
                        self.end_unsent(slot, error);
                    } else {
                        self.reserve();
                        self.dispatch(slot);
                    }
                }
                Step::Wait(until) => {
                    self.wake_at = until;
                    break;
                }
            }
            progressed = true;
        }
        if !self.stopping && self.scheduler.has_creates() {
            // The deadlines of creates that are held back, and creates in flight that become silent.
            let events = [self.wake_at, self.next_check, self.breaker.silent_at()];
            self.wake_at = events.into_iter().flatten().min();
        }
        progressed
    }

    /// Postpones and ends requests because of a cooldown or an outage. Returns `true` if there were any, and the end of the
    /// pause of all requests.
    fn hold_and_expire(&mut self, now: Instant) -> (bool, Option<Instant>) {
        let mut progressed = false;
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
        }
        (progressed, pause_end)
    }

    /// Takes the request that is sent next.
    fn next_step(&mut self, now: Instant, pause_end: Option<Instant>) -> Step {
        let silent = self.silent_polls.count();
        if self.in_flight_requests() >= MAX_REQUESTS {
            return Step::Wait(None);
        }
        if !self.breaker.allows_request(now, silent) {
            return Step::Wait(self.breaker.creates_give_way_at().filter(|at| *at > now));
        }
        if let Some(slot) = self.ready_to_send.front().copied() {
            let allowed_at =
                self.rate_limiter.as_ref().map_or(Some(now), |limiter| limiter.next_send_at(now));
            if allowed_at.is_none_or(|at| at > now) {
                return Step::Wait(allowed_at);
            }
            self.ready_to_send.pop_front();
            return Step::SendReady(slot);
        }
        let allowed_at = self.rate_limiter.as_ref().map_or(Some(now), |limiter| limiter.next_slot_at(now));
        let Some(allowed_at) = allowed_at else { return Step::Wait(None) };
        let resume_at = pause_end.unwrap_or(now);
        let probe_at = self.probe_at(now).map(|at| at.max(resume_at));
        let may_create = self.may_start_create();
        let due_at = self.scheduler.next_due_at(now, may_create.then_some(resume_at));
        let Some(due_at) = [due_at, probe_at].into_iter().flatten().min() else { return Step::Wait(None) };
        if due_at.max(allowed_at) > now {
            return Step::Wait(Some(due_at.max(allowed_at)));
        }
        if probe_at.is_some_and(|at| at <= now) {
            return Step::SendProbe;
        }
        let tasks = &mut self.active.tasks;
        let urgency = |slot: usize| tasks[slot].state.urgency();
        self.scheduler
            .pop(now, may_create && pause_end.is_none(), urgency)
            .map_or(Step::Wait(None), Step::Dispatch)
    }

    fn reserve(&mut self) {
        if let Some(rate_limiter) = &mut self.rate_limiter {
            rate_limiter.reserve();
        }
    }

    /// Returns the error of a submission whose deadline has passed.
    fn expired(&mut self, slot: usize) -> Option<Error> {
        self.active.pending_mut(slot)?.expired()
    }

    fn in_flight_requests(&self) -> usize {
        // A silent poll does not hold a place.
        let polls = self.polls.len() + usize::from(self.probe.is_some()) - self.silent_polls.count();
        self.announcements.len() + self.creates.len() + polls
    }

    /// Sends a poll, or starts a submission: with a store, the submission is announced there first.
    pub(super) fn dispatch(&mut self, slot: usize) {
        let ActiveTask { state, entry, .. } = &mut self.active.tasks[slot];
        if let (TaskState::Resume(id, time_limit), Some(entry)) = (&*state, &*entry) {
            let task = self.api.client().task(id.clone()).with_entry(entry.clone());
            *state = TaskState::Wait(Poller::new(task.schedule(*time_limit, None)));
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
            TaskState::Submit(pending) => {
                if let Some(limit) = self.limit.clone().filter(|_| pending.reservation.is_none()) {
                    return self.end_unsent(slot, limit);
                }
                match entry.clone() {
                    Some(entry) => {
                        // Before the first attempt, no deadline counts.
                        let deadline = (!pending.is_new()).then(|| pending.deadline());
                        self.announcements
                            .push(Box::pin(async move { (slot, entry.announce(deadline).await) }));
                    }
                    None if self.reserve_share(slot) => self.send_create(slot),
                    None => {}
                }
            }
            TaskState::Keep(_) => unreachable!("a finished task is not polled"),
            TaskState::Resume(..) => unreachable!("a resumed task is in the state `Wait`"),
        }
    }

    /// Takes a share of the limits of the batch. If none is left, ends this request and all others without a share.
    pub(super) fn reserve_share(&mut self, slot: usize) -> bool {
        let pending = self.active.pending_mut(slot).expect("only a pending request is submitted");
        if pending.reservation.is_some() {
            return true;
        }
        match self.spending.reserve(pending.expected_seconds) {
            Ok(reservation) => {
                pending.reservation = Some(reservation);
                true
            }
            Err(limit) => {
                tracing::warn!(%limit, "limit reached, no more requests are submitted");
                self.limit = Some(limit.clone());
                self.end_unsent(slot, limit.clone());
                let pending = |slot| self.active.pending(slot);
                let has_no_share = |slot| pending(slot).is_some_and(|pending| pending.reservation.is_none());
                for slot in self.scheduler.take_creates(Instant::now(), has_no_share) {
                    self.end_unsent(slot, limit.clone());
                }
                false
            }
        }
    }

    /// Counts a request that is sent now. Returns the callback for when it is written.
    pub(super) fn count_request(&mut self) -> Option<OnWritten> {
        self.active.progress.on_request();
        let rate_limiter = self.rate_limiter.as_mut()?;
        rate_limiter.record_sent();
        let transit = Transit { ends: self.transit_ends.clone(), written: false };
        Some(Box::new(move || transit.end()))
    }

    /// Sends a create. A batch sends no create anywhere else.
    fn send_create(&mut self, slot: usize) {
        let key = self.active.tasks[slot].key_text.clone();
        let pending = self.active.pending_mut(slot).expect("only a pending request is submitted");
        pending.start_attempt(&key);
        let (api, request) = (self.api.clone(), pending.speech.request.clone());
        let attempt = pending.attempt.take();
        let ticket = self.breaker.on_create_sent(Instant::now());
        let on_written = self.count_request();
        let label = Label::Key(key);
        self.creates.push(Box::pin(async move {
            let created = send_once(api.create(&request, on_written), &label);
            // A task id is written to the store before anything else happens.
            let result = match attempt {
                Some(attempt) => attempt.send(created).await,
                None => created.await,
            };
            (slot, (ticket, result))
        }));
    }
}

/// A request between sending and writing it. Reports the end of the transit, also if the request is dropped.
struct Transit {
    ends: UnboundedSender<bool>,
    written: bool,
}

impl Transit {
    fn end(mut self) {
        self.written = true;
    }
}

impl Drop for Transit {
    fn drop(&mut self) {
        // Fails if the engine is gone.
        let _ = self.ends.send(self.written);
    }
}
