//! The one task that drives a batch: takes requests, sends what is due, and sleeps until whatever comes first.
//!
//! A task that waits is a place in a slab and an entry of the agenda: it holds no connection, no timer and no future.

use std::{
    any::Any,
    collections::HashSet,
    fmt::Display,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures_core::Stream;
use futures_util::{StreamExt, stream::FuturesUnordered};
use slab::Slab;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    agenda::Agenda,
    api::Api,
    budget::Budget,
    journal::{Journal, Records, State, fingerprint},
    progress::{End, Tally},
};
use crate::{
    Error, Speak, SpeechTask, TaskId,
    ext::{
        decide::may_be_billed,
        fault::Fault,
        gate::{after, spread},
        poll::{Polling, answer_by},
        speak::Order,
        status::Phase,
        submit::{Submission, send_once},
    },
    types::SpeechResult,
};

/// The most requests that are on their way at a time: connections are dearer than a little patience.
const ON_THE_WIRE: usize = 256;

/// How a request of a batch has ended.
pub(super) struct Ended<K> {
    /// Its place in the batch, from 0.
    pub(super) index: usize,
    pub(super) key: K,
    pub(super) outcome: Result<(TaskId, SpeechResult), Error>,
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

/// A journal in use.
pub(super) struct Log {
    pub(super) journal: Journal,
    /// What earlier runs left; what this run has taken up is taken out.
    pub(super) records: Records,
    pub(super) closed: JoinHandle<()>,
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
    pub(super) budget: Option<Budget>,
    creates: FuturesUnordered<OnItsWay<Created>>,
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
    stage: Stage,
}

impl<K> Task<K> {
    /// What a request for it is worth.
    fn urgency(&self) -> f64 {
        match &self.stage {
            // It was sent before, and came to nothing.
            Stage::Submit(_) => f64::INFINITY,
            Stage::Wait(polling) => polling.urgency(),
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "most tasks wait: a box would only add to what that costs")]
enum Stage {
    /// Boxed, as a text is large and most tasks wait.
    Submit(Box<Draft>),
    Wait(Polling),
}

struct Draft {
    order: Order,
    /// For the journal.
    fingerprint: Option<String>,
    /// From the first attempt on.
    submission: Option<Submission>,
    /// An earlier run may have sent it.
    in_doubt: bool,
}

/// How a create has ended.
enum Created {
    /// It could not be announced, and was not sent.
    Unannounced(Error),
    Sent(Result<TaskId, Fault>),
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
            budget: None,
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
        let Self { log, consumer, panic, .. } = self;
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
        loop {
            let heard = self.hear_consumer(context) | self.hear_server(context);
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
        if self.stopping { self.creates.is_empty() } else { self.exhausted && self.tasks.is_empty() }
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
                }
                Poll::Pending => break,
            }
            moved = true;
        }
        moved
    }

    /// Takes requests for as long as there is room.
    fn take(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.exhausted && !self.stopping && self.open < self.max_in_flight {
            let next = match &mut self.queue {
                Queue::List(list) => Poll::Ready(list.next()),
                // Should it panic, what is on its way must land all the same.
                Queue::Stream(stream, _) => {
                    catch_unwind(AssertUnwindSafe(|| stream.poll_next_unpin(context))).unwrap_or_else(
                        |panic| {
                            self.panic = Some(panic);
                            Poll::Ready(None)
                        },
                    )
                }
            };
            match next {
                Poll::Ready(Some((key, speak))) => self.begin(key, speak),
                Poll::Ready(None) => self.exhausted = true,
                Poll::Pending => break,
            }
            moved = true;
        }
        moved
    }

    fn begin(&mut self, key: K, speak: Speak) {
        let index = self.begun;
        self.begun += 1;
        self.open += 1;
        self.tally.taken();
        match self.first_stage(&key.to_string(), speak) {
            Ok(stage) => {
                let polled = if let Stage::Wait(polling) = &stage { Some(polling.due()) } else { None };
                let place = self.tasks.insert(Task { index, key, stage });
                match polled {
                    Some(due) => self.agenda.add(due, place),
                    None => self.agenda.add_new(place),
                }
            }
            Err(error) => self.hand_out(index, key, Err(error)),
        }
    }

    /// What is to be done for a request, by what this run and those before know of its key.
    fn first_stage(&mut self, key: &str, speak: Speak) -> Result<Stage, Error> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.again());
        }
        if let Queue::Stream(_, keys) = &mut self.queue
            && !keys.insert(key.to_owned())
        {
            return Err(repeated(key));
        }
        if !speak.client().is_same(self.api.client()) {
            return Err(Error::invalid("request", "is of another client than the batch"));
        }
        let order = speak.into_order()?;
        let mut draft = Draft { order, fingerprint: None, submission: None, in_doubt: false };
        if let Some(Log { journal, records, .. }) = &mut self.log {
            let fingerprint = fingerprint(&draft.order.request);
            match records.remove(key) {
                Some(record) if !record.is_of(&fingerprint) => return Err(journal.differs(key, &record)),
                Some(record) => match record.state {
                    State::Submitted(id) => return Ok(Stage::Wait(self.resumed(id, &draft.order))),
                    State::Announced | State::InDoubt if draft.order.resubmissions == 0 => {
                        return Err(journal.doubt(&record));
                    }
                    State::Announced | State::InDoubt => draft.in_doubt = true,
                    State::Unsent => {}
                },
                None => {}
            }
            draft.fingerprint = Some(fingerprint);
        }
        Ok(Stage::Submit(Box::new(draft)))
    }

    fn resumed(&self, id: TaskId, order: &Order) -> Polling {
        let task = self.api.client().task(id);
        Polling::new(task.schedule(order.time, None))
    }

    /// Sends what is due, as fast as it may; sets the alarm for what comes next.
    fn send(&mut self) -> bool {
        let mut moved = false;
        self.alarm = None;
        while !self.stopping && self.creates.len() + self.polls.len() < ON_THE_WIRE {
            let now = Instant::now();
            let opens = self.api.client().state().gate.closed_for().map(|left| after(now, left));
            if let Some(opens) = opens {
                moved |= self.hold_back(now, opens);
            }
            let Some(ready) = self.agenda.ready_at(now, opens.unwrap_or(now)) else { break };
            let allowed = self.budget.as_ref().map_or(now, Budget::ready_at);
            if ready.max(allowed) > now {
                self.alarm = Some(ready.max(allowed));
                break;
            }
            let urgency = |place: usize| self.tasks[place].urgency();
            let Some(place) = self.agenda.pop(now, opens.is_none(), urgency) else { break };
            if let Some(budget) = &mut self.budget {
                budget.spend();
            }
            self.tally.sent();
            self.send_one(place);
            moved = true;
        }
        moved
    }

    /// The server wants to be left alone for a while: what is due becomes due later, at most at its deadline.
    fn hold_back(&mut self, now: Instant, opens: Instant) -> bool {
        let mut moved = false;
        while let Some(place) = self.agenda.pop_due(now) {
            moved = true;
            match &self.tasks[place].stage {
                Stage::Wait(polling) if polling.deadline() <= now => self.agenda.add_last(place),
                Stage::Wait(polling) => {
                    self.agenda.add((opens + spread()).min(polling.deadline()), place);
                }
                Stage::Submit(draft) => match &draft.submission {
                    Some(submission) if submission.deadline() < opens => {
                        let error = submission.ended(Error::held(opens - now));
                        self.end(place, Err(error));
                    }
                    _ => self.agenda.add(opens + spread(), place),
                },
            }
        }
        moved
    }

    fn send_one(&mut self, place: usize) {
        let api = self.api.clone();
        let Task { key, stage, .. } = &mut self.tasks[place];
        match stage {
            Stage::Submit(draft) => {
                let Draft { order, fingerprint, submission, in_doubt } = &mut **draft;
                submission.get_or_insert_with(|| {
                    let submission = Submission::new(after(Instant::now(), order.time), order.resubmissions);
                    if *in_doubt { submission.already_in_doubt() } else { submission }
                });
                let request = order.request.clone();
                let journal = self.log.as_ref().map(|log| log.journal.clone()).zip(fingerprint.clone());
                let key = key.to_string();
                self.creates.push(Box::pin(async move {
                    let Some((journal, fingerprint)) = journal else {
                        return (place, Created::Sent(send_once(api.create(&request)).await));
                    };
                    if let Err(error) = journal.sending(&key, &fingerprint).await {
                        return (place, Created::Unannounced(error));
                    }
                    let sent = send_once(api.create(&request)).await;
                    let id = sent.as_ref().map_or_else(|fault| fault.task.as_ref(), Some);
                    if let Some(id) = id
                        && let Err(error) = journal.submitted(&key, id).await
                    {
                        tracing::error!(%key, task = %id, %error, "submitted, and the journal doesn't know");
                    }
                    (place, Created::Sent(sent))
                }));
            }
            Stage::Wait(polling) => {
                let (limit, id) = (polling.begin(), polling.id().clone());
                self.polls.push(Box::pin(async move { (place, answer_by(limit, api.result(id)).await) }));
            }
        }
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

    fn created(&mut self, place: usize, created: Created) {
        if let Some(error) = self.log.as_ref().and_then(|log| log.journal.broken()) {
            // What is on its way goes on; nothing new is sent that nobody could note down.
            self.refusal = Some(error);
        }
        let Task { key, stage, .. } = &mut self.tasks[place];
        let Stage::Submit(draft) = stage else { unreachable!("only a draft is created") };
        let Draft { order, submission, .. } = &mut **draft;
        let submission = submission.as_mut().expect("it began when it was sent");
        match created {
            Created::Unannounced(error) => {
                let error = submission.ended(error);
                self.end(place, Err(error));
            }
            Created::Sent(Ok(id)) => {
                if let Some(callback) = &order.on_submitted
                    && catch_unwind(AssertUnwindSafe(|| callback(&id))).is_err()
                {
                    tracing::error!(task = %id, "`on_submitted` panicked; the task goes on");
                }
                let characters = order.request.input.chars().count();
                let task = SpeechTask::submitted(self.api.client().clone(), id).of_length(characters);
                let polling = Polling::new(task.schedule(order.time, Some(submission.deadline())));
                self.agenda.add(polling.due(), place);
                *stage = Stage::Wait(polling);
            }
            Created::Sent(Err(fault)) => {
                let (billed, named) = (may_be_billed(&fault), fault.task.is_some());
                let weighed = submission.weigh(fault);
                if let Some(Log { journal, .. }) = &self.log
                    && !named
                {
                    if billed || submission.is_in_doubt() {
                        journal.in_doubt(&key.to_string());
                    } else {
                        journal.unsent(&key.to_string());
                    }
                }
                match weighed {
                    Ok(due) => self.agenda.add(due, place),
                    Err(error) => self.end(place, Err(error)),
                }
            }
        }
    }

    /// A task that has ended, or none if it is to be asked for again.
    fn polled(
        &mut self,
        place: usize,
        polled: Result<SpeechResult, Fault>,
    ) -> Result<Option<(TaskId, SpeechResult)>, Error> {
        let Task { key, stage, .. } = &mut self.tasks[place];
        let Stage::Wait(polling) = stage else { unreachable!("only a task that waits is polled") };
        let journal = self.log.as_ref().map(|log| &log.journal);
        match polled {
            Ok(result) => {
                polling.answered(&result);
                match result.status.phase() {
                    Phase::Completed => {
                        if let Some(journal) = journal {
                            journal.finished(&key.to_string());
                        }
                        return Ok(Some((polling.id().clone(), result)));
                    }
                    Phase::Failed => {
                        if let Some(journal) = journal {
                            journal.failed(&key.to_string());
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

    fn end(&mut self, place: usize, outcome: Result<(TaskId, SpeechResult), Error>) {
        let Task { index, key, .. } = self.tasks.remove(place);
        self.hand_out(index, key, outcome);
    }

    fn hand_out(&mut self, index: usize, key: K, outcome: Result<(TaskId, SpeechResult), Error>) {
        self.tally.ended(match &outcome {
            Ok(_) => End::Done,
            Err(error) if error.is_in_doubt() => End::InDoubt,
            Err(_) => End::Failed,
        });
        // With nobody to take it, it has been said in the log.
        let _ = self.consumer.results.send(Ended { index, key, outcome });
    }
}

pub(super) fn repeated(key: &str) -> Error {
    Error::invalid("batch", format!("key {key:?} is there twice; keys tell the results apart"))
}
