//! Tests of the engine against an API in memory, in virtual time.

mod holds;
mod outages;
mod panics;
mod rejections;

use std::{
    collections::HashMap,
    future::Future,
    io,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    active::{ActiveTask, Finished, TaskState},
    config::Config,
    engine::{Channels, Engine, api::SpeechApi},
    in_memory_api::{Create, InMemoryApi, rate_limited, status_failure},
    journal::{Journal, KeyState, Opened, Storage},
    pending::{ActiveJournal, PendingRequest, Start},
    progress::Progress,
    request::Queue,
};
use crate::{
    Client, Error, Speak, TaskId,
    ext::transport::failure::{Failure, FailureKind},
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

/// A storage that syncs slowly, and is full from a given length on.
#[derive(Clone)]
struct SlowStorage {
    synced: Arc<Mutex<String>>,
    written: String,
    capacity: usize,
}

impl Storage for SlowStorage {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written.len() > self.capacity {
            return Err(io::Error::other("full"));
        }
        self.written.push_str(std::str::from_utf8(bytes).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        std::thread::sleep(Duration::from_millis(3));
        self.synced.lock().unwrap().clone_from(&self.written);
        Ok(())
    }
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
    Config { max_in_flight, requests_per_second, journal: None }
}

fn speaks(server: &InMemoryApi, texts: impl IntoIterator<Item = String>) -> Vec<(String, Speak)> {
    let speak = |text: String| server.client().speak(text).deadline(Duration::from_secs(3600));
    texts.into_iter().map(|text| (text.clone(), speak(text))).collect()
}

async fn run(server: &InMemoryApi, list: Vec<(String, Speak)>, config: Config) -> Run {
    run_with(server, list, config, None).await
}

async fn run_with(
    server: &InMemoryApi,
    list: Vec<(String, Speak)>,
    config: Config,
    journal: Option<Opened>,
) -> Run {
    let (mut engine, channels) = Engine::new(server.clone(), Queue::list(list));
    let Channels { mut finished, released, progress } = channels;
    config.validate_and_open(&mut engine).await.unwrap();
    engine.journal =
        journal.map(|Opened { journal, key_states, closed }| ActiveJournal { journal, key_states, closed });
    let collect = async {
        let mut results = Vec::new();
        while let Some(Finished { key, outcome, .. }) = finished.recv().await {
            let _ = released.send(());
            results.push((key, outcome.map(|(id, _)| id)));
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
async fn wait_whose_deadline_is_in_a_cooldown_fails_at_once() {
    let poll = |age: Duration| match age.as_secs() {
        0..5 => Ok("PROCESSING"),
        _ => Err(rate_limited(3600)),
    };
    let server = server(|_, _| Create::Accept, poll);
    let deadline = Duration::from_secs(60);
    let list = speaks(&server, texts(20)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), config(20, None)).await;
    let with_id = |error: &Error| error.is_rate_limited() && error.task_id().is_some();
    assert_eq!(run.count(|result| result.as_ref().is_err_and(with_id)), 20);
    assert_eq!(server.observed().polls_in_cooldown, 0);
    assert!(server.elapsed() < Duration::from_secs(20), "{:?}", server.elapsed());
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
async fn no_request_is_sent_during_a_cooldown() {
    let rate_limit_once =
        |_: &str, attempt| if attempt == 1 { Create::RateLimit(30) } else { Create::Accept };
    let server = server(rate_limit_once, done_after(1));
    let run = run(&server, speaks(&server, texts(5)), config(1, None)).await;
    assert_eq!(run.count(Result::is_ok), 5);
    let requests = server.observed().requests.clone();
    // The first request receives the Retry-After, and all others wait.
    assert!(requests[1] >= Duration::from_secs(30), "{requests:?}");
    assert!(server.elapsed() >= Duration::from_secs(5 * 30));
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
    assert_eq!(error.to_string(), "no result within 10s (last status PROCESSING) [task text 0]");
    assert_eq!(run.count(Result::is_ok), 2);
}

/// A server that checks that each request is in the journal before it is sent, and each task id before it is polled.
fn journal_checking_server(on_disk: &Arc<Mutex<String>>) -> InMemoryApi {
    let (for_create, for_poll) = (Arc::clone(on_disk), Arc::clone(on_disk));
    let create = move |text: &str, _| {
        let entry = format!("\"event\":\"sending\",\"key\":\"{text}\"");
        assert!(for_create.lock().unwrap().contains(&entry), "{text} was sent before it was in the journal");
        Create::Accept
    };
    let poll = move |_| {
        assert!(for_poll.lock().unwrap().contains("\"id\":"), "polled before its id was in the journal");
        Ok("COMPLETED")
    };
    server(create, poll)
}

#[tokio::test(start_paused = true)]
async fn request_is_sent_only_after_its_journal_entry_is_synced() {
    let on_disk = Arc::default();
    let server = journal_checking_server(&on_disk);
    let storage = SlowStorage { synced: on_disk, written: String::new(), capacity: usize::MAX };
    let run =
        run_with(&server, speaks(&server, texts(50)), config(20, None), Some(Journal::with_storage(storage)))
            .await;
    assert_eq!(run.count(Result::is_ok), 50);
}

#[tokio::test(start_paused = true)]
async fn request_is_not_sent_if_the_journal_cannot_be_written() {
    let on_disk = Arc::<Mutex<String>>::default();
    let server = journal_checking_server(&on_disk);
    let storage = SlowStorage { synced: Arc::clone(&on_disk), written: String::new(), capacity: 3_000 };
    let run =
        run_with(&server, speaks(&server, texts(100)), config(5, None), Some(Journal::with_storage(storage)))
            .await;
    let (done, failed) =
        (run.count(Result::is_ok), run.count(|result| result.as_ref().is_err_and(Error::is_io)));
    assert_eq!(done + failed, 100);
    assert!(
        done > 5 && server.observed().accepted.len() == done,
        "{done}, {}",
        server.observed().accepted.len()
    );
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

/// Returns an engine with one request that was rate limited once and is in the journal again.
fn engine_with_ready_request(server: &InMemoryApi) -> Engine<String, InMemoryApi> {
    let (mut engine, _) = Engine::new(server.clone(), Queue::stream(futures_util::stream::empty()));
    let speech = server.client().speak("text 0").deadline(Duration::from_secs(60)).prepare().unwrap();
    let Ok(Start::Submit(mut pending)) =
        PendingRequest::start(speech, "a", &KeyState::default(), None, Instant::now())
    else {
        panic!("a new key is submitted")
    };
    pending.start_attempt("a");
    pending.on_failure(rate_limited(1)).1.unwrap();
    engine.active.progress.on_started();
    let task =
        ActiveTask { index: 0, key: "a".to_owned(), key_text: "a".into(), state: TaskState::Submit(pending) };
    let slot = engine.active.tasks.insert(task);
    engine.ready_to_send.push_back(slot);
    engine
}

#[tokio::test(start_paused = true)]
async fn journaled_request_past_its_deadline_is_not_sent() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = engine_with_ready_request(&server);
    tokio::time::advance(Duration::from_secs(70)).await;
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn journaled_request_with_cooldown_beyond_its_deadline_ends_at_once() {
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
