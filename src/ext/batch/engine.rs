//! The one task that drives a batch: takes requests, sends what is due, and sleeps until whatever comes first.
//!
//! A task that waits is a place in a slab and an entry of the agenda: it holds no connection, no timer and no future.

use std::{
    any::Any,
    collections::{HashSet, VecDeque},
    fmt::Display,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use futures_core::Stream;
use futures_util::{StreamExt, stream::FuturesUnordered};
use slab::Slab;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    agenda::Agenda,
    api::Api,
    budget::Budget,
    draft::{Begin, Draft, Log, Settled},
    progress::{End, Tally},
};
use crate::{
    Error, Speak, SpeechTask, TaskId,
    ext::{
        fault::Fault,
        gate::{after, spread},
        poll::{Polling, answer_by},
        status::Phase,
        submit::send_once,
    },
    types::SpeechResult,
};

/// The most requests that are on their way at a time: connections are dearer than a little patience.
const ON_THE_WIRE: usize = 256;

/// How many times the engine goes round before it lets others have the thread.
const ROUNDS: usize = 64;

/// How many requests are taken in a round, should there be room for any number.
const TAKEN: usize = 256;

/// How a request of a batch has ended.
pub(super) struct Ended<K> {
    /// Its place in the batch, from 0.
    pub(super) index: usize,
    pub(super) key: K,
    /// The key as it is displayed.
    pub(super) name: Box<str>,
    pub(super) outcome: Outcome,
}

pub(super) type Outcome = Result<(TaskId, SpeechResult), Error>;

impl<K> Ended<K> {
    /// Says in the log what nobody will take, if it was paid for or may have been.
    pub(super) fn left_untaken(&self) {
        let key = &*self.name;
        match &self.outcome {
            Ok((task, _)) => tracing::warn!(key, %task, "done, and nobody took the result"),
            Err(error) => match error.task_id() {
                Some(task) => tracing::warn!(key, %task, %error, "nobody took the error"),
                None if error.is_in_doubt() => tracing::error!(key, %error, "nobody took the error"),
                None => {}
            },
        }
    }
}

pub(super) enum Queue<K> {
    List(vec::IntoIter<(K, Speak)>),
    /// With the keys that it has brought.
    Stream(Pin<Box<dyn Stream<Item = (K, Speak)> + Send>>, HashSet<String>),
}

/// What a panic leaves behind.
pub(super) type Panic = Box<dyn Any + Send>;

/// The ends of the channels to whoever takes the results.
pub(super) struct Consumer<K> {
    pub(super) results: UnboundedSender<Ended<K>>,
    /// One for each result that was taken; closed when nobody takes any more.
    pub(super) taken: UnboundedReceiver<()>,
}

pub(super) struct Engine<K, A> {
    api: A,
    queue: Queue<K>,
    exhausted: bool,
    /// How many requests were taken from the queue.
    begun: usize,
    /// How many of these have not been handed out.
    open: usize,
    pub(super) max_in_flight: usize,
    tasks: Slab<Task<K>>,
    agenda: Agenda,
    /// What has had its turn and stands in the journal, and may leave as soon as there is room.
    announced: VecDeque<usize>,
    pub(super) budget: Option<Budget>,
    announcing: FuturesUnordered<OnItsWay<Result<(), Error>>>,
    creates: FuturesUnordered<OnItsWay<Result<TaskId, Fault>>>,
    polls: FuturesUnordered<OnItsWay<Result<SpeechResult, Fault>>>,
    /// One for all; it counts while there is an alarm.
    timer: Option<Pin<Box<Sleep>>>,
    alarm: Option<Instant>,
    pub(super) log: Option<Log>,
    tally: Tally,
    consumer: Consumer<K>,
    /// Why nothing more is sent, if so.
    pub(super) refusal: Option<Error>,
    /// Nobody takes results any more: nothing is begun, but what is being submitted lands.
    stopping: bool,
    panic: Option<Panic>,
}

type OnItsWay<T> = Pin<Box<dyn Future<Output = (usize, T)> + Send>>;

struct Task<K> {
    index: usize,
    key: K,
    name: Box<str>,
    stage: Stage,
}

enum Stage {
    /// Boxed, as a text is large and most tasks wait.
    Submit(Box<Draft>),
    /// Of an earlier run, and not asked for yet: its time counts from the first poll.
    Resume(TaskId, Duration),
    Wait(Polling),
}

impl Stage {
    /// What a request for it is worth.
    fn urgency(&self) -> f64 {
        match self {
            // It was sent before and came to nothing; or it may be done since long ago.
            Self::Submit(_) | Self::Resume(..) => f64::INFINITY,
            Self::Wait(polling) => polling.urgency(),
        }
    }
}

