//! Tests of the engine against an API in memory, in virtual time.

mod doubt;
mod holds;
mod limits;
mod outages;
mod panics;
mod rejections;
mod repeats;
mod starting;

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{sync::watch, task::unconstrained, time::Instant};

use super::{
    active::{ActiveTask, Finished, TaskState},
    config::Config,
    engine::{Channels, Engine, api::SpeechApi},
    expected_time::Limits,
    in_memory_api::{Create, InMemoryApi, rate_limited, status_failure},
    pending::{Hold, PendingRequest},
    progress::Progress,
    request::Queue,
};
use crate::{
    Billed, Client, Error, Speak, TaskId,
    ext::{
        disk::{
            Disk,
            simulated::{Fault, Kept, SimulatedDisk, State},
        },
        retry::in_doubt::InDoubtAttempts,
        store::{
            EntryState, Store,
            handle::{Announced, Found},
        },
        transport::failure::{Failure, FailureKind},
    },
};

/// A server with a round trip of 80 ms; `poll` maps the age of a task to its status.
fn server(
    create: impl Fn(&str, u32) -> Create + Send + Sync + 'static,
    poll: impl Fn(Duration) -> Result<&'static str, Failure> + Send + Sync + 'static,
) -> InMemoryApi {
    let client = Client::builder().api_key("k").build().unwrap();
    let round_trip = |_: &str| Duration::from_millis(80);
    InMemoryApi::new(client, round_trip, create, move |_, age| match age {
        // No task has this id.
        Duration::MAX => Err(status_failure(404)),
        age => poll(age).map(|status| (status, None)),
    })
}

/// Returns the most requests in any window of a second.
fn peak(server: &InMemoryApi) -> usize {
    let mut requests = server.observed().requests.clone();
    requests.sort_unstable();
    let (mut first, mut peak) = (0, 0);
    for (at, time) in requests.iter().enumerate() {
        while requests[first] + Duration::from_secs(1) <= *time {
            first += 1;
        }
        peak = peak.max(at - first + 1);
    }
    peak
}

struct Run {
    /// The results by key, in the order in which they arrived.
    results: Vec<(String, Result<TaskId, Error>)>,
    progress: Progress,
}

impl Run {
    fn count(&self, predicate: impl Fn(&Result<TaskId, Error>) -> bool) -> usize {
        self.results.iter().filter(|(_, result)| predicate(result)).count()
    }
}

fn config(max_in_flight: usize, requests_per_second: Option<f64>) -> Config {
    Config { limits: Limits { max_in_flight, requests_per_second }, ..Config::new(max_in_flight) }
}

fn speaks(server: &InMemoryApi, texts: impl IntoIterator<Item = String>) -> Vec<(String, Speak)> {
    let speak = |text: String| server.client().speak(text).deadline(Duration::from_secs(3600));
    texts.into_iter().map(|text| (text.clone(), speak(text))).collect()
}

async fn run(server: &InMemoryApi, list: Vec<(String, Speak)>, config: Config) -> Run {
    let (mut engine, channels) = Engine::new(server.clone(), Queue::list(list));
    let Channels { mut finished, released, progress } = channels;
    config.validate_and_open(&mut engine).await.unwrap();
    let collect = async {
        let mut results = Vec::new();
        while let Some(Finished { key, outcome, .. }) = finished.recv().await {
            let _ = released.send(());
            results.push((key, outcome.map(|speech| speech.id().clone())));
        }
        results
    };
    let (_, results) = tokio::join!(engine.run(), collect);
    let progress = progress.borrow().clone();
    Run { results, progress }
}

fn texts(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("text {number}"))
}

fn done_after(seconds: u64) -> impl Fn(Duration) -> Result<&'static str, Failure> + Send + Sync {
    move |age| Ok(if age < Duration::from_secs(seconds) { "PROCESSING" } else { "COMPLETED" })
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_tasks_keep_the_rate_limit_in_every_second() {
    let server = server(|_, _| Create::Accept, done_after(60));
    let run = run(&server, speaks(&server, texts(10_000)), config(10_000, Some(50.0))).await;
    assert_eq!(run.count(Result::is_ok), 10_000);
    assert_eq!(run.progress.done, 10_000);
    assert_eq!(server.observed().accepted.len(), 10_000);
    assert!(peak(&server) <= 50, "{}", peak(&server));
}

