//! What goes out: which request, when, and the one place where something is sent that is billed.

use std::fmt::Display;

use tokio::time::Instant;

use super::{
    api::Api,
    budget::Budget,
    draft::Settled,
    engine::Engine,
    task::{Stage, Task},
};
use crate::{
    Error,
    ext::{
        fault::Fault,
        gate::{after, spread},
        poll::{Polling, answer_by},
        submit::send_once,
    },
};

/// The most requests that are on their way at a time: connections are dearer than a little patience.
const ON_THE_WIRE: usize = 256;

impl<K: Display + Send + 'static, A: Api> Engine<K, A> {
    /// Sends what is due, as fast as it may; sets the alarm for what comes next.
    pub(super) fn send(&mut self) -> bool {
        let mut moved = false;
        self.alarm = None;
        while !self.stopping && self.on_the_wire() < ON_THE_WIRE {
            let now = Instant::now();
            let opens = self.api.client().state().gate.closed_for().map(|left| after(now, left));
            if let Some(opens) = opens {
                moved |= self.hold_back(now, opens);
            }
            if let Some(place) = self.announced.front().copied() {
                let room = self.budget.as_ref().map_or(now, Budget::room_at);
                if room > now {
                    self.alarm = Some(room);
                    break;
                }
                self.announced.pop_front();
                moved = true;
                if let Some(error) = self.expired(place) {
                    self.note(place, Settled::Unsent);
                    self.end(place, Err(error));
                } else {
                    self.create(place);
                }
                continue;
            }
            let Some(ready) = self.agenda.ready_at(now, opens.unwrap_or(now)) else { break };
            let allowed = self.budget.as_ref().map_or(now, Budget::ready_at);
            if ready.max(allowed) > now {
                self.alarm = Some(ready.max(allowed));
                break;
            }
            let urgency = |place: usize| self.hands.tasks[place].stage.urgency();
            let Some(place) = self.agenda.pop(now, opens.is_none(), urgency) else { break };
            moved = true;
            if let Some(error) = self.expired(place) {
                self.end(place, Err(error));
                continue;
            }
            if let Some(budget) = &mut self.budget {
                budget.take_turn();
            }
            self.send_one(place);
        }
        moved
    }

    /// The end of a submission whose deadline has passed.
    fn expired(&mut self, place: usize) -> Option<Error> {
        match &mut self.hands.tasks[place].stage {
            Stage::Submit(draft) => draft.expired(),
            Stage::Resume(..) | Stage::Wait(_) => None,
        }
    }

    fn on_the_wire(&self) -> usize {
        self.announcing.len() + self.creates.len() + self.polls.len()
    }

    /// The server wants to be left alone for a while: what is due becomes due later, at most at its deadline.
    fn hold_back(&mut self, now: Instant, opens: Instant) -> bool {
        let mut moved = false;
        let mut announced = std::mem::take(&mut self.announced).into_iter();
        while let Some(place) = announced
            .next()
            .inspect(|place| self.note(*place, Settled::Unsent))
            .or_else(|| self.agenda.pop_due(now))
        {
            moved = true;
            match &self.hands.tasks[place].stage {
                Stage::Wait(polling) if polling.deadline() <= now => self.agenda.add_last(place),
                Stage::Wait(polling) => {
                    self.agenda.add((opens + spread()).min(polling.deadline()), place);
                }
                Stage::Resume(..) => self.agenda.add(opens + spread(), place),
                Stage::Submit(draft) => match draft.held(now, opens) {
                    Some(error) => self.end(place, Err(error)),
                    None => self.agenda.add(opens + spread(), place),
                },
            }
        }
        moved
    }

    fn send_one(&mut self, place: usize) {
        let Task { stage, name, .. } = &mut self.hands.tasks[place];
        if let Stage::Resume(id, time) = stage {
            let task = self.api.client().task(id.clone());
            *stage = Stage::Wait(Polling::new(task.schedule(*time, None)));
        }
        match stage {
            Stage::Wait(polling) => {
                let (api, limit, id) = (self.api.clone(), polling.begin(), polling.id().clone());
                self.leaves();
                self.polls.push(Box::pin(async move { (place, answer_by(limit, api.result(id)).await) }));
            }
            Stage::Submit(draft) => match (&self.log, draft.fingerprint.clone()) {
                (Some(log), Some(fingerprint)) => {
                    let (journal, name) = (log.journal.clone(), name.clone());
                    self.announcing
                        .push(Box::pin(async move { (place, journal.sending(&name, &fingerprint).await) }));
                }
                _ => self.create(place),
            },
            Stage::Resume(..) => unreachable!("it waits now"),
        }
    }

    /// Counts a request that leaves now.
    fn leaves(&mut self) {
        if let Some(budget) = &mut self.budget {
            budget.leave();
        }
        self.hands.tally.sent();
    }

    /// The one place where something is sent that is billed.
    fn create(&mut self, place: usize) {
        let Task { stage: Stage::Submit(draft), name, .. } = &mut self.hands.tasks[place] else {
            unreachable!("only a draft is created")
        };
        draft.sent();
        let (api, request, name) = (self.api.clone(), draft.order.request.clone(), name.clone());
        let journal = self.log.as_ref().map(|log| log.journal.clone());
        self.leaves();
        self.creates.push(Box::pin(async move {
            let sent = send_once(api.create(&request)).await;
            // Whoever hears an id keeps it, before anything else.
            let kept = match (&journal, &sent) {
                (Some(journal), Ok(id)) => journal.submitted(&name, id).await,
                (Some(journal), Err(Fault { task: Some(id), .. })) => journal.named(&name, id).await,
                _ => Ok(()),
            };
            if let Err(error) = kept {
                tracing::error!(key = &*name, ?sent, %error, "sent, and the journal doesn't know how it ended");
            }
            (place, sent)
        }));
    }
}
