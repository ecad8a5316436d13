//! The engine against a server in memory, in virtual time.

use std::{
    collections::HashSet,
    future::Future,
    io,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use tokio::sync::{mpsc, watch};

use super::{
    active::{ActiveTask, Finished, TaskState},
    config::Config,
    engine::{Consumer, Engine, Queue, api::SpeechApi},
    in_memory_api::{Create, InMemoryApi, rate_limited},
    journal::{Journal, KeyState, Opened, Storage},
    pending::{ActiveJournal, PendingRequest, Start},
    progress::{Progress, ProgressTracker},
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
    InMemoryApi::new(client, round_trip, create, move |_, age| poll(age).map(|status| (status, None)))
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

/// A disk that takes its time; full from some length on.
#[derive(Clone)]
struct Slow {
    on_disk: Arc<Mutex<String>>,
    written: String,
    room: usize,
}

impl Storage for Slow {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written.len() > self.room {
            return Err(io::Error::other("full"));
        }
        self.written.push_str(std::str::from_utf8(bytes).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        std::thread::sleep(Duration::from_millis(3));
        self.on_disk.lock().unwrap().clone_from(&self.written);
        Ok(())
    }
}

struct Run {
    /// By key, in the order of their ends.
    results: Vec<(String, Result<TaskId, Error>)>,
    progress: Progress,
}

impl Run {
    fn count(&self, is: impl Fn(&Result<TaskId, Error>) -> bool) -> usize {
        self.results.iter().filter(|(_, outcome)| is(outcome)).count()
    }
}

fn plan(max_in_flight: usize, requests_per_second: Option<f64>) -> Config {
    Config { max_in_flight, requests_per_second, journal: None }
}

fn speaks(server: &InMemoryApi, texts: impl IntoIterator<Item = String>) -> Vec<(String, Speak)> {
    let speak = |text: String| server.client().speak(text).deadline(Duration::from_secs(3600));
    texts.into_iter().map(|text| (text.clone(), speak(text))).collect()
}

async fn run(server: &InMemoryApi, list: Vec<(String, Speak)>, plan: Config) -> Run {
    run_with(server, list, plan, None).await
}

async fn run_with(
    server: &InMemoryApi,
    list: Vec<(String, Speak)>,
    plan: Config,
    log: Option<Opened>,
) -> Run {
    let (results, mut ended) = mpsc::unbounded_channel();
    let (taken, heard) = mpsc::unbounded_channel();
    let (told, progress) = watch::channel(Progress::default());
    let tally = ProgressTracker::new(told, Some(list.len()));
    let queue = Queue::List(list.into_iter());
    let mut engine = Engine::new(server.clone(), queue, tally, Consumer { results, released: heard });
    plan.validate_and_open(&mut engine).await.unwrap();
    engine.journal = log.map(|Opened { journal, key_states: records, closed }| ActiveJournal {
        journal,
        key_states: records,
        closed,
    });
    let collect = async {
        let mut results = Vec::new();
        while let Some(Finished { key, outcome, .. }) = ended.recv().await {
            let _ = taken.send(());
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
async fn ten_thousand_in_flight_keep_to_the_budget_in_every_second() {
    let server = server(|_, _| Create::Accept, done_after(60));
    let run = run(&server, speaks(&server, texts(10_000)), plan(10_000, Some(50.0))).await;
    assert_eq!(run.count(Result::is_ok), 10_000);
    assert_eq!(run.progress.done, 10_000);
    assert_eq!(server.observed().accepted.len(), 10_000);
    assert!(peak(&server) <= 50, "{}", peak(&server));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_is_sat_out_by_all_and_within_the_budget() {
    let storm = |age: Duration| match age.as_secs() {
        // Each of them is told to go away, for a while that ends and begins again.
        5..20 => Err(rate_limited(7)),
        20.. => Ok("COMPLETED"),
        _ => Ok("PROCESSING"),
    };
    let server = server(|_, attempt| if attempt == 1 { Create::RateLimit(2) } else { Create::Accept }, storm);
    let run = run(&server, speaks(&server, texts(300)), plan(300, Some(20.0))).await;
    assert_eq!(run.count(Result::is_ok), 300, "{:?}", run.results.iter().find(|(_, end)| end.is_err()));
    assert!(server.observed().accepted.values().all(|times| *times == 1));
    assert!(peak(&server) <= 20, "{}", peak(&server));
    assert_eq!(server.observed().polls_in_cooldown, 0, "none was at its deadline");
}

#[tokio::test(start_paused = true)]
async fn at_its_deadline_a_task_is_asked_for_through_a_closed_gate() {
    let storm =
        |age: Duration| if age < Duration::from_secs(5) { Err(rate_limited(3600)) } else { Ok("COMPLETED") };
    let server = server(|_, _| Create::Accept, storm);
    let deadline = Duration::from_secs(60);
    let list = speaks(&server, texts(20)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), plan(20, None)).await;
    assert_eq!(run.count(Result::is_ok), 20);
    assert_eq!(server.observed().polls_in_cooldown, 20);
    assert!(server.elapsed() < deadline + Duration::from_secs(1), "{:?}", server.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_has_no_turn_before_its_deadline_is_not_sent_after_it() {
    let limits = |_: &str, attempt| if attempt == 1 { Create::RateLimit(0) } else { Create::Accept };
    let server = server(limits, done_after(1));
    let deadline = Duration::from_secs(5);
    let list = speaks(&server, texts(200)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), plan(200, Some(5.0))).await;
    let refused = run.count(|end| end.as_ref().is_err_and(Error::is_rate_limited));
    assert_eq!(
        refused + server.observed().accepted.len(),
        200,
        "what was not sent again is said to be refused"
    );
    assert!(refused > 0);
}

#[tokio::test(start_paused = true)]
async fn the_requests_on_their_way_are_bounded() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let run = run(&server, speaks(&server, texts(2_000)), plan(2_000, None)).await;
    assert_eq!(run.count(Result::is_ok), 2_000);
    let most = server.observed().max_in_flight;
    assert!((200..=256).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn an_id_is_told_before_the_wait() {
    let server = server(|_, _| Create::Accept, done_after(3));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let speak = server.client().speak("text 1").on_submitted(move |id| tell.lock().unwrap().push(id.clone()));
    run(&server, vec![("a".to_owned(), speak)], plan(1, None)).await;
    assert_eq!(*told.lock().unwrap(), [TaskId::from_server("text 1")]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_source_that_is_always_ready_leaves_the_thread_to_others() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let speak = server.client().speak("Hello");
    let mut number = 0;
    let endless = std::iter::repeat_with(move || {
        number += 1;
        (number.to_string(), speak.clone())
    });
    let (results, _ended) = mpsc::unbounded_channel();
    let (_taken, heard) = mpsc::unbounded_channel();
    let (told, _) = watch::channel(Progress::default());
    let queue = Queue::Stream(Box::pin(futures_util::stream::iter(endless)), HashSet::new());
    let mut engine = Engine::new(
        server.clone(),
        queue,
        ProgressTracker::new(told, None),
        Consumer { results, released: heard },
    );
    plan(usize::MAX, None).validate_and_open(&mut engine).await.unwrap();
    let mut running = std::pin::pin!(engine.run());
    // It comes back at all.
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_while_the_server_wants_to_be_left_alone() {
    let limits = |_: &str, attempt| if attempt == 1 { Create::RateLimit(30) } else { Create::Accept };
    let server = server(limits, done_after(1));
    let run = run(&server, speaks(&server, texts(5)), plan(1, None)).await;
    assert_eq!(run.count(Result::is_ok), 5);
    let requests = server.observed().requests.clone();
    // The first is told at once, and everything after it waits.
    assert!(requests[1] >= Duration::from_secs(30), "{requests:?}");
    assert!(server.elapsed() >= Duration::from_secs(5 * 30));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_allowed() {
    let server = server(|_, _| Create::Accept, done_after(10));
    let run = run(&server, speaks(&server, texts(20)), plan(5, None)).await;
    assert_eq!(run.count(Result::is_ok), 20);
    let observed = server.observed();
    let mut created: Vec<_> = observed.created.values().collect();
    created.sort();
    for pair in created.windows(6) {
        assert!(*pair[5] - *pair[0] >= Duration::from_secs(10), "six within ten seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_sinks_none_of_the_others() {
    let create = |text: &str, _| match text {
        "text 1" => Create::Reject,
        "text 2" => Create::AcceptThenDisconnect,
        _ => Create::Accept,
    };
    let server = server(create, done_after(3));
    let mut list = speaks(&server, texts(5));
    list.push(("too short".to_owned(), list[0].1.client().speak("x")));
    let run = run(&server, list, plan(64, None)).await;
    let end = |key: &str| &run.results.iter().find(|(found, _)| found == key).unwrap().1;
    assert!(end("text 1").as_ref().unwrap_err().is_rejected());
    assert!(end("text 2").as_ref().unwrap_err().is_in_doubt());
    assert!(end("too short").as_ref().unwrap_err().is_invalid());
    assert_eq!(run.count(Result::is_ok), 3);
    let Progress { queued, in_flight, done, failed, in_doubt, .. } = run.progress;
    assert_eq!((queued, in_flight, done, failed, in_doubt), (Some(0), 0, 3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_polls_is_waited_out() {
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
    let run = run(&server, speaks(&server, texts(100)), plan(100, Some(10.0))).await;
    assert_eq!(run.count(Result::is_ok), 100);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_each_is_its_own_and_has_a_last_look() {
    let server = server(|_, _| Create::Accept, done_after(30));
    let list: Vec<_> = speaks(&server, texts(3))
        .into_iter()
        .zip([10, 31, 60])
        .map(|((key, speak), seconds)| (key, speak.deadline(Duration::from_secs(seconds))))
        .collect();
    let run = run(&server, list, plan(3, None)).await;
    let error = run.results[0].1.as_ref().unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.to_string(), "no result within 10s (last status PROCESSING) [task text 0]");
    assert_eq!(run.count(Result::is_ok), 2);
}

/// A server that takes nothing that isn't on the disk, and is asked for nothing whose id isn't.
fn watchful(on_disk: &Arc<Mutex<String>>) -> InMemoryApi {
    let (announced, kept) = (Arc::clone(on_disk), Arc::clone(on_disk));
    let create = move |text: &str, _| {
        let line = format!("\"event\":\"sending\",\"key\":\"{text}\"");
        assert!(announced.lock().unwrap().contains(&line), "{text} was sent before it was announced");
        Create::Accept
    };
    let poll = move |_| {
        // Of the first one, at least.
        assert!(kept.lock().unwrap().contains("\"id\":"), "asked for before its id was kept");
        Ok("COMPLETED")
    };
    server(create, poll)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_it_is_on_the_disk() {
    let on_disk = Arc::default();
    let server = watchful(&on_disk);
    let disk = Slow { on_disk, written: String::new(), room: usize::MAX };
    let run =
        run_with(&server, speaks(&server, texts(50)), plan(20, None), Some(Journal::with_storage(disk)))
            .await;
    assert_eq!(run.count(Result::is_ok), 50);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_announced_is_not_sent() {
    let on_disk = Arc::<Mutex<String>>::default();
    let server = watchful(&on_disk);
    let disk = Slow { on_disk: Arc::clone(&on_disk), written: String::new(), room: 3_000 };
    let run =
        run_with(&server, speaks(&server, texts(100)), plan(5, None), Some(Journal::with_storage(disk)))
            .await;
    let (done, refused) = (run.count(Result::is_ok), run.count(|end| end.as_ref().is_err_and(Error::is_io)));
    assert_eq!(done + refused, 100);
    assert!(
        done > 5 && server.observed().accepted.len() == done,
        "{done}, {}",
        server.observed().accepted.len()
    );
}

/// One of four faults, or none, by text and attempt; the same for the same seed.
fn misfortune(seed: u64) -> impl Fn(&str, u32) -> Create + Send + Sync {
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

/// What must hold whatever happens: nothing is taken twice, what came back was taken, what is in doubt may have been,
/// and what was not taken was said not to be.
fn nothing_is_billed_twice(server: &InMemoryApi, run: &Run) {
    let seen = server.observed();
    for (text, outcome) in &run.results {
        let taken = seen.accepted.get(text).copied().unwrap_or(0);
        match outcome {
            Ok(_) => assert_eq!(taken, 1, "{text}"),
            Err(error) if error.is_in_doubt() => assert!(taken <= 1, "{text}"),
            Err(error) => assert_eq!(taken, 0, "{text}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_nothing_is_billed_twice() {
    for seed in 0..5 {
        let server = server(misfortune(seed), done_after(2));
        let run = run(&server, speaks(&server, texts(2_000)), plan(500, None)).await;
        nothing_is_billed_twice(&server, &run);
        let (done, in_doubt) = (run.count(Result::is_ok), run.progress.in_doubt);
        assert!(in_doubt > 250 && in_doubt < 400, "some 15 in 100 are in doubt: {in_doubt}");
        // Four connections in a row fail about once in 160,000.
        assert!(done + in_doubt >= 1_999, "{done} and {in_doubt} of 2,000");
    }
}

/// An engine, and one request in it that was refused for now and is announced again.
fn announced_again(server: &InMemoryApi) -> Engine<String, InMemoryApi> {
    let (results, _) = mpsc::unbounded_channel();
    let (_, heard) = mpsc::unbounded_channel();
    let tally = ProgressTracker::new(watch::channel(Progress::default()).0, None);
    let queue = Queue::List(Vec::new().into_iter());
    let mut engine = Engine::new(server.clone(), queue, tally, Consumer { results, released: heard });
    let order = server.client().speak("text 0").deadline(Duration::from_secs(60)).prepare().unwrap();
    let Ok(Start::Submit(mut draft)) = PendingRequest::start(order, "a", &KeyState::default(), None) else {
        panic!("nothing is known of it")
    };
    draft.start_attempt();
    draft.on_failure(rate_limited(1)).1.unwrap();
    engine.active.progress.on_started();
    let task =
        ActiveTask { index: 0, key: "a".to_owned(), key_text: "a".into(), state: TaskState::Submit(draft) };
    let slot = engine.active.tasks.insert(task);
    engine.ready_to_send.push_back(slot);
    engine
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_for_too_long_is_not_sent() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = announced_again(&server);
    tokio::time::advance(Duration::from_secs(70)).await;
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_and_polls_in_cooldown_beyond_its_deadline_ends_at_once() {
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = announced_again(&server);
    server.client().inner().cooldown.extend(Duration::from_secs(3600));
    engine.send();
    assert!(engine.creates.is_empty() && engine.active.tasks.is_empty());
}
