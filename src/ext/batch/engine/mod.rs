//! The one task that drives a batch. It takes requests, sends what is due ([`send`]), receives responses ([`receive`]),
//! and sleeps until the next event.
//!
//! A waiting task is a slot in a slab and an entry of the scheduler. It needs neither a connection nor a timer nor a future.

pub(crate) mod api;
mod hold;
mod outage;
mod receive;
mod send;
mod silent_polls;

use std::{
    any::Any,
    collections::VecDeque,
    fmt::Display,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    time::{Instant, Sleep, sleep_until},
};

pub(super) use self::outage::OutageFailures;
use self::{api::SpeechApi, silent_polls::SilentPolls};
use super::{
    active::{ActiveTask, ActiveTasks, Finished, TaskState},
    breaker::{Breaker, RoundTrip, Ticket},
    expected_time::Texts,
    key_check::KeyCheck,
    pending::PendingRequest,
    progress::{Progress, ProgressTracker},
    rate_limiter::RateLimiter,
    repeats::Repeats,
    request::Queue,
    scheduler::Scheduler,
    spending::Spending,
};
use crate::{
    Error, Speak, Speech, TaskId,
    ext::{
        polling::task_policy::TaskPolicy,
        store::{
            Store,
            handle::{Announced, EntryHandle, Found},
            rates::Rate,
        },
        transport::{call::Received, failure::Failure},
    },
    types::SpeechResult,
};

/// The number of rounds after which the engine yields to other tasks of the runtime.
const MAX_ROUNDS: usize = 64;

/// The number of requests that are taken in one round.
const MAX_INTAKE: usize = 256;

/// The number of requests that are looked up in the store at a time.
///
/// They share the transactions of the store, and more would only take memory. A lookup may wait for a submission, of this
/// batch too, but no submission waits for a lookup.
const MAX_LOOKUPS: usize = 256;

/// The payload of a panic.
pub(crate) type Panic = Box<dyn Any + Send>;

/// The consumer's ends of the channels to an engine.
pub(crate) struct Channels<K> {
    pub(crate) finished: UnboundedReceiver<Finished<K>>,
    /// Takes one item for each result that the consumer took. Dropping this end stops the engine.
    pub(crate) released: UnboundedSender<()>,
    pub(crate) progress: watch::Receiver<Progress>,
}

pub(crate) struct Engine<K, A> {
    pub(super) api: A,
    pub(super) queue: Queue<K>,
    pub(super) exhausted: bool,
    /// The number of requests taken from the queue.
    pub(super) started: usize,
    /// The number of these whose results the consumer has not taken.
    pub(super) occupied: usize,
    pub(super) active: ActiveTasks<K>,
    pub(super) scheduler: Scheduler,
    /// Submissions that are announced in the store and wait for the rate limiter.
    pub(super) ready_to_send: VecDeque<usize>,
    pub(super) rate_limiter: Option<RateLimiter>,
    /// The results of lookups in the store, each with the seconds of audio that are expected.
    pub(super) lookups: FuturesUnordered<InFlight<Result<(Found, f64), Error>>>,
    /// Requests that end with an error unless the store knows more about them than at their first lookup.
    pub(super) ending: VecDeque<usize>,
    pub(super) announcements: FuturesUnordered<InFlight<Result<Announced, Error>>>,
    /// Finished speeches whose audio is being kept in the store.
    pub(super) keeps: FuturesUnordered<InFlight<Speech>>,
    /// Receives one item for each request that was counted: `true` when it is written, `false` if it never is.
    pub(super) transits: UnboundedReceiver<bool>,
    pub(super) transit_ends: UnboundedSender<bool>,
    pub(super) creates: FuturesUnordered<InFlight<(Ticket, Result<TaskId, Failure>)>>,
    pub(super) polls: FuturesUnordered<InFlight<(Ticket, Polled)>>,
    pub(super) silent_polls: SilentPolls,
    pub(super) poll_round_trip: RoundTrip,
    pub(super) breaker: Breaker,
    /// The poll that finds out whether the server is available again.
    pub(super) probe: Option<(Ticket, Probe)>,
    /// The task that was accepted last.
    pub(super) last_task: Option<TaskId>,
    /// The failures of the outage.
    pub(super) outage_failures: OutageFailures,
    /// The last create that failed in the outage made no connection.
    pub(super) create_not_connected: bool,
    /// The start of the first cooldown since the last accepted create, or since no create was waiting.
    pub(super) rate_limited_since: Option<Instant>,
    /// The end of the cooldown for which the deadlines of all waits were checked.
    pub(super) checked_cooldown: Option<Instant>,
    /// The next check of deadlines, while creates are held back.
    pub(super) next_check: Option<Instant>,
    pub(super) key_check: KeyCheck,
    /// The time at which the first request was taken: the batch has all requests of a list from then on.
    pub(super) first_taken_at: Option<Instant>,
    /// One timer for all tasks, set to `wake_at`.
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    pub(super) wake_at: Option<Instant>,
    pub(super) store: Option<Store>,
    /// `None` for the stream of a caller, who may yield a text again to submit it again.
    pub(super) repeats: Option<Repeats>,
    pub(super) spending: Spending,
    /// The error of requests that would exceed a limit of the batch, once there was one.
    pub(super) limit: Option<Error>,
    /// Receives one item for each result that the consumer took. Closed when the consumer is gone.
    pub(super) released: UnboundedReceiver<()>,
    /// The error that ended the submissions: the server rejected the key, or the store could not be written.
    pub(super) fatal: Option<Error>,
    /// The consumer is gone, or the caller's code panicked: nothing is started, and pending submissions finish.
    pub(super) stopping: bool,
    pub(super) panic: Option<Panic>,
}

