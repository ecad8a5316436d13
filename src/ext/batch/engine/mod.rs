//! The one task that drives a batch. It takes requests, sends what is due ([`send`]), receives responses ([`receive`]),
//! and sleeps until the next event.
//!
//! A waiting task is a slot in a slab and an entry of the scheduler. It holds no connection, no timer and no future.

pub(crate) mod api;
mod receive;
mod send;

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

use self::api::SpeechApi;
use super::{
    active::{ActiveTask, ActiveTasks, Finished, Outcome, TaskState},
    journal::KeyState,
    pending::{ActiveJournal, AttemptOutcome, PendingRequest, Start},
    progress::ProgressTracker,
    rate_limiter::RateLimiter,
    scheduler::Scheduler,
};
use crate::{Error, Speak, TaskId, ext::transport::failure::Failure, types::SpeechResult};

/// How many times the engine goes round before it lets others have the thread.
const MAX_ROUNDS: usize = 64;

/// How many requests are taken in a round, should there be room for any number.
const MAX_INTAKE: usize = 256;

pub(crate) enum Queue<K> {
    List(vec::IntoIter<(K, Speak)>),
    /// With the keys that it has brought.
    Stream(Pin<Box<dyn Stream<Item = (K, Speak)> + Send>>, HashSet<String>),
}

/// What a panic leaves behind.
pub(crate) type Panic = Box<dyn Any + Send>;

/// The ends of the channels to whoever takes the results.
pub(crate) struct Consumer<K> {
    pub(crate) results: UnboundedSender<Finished<K>>,
    /// One for each result that was taken; closed when nobody takes any more.
    pub(crate) released: UnboundedReceiver<()>,
}

pub(crate) struct Engine<K, A> {
    pub(in crate::ext::batch) api: A,
    pub(in crate::ext::batch) queue: Queue<K>,
    pub(in crate::ext::batch) exhausted: bool,
    /// How many requests were taken from the queue.
    pub(in crate::ext::batch) started: usize,
    /// How many of these have not been handed out.
    pub(in crate::ext::batch) occupied: usize,
    pub(in crate::ext::batch) max_in_flight: usize,
    pub(in crate::ext::batch) active: ActiveTasks<K>,
    pub(in crate::ext::batch) scheduler: Scheduler,
    /// What has had its turn and stands in the journal, and may leave as soon as there is room.
    pub(in crate::ext::batch) ready_to_send: VecDeque<usize>,
    pub(in crate::ext::batch) rate_limiter: Option<RateLimiter>,
    pub(in crate::ext::batch) journal_writes: FuturesUnordered<InFlight<Result<(), Error>>>,
    pub(in crate::ext::batch) creates: FuturesUnordered<InFlight<Result<TaskId, Failure>>>,
    pub(in crate::ext::batch) polls: FuturesUnordered<InFlight<Result<SpeechResult, Failure>>>,
    /// One for all; it counts while there is an alarm.
    pub(in crate::ext::batch) timer: Option<Pin<Box<Sleep>>>,
    pub(in crate::ext::batch) wake_at: Option<Instant>,
    pub(in crate::ext::batch) journal: Option<ActiveJournal>,
    pub(in crate::ext::batch) released: UnboundedReceiver<()>,
    /// Why nothing more is sent, if so.
    pub(in crate::ext::batch) fatal: Option<Error>,
    /// Nobody takes results any more: nothing is begun, but what is being submitted lands.
    pub(in crate::ext::batch) stopping: bool,
    pub(in crate::ext::batch) panic: Option<Panic>,
}

pub(crate) type InFlight<T> = Pin<Box<dyn Future<Output = (usize, T)> + Send>>;

impl<K, A: SpeechApi> Engine<K, A> {
    pub(crate) fn new(api: A, queue: Queue<K>, tally: ProgressTracker, consumer: Consumer<K>) -> Self {
        Self {
            api,
            queue,
            exhausted: false,
            started: 0,
            occupied: 0,
            max_in_flight: 1,
            active: ActiveTasks::new(tally, consumer.results),
            scheduler: Scheduler::default(),
            ready_to_send: VecDeque::new(),
            rate_limiter: None,
            journal_writes: FuturesUnordered::new(),
            creates: FuturesUnordered::new(),
            polls: FuturesUnordered::new(),
            timer: None,
            wake_at: None,
            journal: None,
            released: consumer.released,
            fatal: None,
            stopping: false,
            panic: None,
        }
    }

