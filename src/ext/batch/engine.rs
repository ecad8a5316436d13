//! The one task that drives a batch: takes requests, sends what is due ([`sending`](super::sending)), hears what comes
//! back ([`hearing`](super::hearing)), and sleeps until whatever comes first.
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
    vec,
};

use futures_core::Stream;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    agenda::Agenda,
    api::Api,
    budget::Budget,
    draft::{Begin, Draft, Log, Settled},
    journal::Record,
    progress::Tally,
    task::{Ended, Hands, Outcome, Stage, Task},
};
use crate::{Error, Speak, TaskId, ext::fault::Fault, types::SpeechResult};

/// How many times the engine goes round before it lets others have the thread.
const ROUNDS: usize = 64;

/// How many requests are taken in a round, should there be room for any number.
const TAKEN: usize = 256;

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
    pub(super) api: A,
    pub(super) queue: Queue<K>,
    pub(super) exhausted: bool,
    /// How many requests were taken from the queue.
    pub(super) begun: usize,
    /// How many of these have not been handed out.
    pub(super) open: usize,
    pub(super) max_in_flight: usize,
    pub(super) hands: Hands<K>,
    pub(super) agenda: Agenda,
    /// What has had its turn and stands in the journal, and may leave as soon as there is room.
    pub(super) announced: VecDeque<usize>,
    pub(super) budget: Option<Budget>,
    pub(super) announcing: FuturesUnordered<OnItsWay<Result<(), Error>>>,
    pub(super) creates: FuturesUnordered<OnItsWay<Result<TaskId, Fault>>>,
    pub(super) polls: FuturesUnordered<OnItsWay<Result<SpeechResult, Fault>>>,
    /// One for all; it counts while there is an alarm.
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    pub(super) alarm: Option<Instant>,
    pub(super) log: Option<Log>,
    pub(super) taken: UnboundedReceiver<()>,
    /// Why nothing more is sent, if so.
    pub(super) refusal: Option<Error>,
    /// Nobody takes results any more: nothing is begun, but what is being submitted lands.
    pub(super) stopping: bool,
    pub(super) panic: Option<Panic>,
}

pub(super) type OnItsWay<T> = Pin<Box<dyn Future<Output = (usize, T)> + Send>>;

impl<K, A: Api> Engine<K, A> {
    pub(super) fn new(api: A, queue: Queue<K>, tally: Tally, consumer: Consumer<K>) -> Self {
        Self {
            api,
            queue,
            exhausted: false,
            begun: 0,
            open: 0,
            max_in_flight: 1,
            hands: Hands::new(tally, consumer.results),
            agenda: Agenda::default(),
            announced: VecDeque::new(),
            budget: None,
            announcing: FuturesUnordered::new(),
            creates: FuturesUnordered::new(),
            polls: FuturesUnordered::new(),
            timer: None,
            alarm: None,
            log: None,
            taken: consumer.taken,
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
        let Self { log, hands, panic, creates, announcing, .. } = self;
        // They hold the journal as long as they are there.
        drop((creates, announcing));
        if let Some(Log { journal, records, closed }) = log {
            let left = records.values().filter(|record| !record.is_free()).count();
            if left > 0 && !self.stopping && self.refusal.is_none() {
                tracing::warn!(left, "the journal holds requests that the batch did not");
            }
            // Before the results end: who sees their end may open the journal again.
            drop(journal);
            let _ = closed.await;
        }
        drop(hands);
        panic
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let heard = self.hear_consumer(context) | self.hear_journal(context) | self.hear_server(context);
            let moved = self.take(context) | self.send() | heard;
            // What was sent leaves now, and not after something else was heard.
            let moved = self.hear_server(context) | moved;
            if self.is_over() {
                self.hands.tally.tell();
                return Poll::Ready(());
            }
            if !moved && !self.is_woken(context) {
                self.hands.tally.tell();
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
            self.exhausted && self.hands.tasks.is_empty()
        }
    }

    /// Makes room for what was handed out; stops when nobody is left.
    fn hear_consumer(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.stopping {
            match self.taken.poll_recv(context) {
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
        self.hands.tally.taken();
        match self.first_stage(&name, speak) {
            Ok(Begin::Submit(draft)) => {
                let place = self.hands.tasks.insert(Task { index, key, name, stage: Stage::Submit(draft) });
                self.agenda.add_new(place);
            }
            Ok(Begin::Resume(id, time)) => {
                let place =
                    self.hands.tasks.insert(Task { index, key, name, stage: Stage::Resume(id, time) });
                self.agenda.add(Instant::now(), place);
            }
            Err(error) => self.hands.hand_out(Ended { index, key, name, outcome: Err(error) }),
        }
    }

    fn first_stage(&mut self, name: &str, speak: Speak) -> Result<Begin, Error> {
        if let Queue::Stream(_, names) = &mut self.queue
            && !names.insert(name.to_owned())
        {
            return Err(repeated(name));
        }
        let record = self.log.as_mut().and_then(|log| log.records.remove(name)).unwrap_or_default();
        // Whatever is wrong with it now, what the journal knows of it is worth more.
        self.checked(name, speak, &record).map_err(|error| record.told_with(error))
    }

    fn checked(&self, name: &str, speak: Speak, record: &Record) -> Result<Begin, Error> {
        if self.log.is_none()
            && let Some(refusal) = &self.refusal
        {
            return Err(refusal.again());
        }
        if !speak.client().is_same(self.api.client()) {
            return Err(Error::invalid("request", "is of another client than the batch"));
        }
        let begin = Draft::begin(speak.into_order()?, name, record, self.log.as_ref())?;
        match (&begin, &self.refusal) {
            // Asking for what was submitted needs no journal.
            (Begin::Submit(draft), Some(refusal)) => Err(draft.ended(refusal.again())),
            _ => Ok(begin),
        }
    }

    pub(super) fn end(&mut self, place: usize, outcome: Outcome) {
        self.hands.end(place, outcome);
    }
}

pub(super) fn repeated(key: &str) -> Error {
    Error::invalid("batch", format!("key {key:?} is there twice; keys tell the results apart"))
}