type Probe = Pin<Box<dyn Future<Output = Polled> + Send>>;

/// The outcome of a poll.
type Polled = Result<Received<SpeechResult>, Failure>;

/// A future of a request or an access to the store, which returns its slot.
pub(crate) type InFlight<T> = Pin<Box<dyn Future<Output = (usize, T)> + Send>>;

impl<K, A: SpeechApi> Engine<K, A> {
    pub(crate) fn new(api: A, queue: Queue<K>) -> (Self, Channels<K>) {
        let (transit_ends, transits) = unbounded_channel();
        let (results, finished) = unbounded_channel();
        let (released, released_queue) = unbounded_channel();
        let (sender, progress) = watch::channel(Progress::default());
        let queued = queue.as_list().map(|list| {
            let characters = list.iter().map(|(_, speak)| speak.characters()).sum();
            Texts { count: list.len(), characters }
        });
        let repeats = matches!(queue, Queue::List(_)).then(Repeats::default);
        let policy = TaskPolicy::new(Arc::clone(&api.client().inner().policy));
        let tracker = ProgressTracker::new(sender, queued, policy);
        let engine = Self {
            api,
            queue,
            exhausted: false,
            started: 0,
            occupied: 0,
            active: ActiveTasks::new(tracker, results),
            scheduler: Scheduler::default(),
            ready_to_send: VecDeque::new(),
            rate_limiter: None,
            lookups: FuturesUnordered::new(),
            ending: VecDeque::new(),
            announcements: FuturesUnordered::new(),
            keeps: FuturesUnordered::new(),
            transits,
            transit_ends,
            creates: FuturesUnordered::new(),
            polls: FuturesUnordered::new(),
            silent_polls: SilentPolls::new(),
            poll_round_trip: RoundTrip::default(),
            breaker: Breaker::new(),
            probe: None,
            last_task: None,
            outage_failures: OutageFailures::default(),
            create_not_connected: false,
            rate_limited_since: None,
            checked_cooldown: None,
            next_check: None,
            key_check: KeyCheck::default(),
            first_taken_at: None,
            timer: None,
            wake_at: None,
            store: None,
            repeats,
            spending: Spending::default(),
            limit: None,
            released: released_queue,
            fatal: None,
            stopping: false,
            panic: None,
        };
        (engine, Channels { finished, released, progress })
    }
}