    /// What is still to be taken, if it is known beforehand.
    pub(crate) fn list(&self) -> Option<&[(K, Speak)]> {
        match &self.queue {
            Queue::List(list) => Some(list.as_slice()),
            Queue::Stream(..) => None,
        }
    }
}

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Drives the batch to its end; returns what panicked, if something of the caller's did.
    pub(crate) async fn run(mut self) -> Option<Panic> {
        poll_fn(|context| self.advance(context)).await;
        let Self { journal: log, active: hands, panic, creates, journal_writes: announcing, .. } = self;
        // They hold the journal as long as they are there.
        drop((creates, announcing));
        if let Some(ActiveJournal { journal, key_states: records, closed }) = log {
            let left = records.values().filter(|record| !record.is_unbilled()).count();
            if left > 0 && !self.stopping && self.fatal.is_none() {
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
        for _ in 0..MAX_ROUNDS {
            let heard =
                self.poll_consumer(context) | self.poll_journal(context) | self.poll_responses(context);
            let progressed = self.take_requests(context) | self.send() | heard;
            // What was sent leaves now, and not after something else was heard.
            let progressed = self.poll_responses(context) | progressed;
            if self.is_finished() {
                self.active.progress.publish();
                return Poll::Ready(());
            }
            if !progressed && !self.timer_fired(context) {
                self.active.progress.publish();
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the time has come that the next request waits for.
    fn timer_fired(&mut self, context: &mut Context<'_>) -> bool {
        let Some(alarm) = self.wake_at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(alarm)));
        if timer.deadline() != alarm {
            timer.as_mut().reset(alarm);
        }
        timer.as_mut().poll(context).is_ready()
    }

    fn is_finished(&self) -> bool {
        if self.stopping {
            self.creates.is_empty() && self.journal_writes.is_empty()
        } else {
            self.exhausted && self.active.tasks.is_empty()
        }
    }

    /// Makes room for what was handed out; stops when nobody is left.
    fn poll_consumer(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while !self.stopping {
            match self.released.poll_recv(context) {
                Poll::Ready(Some(())) => self.occupied -= 1,
                Poll::Ready(None) => {
                    self.stopping = true;
                    self.polls.clear();
                    for slot in std::mem::take(&mut self.ready_to_send) {
                        self.record_outcome(slot, AttemptOutcome::NotSent);
                    }
                }
                Poll::Pending => break,
            }
            progressed = true;
        }
        progressed
    }

    /// Takes requests for as long as there is room.
    fn take_requests(&mut self, context: &mut Context<'_>) -> bool {
        for taken in 0..MAX_INTAKE {
            if self.exhausted || self.stopping || self.occupied >= self.max_in_flight {
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
                Ok(Poll::Ready(Some((name, key, speak)))) => self.start(name, key, speak),
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

    fn start(&mut self, name: Box<str>, key: K, speak: Speak) {
        let index = self.started;
        self.started += 1;
        self.occupied += 1;
        self.active.progress.on_started();
        match self.initial_state(&name, speak) {
            Ok(Start::Submit(draft)) => {
                let slot = self.active.tasks.insert(ActiveTask {
                    index,
                    key,
                    key_text: name,
                    state: TaskState::Submit(draft),
                });
                self.scheduler.add_new(slot);
            }
            Ok(Start::Resume(id, time)) => {
                let slot = self.active.tasks.insert(ActiveTask {
                    index,
                    key,
                    key_text: name,
                    state: TaskState::Resume(id, time),
                });
                self.scheduler.add(Instant::now(), slot);
            }
            Err(error) => self.active.deliver(Finished { index, key, key_text: name, outcome: Err(error) }),
        }
    }

    fn initial_state(&mut self, name: &str, speak: Speak) -> Result<Start, Error> {
        if let Queue::Stream(_, names) = &mut self.queue
            && !names.insert(name.to_owned())
        {
            return Err(duplicate_key(name));
        }
        let record = self.journal.as_mut().and_then(|log| log.key_states.remove(name)).unwrap_or_default();
        // Whatever is wrong with it now, what the journal knows of it is worth more.
        self.check_and_start(name, speak, &record).map_err(|error| record.enrich(error))
    }

    fn check_and_start(&self, name: &str, speak: Speak, record: &KeyState) -> Result<Start, Error> {
        if self.journal.is_none()
            && let Some(refusal) = &self.fatal
        {
            return Err(refusal.again());
        }
        if !speak.client().is_same(self.api.client()) {
            return Err(Error::invalid("request", "is of another client than the batch"));
        }
        let begin = PendingRequest::start(speak.prepare()?, name, record, self.journal.as_ref())?;
        match (&begin, &self.fatal) {
            // Asking for what was submitted needs no journal.
            (Start::Submit(draft), Some(refusal)) => Err(draft.finish_with(refusal.again())),
            _ => Ok(begin),
        }
    }

    pub(crate) fn finish(&mut self, slot: usize, outcome: Outcome) {
        self.active.finish(slot, outcome);
    }
}

pub(crate) fn duplicate_key(key: &str) -> Error {
    Error::invalid("batch", format!("key {key:?} is there twice; keys tell the results apart"))
}