#[tokio::test(start_paused = true)]
async fn repeated_429_is_waited_out_within_the_rate_limit() {
    let poll = |age: Duration| match age.as_secs() {
        // Each task is rate limited, and again after the cooldown.
        5..20 => Err(rate_limited(7)),
        20.. => Ok("COMPLETED"),
        _ => Ok("PROCESSING"),
    };
    let server = server(|_, attempt| if attempt == 1 { Create::RateLimit(2) } else { Create::Accept }, poll);
    let run = run(&server, speaks(&server, texts(300)), config(300, Some(20.0))).await;
    assert_eq!(run.count(Result::is_ok), 300, "{:?}", run.results.iter().find(|(_, result)| result.is_err()));
    assert!(server.observed().accepted.values().all(|count| *count == 1));
    assert!(peak(&server) <= 20, "{}", peak(&server));
    assert_eq!(server.observed().polls_in_cooldown, 0, "no task was at its deadline");
}

#[tokio::test(start_paused = true)]
async fn submission_without_a_slot_before_its_deadline_is_not_sent() {
    let rate_limit_often =
        |_: &str, attempt| if attempt <= 4 { Create::RateLimit(0) } else { Create::Accept };
    let server = server(rate_limit_often, done_after(1));
    let deadline = Duration::from_secs(5);
    let list = speaks(&server, texts(200)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), config(200, Some(5.0))).await;
    let rate_limited = run.count(|result| result.as_ref().is_err_and(Error::is_rate_limited));
    assert_eq!(
        rate_limited + server.observed().accepted.len(),
        200,
        "a submission that was not sent again is reported as rate limited"
    );
    assert!(rate_limited > 0);
}

#[tokio::test(start_paused = true)]
async fn number_of_requests_in_flight_is_bounded() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let run = run(&server, speaks(&server, texts(2_000)), config(2_000, None)).await;
    assert_eq!(run.count(Result::is_ok), 2_000);
    let max = server.observed().max_in_flight;
    assert!((200..=256).contains(&max), "{max}");
}

#[tokio::test(start_paused = true)]
async fn on_submitted_is_called_before_the_wait() {
    let server = server(|_, _| Create::Accept, done_after(3));
    let submitted = Arc::new(Mutex::new(Vec::new()));
    let callback = Arc::clone(&submitted);
    let speak =
        server.client().speak("text 1").on_submitted(move |id| callback.lock().unwrap().push(id.clone()));
    run(&server, vec![("a".to_owned(), speak)], config(1, None)).await;
    assert_eq!(*submitted.lock().unwrap(), [TaskId::new_unchecked("text 1")]);
}