impl<K: Display + Send + 'static, A: SpeechApi> Engine<K, A> {
    /// Drives the batch to its end. Returns the panic of the caller's code, if it panicked.
    pub(crate) async fn run(mut self) -> Option<Panic> {
        poll_fn(|context| {
            // If a poll policy panics, the task ids of the pending submissions must still arrive.
            catch_unwind(AssertUnwindSafe(|| self.advance(context))).unwrap_or_else(|panic| {
                self.panic.get_or_insert(panic);
                self.stop();
                context.waker().wake_by_ref();
                Poll::Pending
            })
        })
        .await;
        let Self { store, active, panic, creates, announcements, .. } = self;
        // These futures hold the rights to submit.
        drop((creates, announcements));
        if let Some(store) = store {
            // What the batch knows is on disk before its results end.
            store.flush().await;
        }
        drop(active);
        panic
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MAX_ROUNDS {
            let mut progressed = self.poll_consumer(context);
            progressed |= self.poll_responses(context);
            progressed |= self.poll_transits(context);
            // After the responses: many lookups would use up the budget that tokio gives to a task.
            progressed |= self.poll_store(context);
            progressed |= self.look_up_ending();
            progressed |= self.take_requests(context);
            progressed |= self.send();
            // The first poll of a new request sends it.
            progressed |= self.poll_responses(context);
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

    /// Returns `true` if the time of the next request has come.
    fn timer_fired(&mut self, context: &mut Context<'_>) -> bool {
        let Some(wake_at) = self.wake_at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(wake_at)));
        if timer.deadline() != wake_at {
            timer.as_mut().reset(wake_at);
        }
        timer.as_mut().poll(context).is_ready()
    }

    fn is_finished(&self) -> bool {
        if self.stopping {
            self.creates.is_empty() && self.ending.is_empty() && self.lookups.is_empty()
        } else {
            self.exhausted && self.active.tasks.is_empty()
        }
    }

    /// Frees the places of results that the consumer took. Stops the batch when the consumer is gone.
    fn poll_consumer(&mut self, context: &mut Context<'_>) -> bool {
        let mut progressed = false;
        while !self.stopping {
            match self.released.poll_recv(context) {
                Poll::Ready(Some(())) => self.occupied -= 1,
                Poll::Ready(None) => self.stop(),
                Poll::Pending => break,
            }
            progressed = true;
        }
        progressed
    }

    /// Sends nothing from now on. The engine ends when the pending submissions have finished, and the store was asked about the
    /// other requests.
    fn stop(&mut self) {
        self.stopping = true;
        self.polls.clear();
        self.probe = None;
        // An announcement that is dropped is taken back.
        self.announcements.clear();
        self.lookups.clear();
        self.ending.clear();
        self.keeps.clear();
        self.ready_to_send.clear();
        let unsent = self.active.tasks.iter().filter(|(_, task)| task.state.is_unsent());
        for slot in unsent.map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.end_unsent(slot, Error::stopped());
        }
    }

    /// Takes requests from the queue, up to `max_in_flight`.
    fn take_requests(&mut self, context: &mut Context<'_>) -> bool {
        if self.fatal.is_some() && matches!(self.queue, Queue::Stream(..)) {
            // The stream may be endless, and nothing of it would be submitted.
            self.exhausted = true;
        }
        for taken in 0..MAX_INTAKE {
            let is_full = self.occupied >= self.active.progress.limits.max_in_flight
                || self.lookups.len() >= MAX_LOOKUPS;
            if self.exhausted || self.stopping || is_full {
                return taken > 0;
            }
            // If the caller's stream or key panics, the tasks that are under way still finish.
            let next = catch_unwind(AssertUnwindSafe(|| {
                let next = match &mut self.queue {
                    Queue::List(list) => Poll::Ready(list.next()),
                    Queue::Stream(stream, _) => stream.poll_next_unpin(context),
                };
                next.map(|next| next.map(|(key, speak)| (key.to_string().into_boxed_str(), key, speak)))
            }));
            match next {
                Ok(Poll::Ready(Some((key_text, key, speak)))) => self.start(key_text, key, speak),
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

    fn start(&mut self, key_text: Box<str>, key: K, speak: Speak) {
        let index = self.started;
        self.started += 1;
        self.occupied += 1;
        self.first_taken_at.get_or_insert_with(Instant::now);
        let characters = speak.characters();
        self.active.progress.on_started(characters);
        let pending = match self.prepare(&key_text, speak) {
            Ok(pending) => pending,
            Err(error) => {
                let finished = Finished { index, key, key_text, outcome: Err(error) };
                return self.active.deliver(finished, characters);
            }
        };
        let entry = pending.speech.entry.clone();
        let state = TaskState::Submit(Box::new(pending));
        let task = ActiveTask { index, key, key_text, entry: entry.clone(), characters, state };
        let slot = self.active.tasks.insert(task);
        match entry {
            // A stored speech is returned, and a submitted task is polled, even if nothing can be submitted.
            Some(entry) => self.look_up(slot, entry),
            None => self.start_pending(slot, Rate::default().expect([characters]).mean),
        }
    }

    pub(super) fn look_up(&mut self, slot: usize, entry: EntryHandle) {
        let needs_seconds = self.spending.limits_seconds();
        let policy = Arc::clone(&self.api.client().inner().policy);
        self.lookups.push(Box::pin(async move {
            entry.teach(&policy).await;
            (slot, look_up(&entry, needs_seconds).await)
        }));
    }

    /// Looks requests up again that end if they are still new.
    fn look_up_ending(&mut self) -> bool {
        let mut progressed = false;
        while self.lookups.len() < MAX_LOOKUPS
            && let Some(slot) = self.ending.pop_front()
        {
            progressed = true;
            let ActiveTask { entry: Some(entry), state: TaskState::Submit(pending), .. } =
                &self.active.tasks[slot]
            else {
                unreachable!("only a request with an entry is looked up before it ends")
            };
            let (entry, prior_attempts) = (entry.clone(), pending.prior_attempts);
            self.lookups.push(Box::pin(async move {
                // If the store cannot be read now, the answer of the first lookup counts.
                let found = entry.lookup(None).await.unwrap_or(Found::New(prior_attempts));
                (slot, Ok((found, 0.0)))
            }));
        }
        progressed
    }

    fn prepare(&mut self, key: &str, speak: Speak) -> Result<PendingRequest, Error> {
        if let Queue::Stream(_, keys) = &mut self.queue
            && !keys.insert(key.to_owned())
        {
            return Err(duplicate_key(key));
        }
        if !speak.client().is_same(self.api.client()) {
            return Err(Error::invalid(
                "request",
                "belongs to another client, expected a request of the batch's client",
            ));
        }
        let received_at = match (&self.queue, self.first_taken_at) {
            (Queue::List(_), Some(first)) => first,
            _ => Instant::now(),
        };
        let speech = speak.or_label(key).prepare(self.store.as_ref())?;
        Ok(PendingRequest::new(speech, received_at))
    }

    /// Plans the first attempt of a request that is not in the store.
    pub(super) fn start_pending(&mut self, slot: usize, expected_seconds: f64) {
        let pending = self.active.pending_mut(slot).expect("only a pending request is started");
        pending.expected_seconds = expected_seconds;
        let error = pending.ending.take();
        if let Some(error) = error.or_else(|| self.fatal.clone()).or_else(|| self.limit.clone()) {
            return self.finish_unsent(slot, error);
        }
        self.scheduler.add_new(slot);
        // An outage may have lasted longer than its time limit.
        self.next_check = None;
    }

    pub(crate) fn finish(&mut self, slot: usize, outcome: Result<Speech, Error>) {
        if let (Some(repeats), Some(entry)) = (&mut self.repeats, &self.active.tasks[slot].entry) {
            repeats.record(entry, &outcome);
        }
        self.active.finish(slot, outcome);
    }
}

/// Returns what a store knows about a request, and how long its audio is expected to be.
async fn look_up(entry: &EntryHandle, needs_seconds: bool) -> Result<(Found, f64), Error> {
    let found = entry.lookup(None).await?;
    let seconds = if needs_seconds { entry.expected_seconds().await? } else { 0.0 };
    Ok((found, seconds))
}

pub(crate) fn duplicate_key(key: &str) -> Error {
    Error::invalid("batch", format!("duplicate key {key:?}; each key must be unique"))
}