impl<K, A: Api> Engine<K, A> {
    pub(super) fn new(api: A, queue: Queue<K>, tally: Tally, consumer: Consumer<K>) -> Self {
        Self {
            api,
            queue,
            exhausted: false,
            begun: 0,
            open: 0,
            max_in_flight: 1,
            tasks: Slab::new(),
            agenda: Agenda::default(),
            announced: VecDeque::new(),
            budget: None,
            announcing: FuturesUnordered::new(),
            creates: FuturesUnordered::new(),
            polls: FuturesUnordered::new(),
            timer: None,
            alarm: None,
            log: None,
            tally,
            consumer,
            refusal: None,
            stopping: false,
            panic: None,
        }
    }

    /// What is still to be taken, if it is known beforehand.
    pub(super) fn list(&self) -> Option<&[(K, Speak)]> {
        match &self.queue {
            Queue::List(list) => Some(list.as_slice()),
            Queue::Stream(..) => None,
        }
    }
}

impl<K: Display + Send + 'static, A: Api> Engine<K, A> {
    /// Drives the batch to its end; returns what panicked, if something of the caller's did.
    pub(super) async fn run(mut self) -> Option<Panic> {
        poll_fn(|context| self.advance(context)).await;
        self.leave();
        let Self { log, consumer, panic, creates, announcing, .. } = self;
        // They hold the journal as long as they are there.
        drop((creates, announcing));
        if let Some(Log { journal, records, closed }) = log {
            if !records.is_empty() && !self.stopping {
                tracing::warn!(left = records.len(), "the journal holds requests that the batch did not");
            }
            // Before the results end: who sees their end may open the journal again.
            drop(journal);
            let _ = closed.await;
        }
        drop(consumer);
        panic
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let heard = self.hear_consumer(context) | self.hear_journal(context) | self.hear_server(context);
            let moved = self.take(context) | self.send() | heard;
            if self.is_over() {
                self.tally.tell();
                return Poll::Ready(());
            }
            if !moved && !self.is_woken(context) {
                self.tally.tell();
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the time has come that the next request waits for.
    fn is_woken(&mut self, context: &mut Context<'_>) -> bool {
        let Some(alarm) = self.alarm else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(alarm)));
        if timer.deadline() != alarm {
            timer.as_mut().reset(alarm);
        }
        timer.as_mut().poll(context).is_ready()
    }

    fn is_over(&self) -> bool {
        if self.stopping {
            self.creates.is_empty() && self.announcing.is_empty()
        } else {
            self.exhausted && self.tasks.is_empty()
        }
    }

    /// Makes room for what was handed out; stops when nobody is left.
    fn hear_consumer(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.stopping {
            match self.consumer.taken.poll_recv(context) {
                Poll::Ready(Some(())) => self.open -= 1,
                Poll::Ready(None) => {
                    self.stopping = true;
                    self.polls.clear();
                    for place in std::mem::take(&mut self.announced) {
                        self.note(place, Settled::Unsent);
                    }
                }
                Poll::Pending => break,
            }
            moved = true;
        }
        moved
    }

    /// Takes requests for as long as there is room.
    fn take(&mut self, context: &mut Context<'_>) -> bool {
        for taken in 0..TAKEN {
            if self.exhausted || self.stopping || self.open >= self.max_in_flight {
                return taken > 0;
            }
            // Should something of the caller's panic, what is on its way must land all the same.
            let next = catch_unwind(AssertUnwindSafe(|| {
                let next = match &mut self.queue {
                    Queue::List(list) => Poll::Ready(list.next()),
                    Queue::Stream(stream, _) => stream.poll_next_unpin(context),
                };
                next.map(|next| next.map(|(key, speak)| (key.to_string().into_boxed_str(), key, speak)))
            }));
            match next {
                Ok(Poll::Ready(Some((name, key, speak)))) => self.begin(name, key, speak),
                Ok(Poll::Ready(None)) => self.exhausted = true,
                Ok(Poll::Pending) => return taken > 0,
                Err(panic) => {
                    self.panic = Some(panic);
                    self.exhausted = true;
                }
            }
        }
        true
    }

    fn begin(&mut self, name: Box<str>, key: K, speak: Speak) {
        let index = self.begun;
        self.begun += 1;
        self.open += 1;
        self.tally.taken();
        match self.first_stage(&name, speak) {
            Ok(Begin::Submit(draft)) => {
                let place = self.tasks.insert(Task { index, key, name, stage: Stage::Submit(draft) });
                self.agenda.add_new(place);
            }
            Ok(Begin::Resume(id, time)) => {
                let place = self.tasks.insert(Task { index, key, name, stage: Stage::Resume(id, time) });
                self.agenda.add(Instant::now(), place);
            }
            Err(error) => self.hand_out(Ended { index, key, name, outcome: Err(error) }),
        }
    }

    fn first_stage(&mut self, name: &str, speak: Speak) -> Result<Begin, Error> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.again());
        }
        if let Queue::Stream(_, names) = &mut self.queue
            && !names.insert(name.to_owned())
        {
            return Err(repeated(name));
        }
        if !speak.client().is_same(self.api.client()) {
            return Err(Error::invalid("request", "is of another client than the batch"));
        }
        Draft::begin(speak.into_order()?, name, &mut self.log)
    }

    /// Sends what is due, as fast as it may; sets the alarm for what comes next.
    fn send(&mut self) -> bool {
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
                self.create(place);
                moved = true;
                continue;
            }
            let Some(ready) = self.agenda.ready_at(now, opens.unwrap_or(now)) else { break };
            let allowed = self.budget.as_ref().map_or(now, Budget::ready_at);
            if ready.max(allowed) > now {
                self.alarm = Some(ready.max(allowed));
                break;
            }
            let urgency = |place: usize| self.tasks[place].stage.urgency();
            let Some(place) = self.agenda.pop(now, opens.is_none(), urgency) else { break };
            moved = true;
            if let Stage::Submit(draft) = &mut self.tasks[place].stage
                && let Some(error) = draft.expired()
            {
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

    fn on_the_wire(&self) -> usize {
        self.announcing.len() + self.creates.len() + self.polls.len()
    }

    /// The server wants to be left alone for a while: what is due becomes due later, at most at its deadline.
    fn hold_back(&mut self, now: Instant, opens: Instant) -> bool {
        let mut moved = false;
        for place in std::mem::take(&mut self.announced) {
            self.note(place, Settled::Unsent);
            self.agenda.add(opens + spread(), place);
            moved = true;
        }
        while let Some(place) = self.agenda.pop_due(now) {
            moved = true;
            match &self.tasks[place].stage {
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
        let Task { stage, name, .. } = &mut self.tasks[place];
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
        self.tally.sent();
    }

    /// The one place where something is sent that is billed.
    fn create(&mut self, place: usize) {
        let Task { stage: Stage::Submit(draft), name, .. } = &mut self.tasks[place] else {
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
                tracing::error!(key = %name, ?sent, %error, "sent, and the journal doesn't know how it ended");
            }
            (place, sent)
        }));
    }

    fn hear_journal(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some((place, announced))) = self.announcing.poll_next_unpin(context) {
            moved = true;
            match announced {
                Ok(()) if self.stopping => self.note(place, Settled::Unsent),
                Ok(()) => self.announced.push_back(place),
                Err(error) => {
                    // Nothing new is sent that nobody could note down.
                    self.refusal.get_or_insert_with(|| error.again());
                    self.end(place, Err(error));
                }
            }
        }
        moved
    }

    fn hear_server(&mut self, context: &mut Context<'_>) -> bool {
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
        let Task { stage, .. } = &mut self.tasks[place];
        let Stage::Submit(draft) = stage else { unreachable!("only a draft is created") };
        match created {
            Ok(id) => {
                let Draft { order, .. } = &**draft;
                if let Some(callback) = &order.on_submitted
                    && catch_unwind(AssertUnwindSafe(|| callback(&id))).is_err()
                {
                    tracing::error!(task = %id, "`on_submitted` panicked; the task goes on");
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
    fn note(&self, place: usize, settled: Settled) {
        if let Some(Log { journal, .. }) = &self.log {
            let name = &self.tasks[place].name;
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
        let Task { stage, name, .. } = &mut self.tasks[place];
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

    /// Hands out what was begun and stopped: an id or a doubt is worth more than an end.
    fn leave(&mut self) {
        for place in self.tasks.iter().map(|(place, _)| place).collect::<Vec<_>>() {
            let error = match &self.tasks[place].stage {
                Stage::Submit(draft) => draft.ended(Error::stopped()),
                Stage::Resume(id, _) => Error::stopped().of_task(id),
                Stage::Wait(polling) => Error::stopped().of_task(polling.id()),
            };
            self.end(place, Err(error));
        }
    }

    fn end(&mut self, place: usize, outcome: Outcome) {
        let Task { index, key, name, .. } = self.tasks.remove(place);
        self.hand_out(Ended { index, key, name, outcome });
    }

    fn hand_out(&mut self, ended: Ended<K>) {
        self.tally.ended(match &ended.outcome {
            Ok(_) => End::Done,
            Err(error) if error.is_in_doubt() => End::InDoubt,
            Err(_) => End::Failed,
        });
        if let Err(untaken) = self.consumer.results.send(ended) {
            untaken.0.left_untaken();
        }
    }
}

pub(super) fn repeated(key: &str) -> Error {
    Error::invalid("batch", format!("key {key:?} is there twice; keys tell the results apart"))
}