#[tokio::test(start_paused = true)]
async fn endless_stream_that_is_always_ready_yields_to_other_tasks() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let speak = server.client().speak("Hello");
    let mut number = 0;
    let endless = std::iter::repeat_with(move || {
        number += 1;
        (number.to_string(), speak.clone())
    });
    let queue = Queue::stream(futures_util::stream::iter(endless));
    let (mut engine, _channels) = Engine::new(server.clone(), queue);
    config(usize::MAX, None).validate_and_open(&mut engine).await.unwrap();
    let mut running = std::pin::pin!(engine.run());
    // Without yielding, this poll would not return.
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn tasks_in_flight_do_not_exceed_max_in_flight() {
    let server = server(|_, _| Create::Accept, done_after(10));
    let run = run(&server, speaks(&server, texts(20)), config(5, None)).await;
    assert_eq!(run.count(Result::is_ok), 20);
    let observed = server.observed();
    let mut created: Vec<_> = observed.created.values().collect();
    created.sort();
    for pair in created.windows(6) {
        assert!(*pair[5] - *pair[0] >= Duration::from_secs(10), "six within ten seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_request_does_not_affect_the_others() {
    let create = |text: &str, _| match text {
        "text 1" => Create::Status(400),
        "text 2" => Create::AcceptThenDisconnect,
        _ => Create::Accept,
    };
    let server = server(create, done_after(3));
    let mut list = speaks(&server, texts(5));
    list.push(("too short".to_owned(), list[0].1.client().speak("x")));
    let run = run(&server, list, config(64, None)).await;
    let result = |key: &str| &run.results.iter().find(|(found, _)| found == key).unwrap().1;
    assert!(result("text 1").as_ref().unwrap_err().is_rejected());
    assert!(result("text 2").as_ref().unwrap_err().is_in_doubt());
    assert!(result("too short").as_ref().unwrap_err().is_invalid());
    assert_eq!(run.count(Result::is_ok), 3);
    let Progress { queued, in_flight, done, failed, in_doubt, .. } = run.progress;
    assert_eq!((queued, in_flight, done, failed, in_doubt), (Some(0), 0, 3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn outage_of_polls_is_waited_out() {
    let server = server(
        |_, _| Create::Accept,
        |age| {
            if age < Duration::from_secs(3000) {
                Err(Failure::new(FailureKind::ConnectionLost))
            } else {
                Ok("COMPLETED")
            }
        },
    );
    let run = run(&server, speaks(&server, texts(100)), config(100, Some(10.0))).await;
    assert_eq!(run.count(Result::is_ok), 100);
}

#[tokio::test(start_paused = true)]
async fn each_task_has_its_own_deadline_and_a_poll_on_it() {
    let server = server(|_, _| Create::Accept, done_after(30));
    let list: Vec<_> = speaks(&server, texts(3))
        .into_iter()
        .zip([10, 31, 60])
        .map(|((key, speak), seconds)| (key, speak.deadline(Duration::from_secs(seconds))))
        .collect();
    let run = run(&server, list, config(3, None)).await;
    let error = run.results[0].1.as_ref().unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(
        error.to_string(),
        "no result within 10s (last status PROCESSING); the task continues, so wait for it again [task text 0]"
    );
    assert_eq!(run.count(Result::is_ok), 2);
}

fn with_store(store: &Store, mut config: Config) -> Config {
    config.store = Some(store.into());
    config
}

/// Returns the state of a text. A store in memory answers at once.
fn state(store: &Store, text: &str) -> Option<EntryState> {
    let mut entries = store.entries();
    while let Some(entry) = unconstrained(entries.next()).now_or_never().expect("an answer at once") {
        let entry = entry.unwrap();
        if entry.label() == Some(text) {
            return Some(entry.state());
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn request_is_announced_before_it_is_sent_and_recorded_before_it_is_polled() {
    let store = Store::in_memory();
    let (for_create, for_poll) = (store.clone(), store.clone());
    let create = move |text: &str, _| {
        assert_eq!(state(&for_create, text), Some(EntryState::Announced), "{text}");
        Create::Accept
    };
    let client = Client::builder().api_key("k").build().unwrap();
    let server = InMemoryApi::new(
        client,
        |_| Duration::from_millis(80),
        create,
        move |id, _| {
            assert_eq!(state(&for_poll, id), Some(EntryState::Submitted), "{id}");
            Ok(("COMPLETED", None))
        },
    );
    let run = run(&server, speaks(&server, texts(50)), with_store(&store, config(20, None))).await;
    assert_eq!(run.count(Result::is_ok), 50);
    assert!(texts(50).all(|text| state(&store, &text) == Some(EntryState::Stored)));
}

#[tokio::test(start_paused = true)]
async fn second_run_submits_only_what_is_new() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(3));
    run(&server, speaks(&server, texts(20)), with_store(&store, config(8, None))).await;
    // Two lines are corrected, the others are in another order, and one is there twice.
    let mut lines: Vec<_> = texts(22).skip(2).collect();
    lines.reverse();
    let mut list = speaks(&server, lines);
    list.push(("again".to_owned(), server.client().speak("text 7")));
    let second = run(&server, list, with_store(&store, config(8, None))).await;
    assert_eq!(second.count(Result::is_ok), 21);
    let accepted = server.observed().accepted.clone();
    assert_eq!(accepted.len(), 22);
    assert!(accepted.values().all(|count| *count == 1), "{accepted:?}");
}

#[tokio::test(start_paused = true)]
async fn lookups_are_limited_and_continue_when_an_equal_submission_ends() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(0));
    let speak = server.client().speak("Hello.");
    let announced = speak.to_entry(&store).unwrap().announce(None).await;
    assert!(matches!(announced, Ok(Announced::Claimed(_))));
    let list = (0..1_000).map(|key| (key.to_string(), speak.clone())).collect();
    let (mut engine, channels) = Engine::new(server.clone(), Queue::list(list));
    with_store(&store, config(1_001, None)).validate_and_open(&mut engine).await.unwrap();
    let mut engine = Box::pin(engine.run());
    assert!((&mut engine).now_or_never().is_none());
    assert_eq!(channels.progress.borrow().in_flight, 256);
    drop(announced);
    engine.await;
    assert_eq!(channels.progress.borrow().done, 1_000);
    assert_eq!(server.observed().accepted["Hello."], 1);
}

/// Returns one of four faults, or none, by text and attempt. Equal seeds give equal faults.
fn random_faults(seed: u64) -> impl Fn(&str, u32) -> Create + Send + Sync {
    move |text, attempt| {
        let number: u64 = text.rsplit(' ').next().unwrap().parse().unwrap();
        let mut random = fastrand::Rng::with_seed(seed ^ (number << 8) ^ u64::from(attempt));
        match random.u32(..100) {
            0..5 => Create::NotConnected,
            5..10 => Create::AcceptThenDisconnect,
            10..15 => Create::Disconnect,
            15..20 => Create::AcceptThenInvalidBody,
            20..23 => Create::RateLimit(0),
            _ => Create::Accept,
        }
    }
}

/// Asserts that each text was accepted exactly once if it succeeded, at most once in doubt, and otherwise not at all.
fn assert_billed_at_most_once(server: &InMemoryApi, run: &Run) {
    let observed = server.observed();
    for (text, result) in &run.results {
        let accepted = observed.accepted.get(text).copied().unwrap_or(0);
        match result {
            Ok(_) => assert_eq!(accepted, 1, "{text}"),
            Err(error) if error.is_in_doubt() => assert!(accepted <= 1, "{text}"),
            Err(error) => assert_eq!(accepted, 0, "{text}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn batch_with_random_faults_bills_nothing_twice() {
    for seed in 0..5 {
        let server = server(random_faults(seed), done_after(2));
        let run = run(&server, speaks(&server, texts(2_000)), config(500, None)).await;
        assert_billed_at_most_once(&server, &run);
        let (done, in_doubt) = (run.count(Result::is_ok), run.progress.in_doubt);
        assert!(in_doubt > 250 && in_doubt < 400, "expected about 15 in 100 in doubt: {in_doubt}");
        // Four failed connections in a row happen about once in 160,000.
        assert!(done + in_doubt >= 1_999, "{done} and {in_doubt} of 2,000");
    }
}

/// Returns an engine with one request that was rate limited once and is ready to be sent again.
fn engine_with_ready_request(server: &InMemoryApi) -> Engine<String, InMemoryApi> {
    let (mut engine, _) = Engine::new(server.clone(), Queue::stream(futures_util::stream::empty()));
    let speech = server.client().speak("text 0").deadline(Duration::from_secs(60)).prepare(None).unwrap();
    let mut pending = PendingRequest::new(speech, Instant::now());
    pending.start_attempt("a");
    pending.on_failure(rate_limited(1)).unwrap();
    engine.active.progress.on_started(2);
    let state = TaskState::Submit(Box::new(pending));
    let (key_text, entry) = ("a".into(), None);
    let task = ActiveTask { index: 0, key: "a".to_owned(), key_text, entry, characters: 2, state };
    let slot = engine.active.tasks.insert(task);
    engine.ready_to_send.push_back(slot);
    engine
}

#[tokio::test(start_paused = true)]
async fn ready_request_past_its_deadline_is_not_sent() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = engine_with_ready_request(&server);
    tokio::time::advance(Duration::from_secs(70)).await;
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn ready_request_with_cooldown_beyond_its_deadline_ends_at_once() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = engine_with_ready_request(&server);
    server.client().inner().cooldown.on_error_response(&rate_limited(3600).response.unwrap());
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}

/// A batch that runs on its own task, and whose progress is watched.
struct Tracked {
    progress: watch::Receiver<Progress>,
}

impl Tracked {
    async fn start(server: &InMemoryApi, list: Vec<(String, Speak)>, config: Config) -> Self {
        let (mut engine, channels) = Engine::new(server.clone(), Queue::list(list));
        let Channels { mut finished, released, progress } = channels;
        config.validate_and_open(&mut engine).await.unwrap();
        tokio::spawn(engine.run());
        tokio::spawn(async move {
            while finished.recv().await.is_some() {
                let _ = released.send(());
            }
        });
        Self { progress }
    }

    async fn wait_for(&mut self, condition: impl FnMut(&Progress) -> bool) {
        self.progress.wait_for(condition).await.unwrap();
    }
}

/// Adds a request that is pending, with its entry if there is a store. Returns its slot.
fn add_pending(engine: &mut Engine<String, InMemoryApi>, speak: &Speak, store: Option<&Store>) -> usize {
    let speech = speak.prepare(store).unwrap();
    let entry = speech.entry.clone();
    engine.active.progress.on_started(2);
    let state = TaskState::Submit(Box::new(PendingRequest::new(speech, Instant::now())));
    let index = engine.active.tasks.len();
    let task = ActiveTask { index, key: String::new(), key_text: "a".into(), entry, characters: 2, state };
    engine.active.tasks.insert(task)
}

fn pending(engine: &mut Engine<String, InMemoryApi>, slot: usize) -> &mut PendingRequest {
    let TaskState::Submit(pending) = &mut engine.active.tasks[slot].state else { panic!("not pending") };
    pending
}

#[tokio::test(start_paused = true)]
async fn due_request_past_its_deadline_is_not_sent() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = engine_with_ready_request(&server);
    let slot = engine.ready_to_send.pop_front().unwrap();
    engine.scheduler.add_retry(Instant::now(), slot);
    tokio::time::advance(Duration::from_secs(70)).await;
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn deadline_of_a_task_counts_from_the_first_attempt() {
    let create = |_: &str, attempt| if attempt == 1 { Create::RateLimit(40) } else { Create::Accept };
    let server = server(create, done_after(3_600));
    let speak = server.client().speak("Hello.").deadline(Duration::from_secs(60));
    let run = run(&server, vec![("a".to_owned(), speak)], config(1, None)).await;
    assert!(run.results[0].1.as_ref().unwrap_err().is_deadline());
    assert!(server.elapsed() < Duration::from_secs(65), "{:?}", server.elapsed());
}
