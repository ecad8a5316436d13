//! What comes back: from the journal, and from the server.

use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

use futures_util::StreamExt;

use super::{
    api::Api,
    draft::{Draft, Log, Settled},
    engine::Engine,
    task::{Stage, Task},
};
use crate::{
    Error, SpeechTask, TaskId,
    ext::{fault::Fault, poll::Polling, status::Phase},
    types::SpeechResult,
};

impl<K: Display + Send + 'static, A: Api> Engine<K, A> {
    pub(super) fn hear_journal(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some((place, announced))) = self.announcing.poll_next_unpin(context) {
            moved = true;
            match announced {
                Ok(()) if self.stopping => self.note(place, Settled::Unsent),
                Ok(()) => self.announced.push_back(place),
                Err(error) => {
                    self.refusal.get_or_insert(error);
                    self.announced.push_back(place);
                }
            }
        }
        if let Some(refusal) = self.refusal.as_ref().filter(|_| moved) {
            // Nothing is sent any more whose id nobody could note down.
            let refusal = refusal.again();
            for place in std::mem::take(&mut self.announced) {
                if let Stage::Submit(draft) = &self.hands.tasks[place].stage {
                    let error = draft.ended(refusal.again());
                    self.end(place, Err(error));
                }
            }
        }
        moved
    }

    pub(super) fn hear_server(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some((place, created))) = self.creates.poll_next_unpin(context) {
            moved = true;
            self.created(place, created);
        }
        while let Poll::Ready(Some((place, polled))) = self.polls.poll_next_unpin(context) {
            moved = true;
            match self.polled(place, polled) {
                Ok(None) => {}
                Ok(Some(result)) => self.end(place, Ok(result)),
                Err(error) => self.end(place, Err(error)),
            }
        }
        moved
    }

    fn created(&mut self, place: usize, created: Result<TaskId, Fault>) {
        let Task { stage, .. } = &mut self.hands.tasks[place];
        let Stage::Submit(draft) = stage else { unreachable!("only a draft is created") };
        match created {
            Ok(id) => {
                let Draft { order, .. } = &**draft;
                if let Some(callback) = &order.on_submitted
                    && catch_unwind(AssertUnwindSafe(|| callback(&id))).is_err()
                {
                    tracing::error!(task = id.as_str(), "`on_submitted` panicked; the task goes on");
                }
                let characters = order.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).of_length(characters);
                let polling = Polling::new(task.schedule(order.time, Some(draft.deadline())));
                self.agenda.add(polling.due(), place);
                *stage = Stage::Wait(polling);
            }
            Err(fault) => {
                let (settled, next) = draft.weigh(fault);
                self.note(place, settled);
                match next {
                    Ok(due) => self.agenda.add(due, place),
                    Err(error) => self.end(place, Err(error)),
                }
            }
        }
    }

    /// Notes what an announcement came to.
    pub(super) fn note(&self, place: usize, settled: Settled) {
        if let Some(Log { journal, .. }) = &self.log {
            let name = &self.hands.tasks[place].name;
            match settled {
                Settled::Unsent => journal.unsent(name),
                Settled::InDoubt => journal.in_doubt(name),
                Settled::Noted => {}
            }
        }
    }

    /// A task that has ended, or none if it is to be asked for again.
    fn polled(
        &mut self,
        place: usize,
        polled: Result<SpeechResult, Fault>,
    ) -> Result<Option<(TaskId, SpeechResult)>, Error> {
        let Task { stage, name, .. } = &mut self.hands.tasks[place];
        let Stage::Wait(polling) = stage else { unreachable!("only a task that waits is polled") };
        let journal = self.log.as_ref().map(|log| &log.journal);
        match polled {
            Ok(result) => {
                polling.answered(&result);
                match result.status.phase() {
                    Phase::Completed => {
                        if let Some(journal) = journal {
                            journal.finished(name);
                        }
                        return Ok(Some((polling.id().clone(), result)));
                    }
                    Phase::Failed => {
                        if let Some(journal) = journal {
                            journal.failed(name);
                        }
                        return Err(Error::failed().of_task(polling.id()));
                    }
                    Phase::Waiting | Phase::Running => {}
                }
            }
            Err(fault) => polling.weigh(fault)?,
        }
        polling.over()?;
        self.agenda.add(polling.due(), place);
        Ok(None)
    }
}
