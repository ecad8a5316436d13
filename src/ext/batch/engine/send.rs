//! What goes out: which request, when, and the one place where something is sent that is billed.

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

/// The most requests that are on their way at a time: connections are dearer than a little patience.
const MAX_IN_FLIGHT_REQUESTS: usize = 256;

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Sends what is due, as fast as it may; sets the alarm for what comes next.
    pub(in crate::ext::batch) fn send(&mut self) -> bool {
        let mut progressed = false;
        self.wake_at = None;
        while !self.stopping && self.in_flight_requests() < MAX_IN_FLIGHT_REQUESTS {
            let now = Instant::now();
            let opens = self.api.client().inner().cooldown.remaining().map(|left| saturating_add(now, left));
            if let Some(opens) = opens {
                progressed |= self.postpone_due(now, opens);
            }
            if let Some(slot) = self.ready_to_send.front().copied() {
                let room = self.rate_limiter.as_ref().map_or(now, RateLimiter::next_send_at);
                if room > now {
                    self.wake_at = Some(room);
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
            let Some(ready) = self.scheduler.next_due_at(now, opens.unwrap_or(now)) else { break };
            let allowed = self.rate_limiter.as_ref().map_or(now, RateLimiter::next_slot_at);
            if ready.max(allowed) > now {
                self.wake_at = Some(ready.max(allowed));
                break;
            }
            let urgency = |slot: usize| self.active.tasks[slot].state.urgency();
            let Some(slot) = self.scheduler.pop(now, opens.is_none(), urgency) else { break };
            progressed = true;
            if let Some(error) = self.expired(slot) {
                self.finish(slot, Err(error));
                continue;
            }
            if let Some(budget) = &mut self.rate_limiter {
                budget.reserve();
            }
            self.dispatch(slot);
        }
        progressed
    }

    /// The end of a submission whose deadline has passed.
    fn expired(&mut self, slot: usize) -> Option<Error> {
        match &mut self.active.tasks[slot].state {
            TaskState::Submit(draft) => draft.expired(),
            TaskState::Resume(..) | TaskState::Wait(_) => None,
        }
    }

    fn in_flight_requests(&self) -> usize {
        self.journal_writes.len() + self.creates.len() + self.polls.len()
    }

    /// The server wants to be left alone for a while: what is due becomes due later, at most at its deadline.
    fn postpone_due(&mut self, now: Instant, opens: Instant) -> bool {
        let mut progressed = false;
        let mut announced = std::mem::take(&mut self.ready_to_send).into_iter();
        while let Some(slot) = announced
            .next()
            .inspect(|slot| self.record_outcome(*slot, AttemptOutcome::NotSent))
            .or_else(|| self.scheduler.pop_due(now))
        {
            progressed = true;
            match &self.active.tasks[slot].state {
                TaskState::Wait(polling) if polling.deadline() <= now => self.scheduler.add_at_deadline(slot),
                TaskState::Wait(polling) => {
                    self.scheduler.add((opens + jitter()).min(polling.deadline()), slot);
                }
                TaskState::Resume(..) => self.scheduler.add(opens + jitter(), slot),
                TaskState::Submit(draft) => match draft.rate_limited_past_deadline(now, opens) {
                    Some(error) => self.finish(slot, Err(error)),
                    None => self.scheduler.add(opens + jitter(), slot),
                },
            }
        }
        progressed
    }

    fn dispatch(&mut self, slot: usize) {
        let ActiveTask { state: stage, key_text: name, .. } = &mut self.active.tasks[slot];
        if let TaskState::Resume(id, time) = stage {
            let task = self.api.client().task(id.clone());
            *stage = TaskState::Wait(PollState::new(task.schedule(*time, None)));
        }
        match stage {
            TaskState::Wait(polling) => {
                let (api, limit, id) = (self.api.clone(), polling.start_poll(), polling.id().clone());
                self.count_request();
                self.polls.push(Box::pin(async move { (slot, poll_until(limit, api.result(id)).await) }));
            }
            TaskState::Submit(draft) => match (&self.journal, draft.fingerprint.clone()) {
                (Some(log), Some(fingerprint)) => {
                    let (journal, name) = (log.journal.clone(), name.clone());
                    self.journal_writes
                        .push(Box::pin(async move { (slot, journal.sending(&name, &fingerprint).await) }));
                }
                _ => self.send_create(slot),
            },
            TaskState::Resume(..) => unreachable!("it waits now"),
        }
    }

    /// Counts a request that leaves now.
    fn count_request(&mut self) {
        if let Some(budget) = &mut self.rate_limiter {
            budget.record_sent();
        }
        self.active.progress.on_request();
    }

    /// The one place where something is sent that is billed.
    fn send_create(&mut self, slot: usize) {
        let ActiveTask { state: TaskState::Submit(draft), key_text: name, .. } = &mut self.active.tasks[slot]
        else {
            unreachable!("only a draft is created")
        };
        draft.start_attempt();
        let (api, request, name) = (self.api.clone(), draft.speech.request.clone(), name.clone());
        let journal = self.journal.as_ref().map(|log| log.journal.clone());
        self.count_request();
        self.creates.push(Box::pin(async move {
            let sent = send_once(api.create(&request)).await;
            // Whoever hears an id keeps it, before anything else.
            let kept = match (&journal, &sent) {
                (Some(journal), Ok(id)) => journal.submitted(&name, id).await,
                (Some(journal), Err(Failure { task_id: Some(id), .. })) => journal.in_doubt_with_id(&name, id).await,
                _ => Ok(()),
            };
            if let Err(error) = kept {
                tracing::error!(key = &*name, ?sent, %error, "sent, and the journal doesn't know how it ended");
            }
            (slot, sent)
        }));
    }
}
