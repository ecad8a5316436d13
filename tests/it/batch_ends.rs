//! Batches that end early. Every task id and every in-doubt submission is reported.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{
    Client,
    batch::Results,
    testing::{Simulator, httpmock::MockServer},
};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{
    Action, CREATE, ID, KEY, Log, RESULT, ScriptedServer, client, completed_result, respond_with_result,
    result, serve_result,
};

/// Polls the results until `in_flight` requests are in flight and `condition` holds. Panics if a result is
/// ready.
async fn poll_until<K: std::fmt::Debug>(
    results: &mut Results<K>,
    in_flight: usize,
    condition: impl Fn() -> bool,
) {
    let progress = results.progress();
    // Attempts are limited instead of time, so that a busy machine does not fail the test.
    for _ in 0..2_000 {
        assert!(timeout(SHORT_TIMEOUT, results.next()).await.is_err(), "no result is ready yet");
        if progress.borrow().in_flight == in_flight && condition() {
            return;
        }
    }
    panic!("condition not reached: {:?}", *progress.borrow());
}

const SHORT_TIMEOUT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn batch_next_run_does_not_resubmit_in_doubt_request_with_task_id() {
    let directory = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    let client = client(&server.url);
    for _ in 0..2 {
        let speak = client.speak("Hello").resubmit_in_doubt(5);
        let batch = client.batch([("a", speak)]).store(directory.path());
        let outcomes: Vec<_> = batch.run().await.unwrap().collect().await;
        let error = outcomes[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

/// Starts a server that accepts one text at once and another after 3 s. Returns the server and a client for
/// it.
fn fast_and_slow() -> (MockServer, Client) {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(CREATE).body_includes("fast");
        then.status(200).json_body(json!({"id": "id-of-fast"}));
    });
    server.mock(|when, then| {
        when.path(CREATE).body_includes("slow");
        then.status(200).delay(Duration::from_secs(3)).json_body(json!({"id": "id-of-slow"}));
    });
    server.mock(|when, then| {
        when.path(RESULT);
        respond_with_result(then, completed_result("http://127.0.0.1:9/a"));
    });
    let client = client(&server.base_url());
    (server, client)
}

#[tokio::test]
async fn batch_with_cancelled_stop_logs_every_task_id() {
    let log = Log::default();
    let _guard = log.capture();
    let (_server, client) = fast_and_slow();
    let mut results = client.batch([("s", "slow one"), ("f", "fast one")]).in_order().run().await.unwrap();
    let progress = results.progress();
    poll_until(&mut results, 1, || progress.borrow().done == 1).await;
    assert!(timeout(SHORT_TIMEOUT, results.stop()).await.is_err());
    let is_logged = || ["id-of-fast", "id-of-slow"].iter().all(|id| log.text().contains(id));
    for _ in 0..2_000 {
        if is_logged() {
            break;
        }
        tokio::time::sleep(SHORT_TIMEOUT).await;
    }
    assert!(is_logged(), "{}", log.text());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn batch_dropped_before_runtime_shutdown_logs_task_id() {
    let log = Log::default();
    let _guard = log.capture();
    let server = serve_result(result("PROCESSING"));
    let client = client(&server.base_url());
    let runtime = runtime();
    runtime.block_on(async {
        let is_submitted = Arc::new(AtomicBool::new(false));
        let submitted = Arc::clone(&is_submitted);
        let speak = client.speak("Hello").on_submitted(move |_| submitted.store(true, Ordering::Relaxed));
        let mut results = client.batch([("a", speak)]).run().await.unwrap();
        poll_until(&mut results, 1, || is_submitted.load(Ordering::Relaxed)).await;
        // As an early return with `?` does.
        drop(results);
    });
    drop(runtime);
    assert!(log.text().contains(ID), "{}", log.text());
}

#[test]
fn batch_stop_after_runtime_shutdown_returns_in_doubt_request() {
    let (_server, client) = fast_and_slow();
    let requests = [("f", client.speak("fast one")), ("s", client.speak("slow one"))];
    let runtime = runtime();
    let mut results = runtime.block_on(client.batch(requests).run()).unwrap();
    runtime.block_on(async {
        results.next().await.unwrap().1.unwrap();
        poll_until(&mut results, 1, || true).await;
    });
    drop(runtime);
    let undelivered = results.stop().now_or_never().unwrap();
    let [("s", Err(error))] = undelivered.as_slice() else { panic!("{undelivered:?}") };
    assert!(error.is_in_doubt(), "the request was in flight: {error}");
}

#[tokio::test]
async fn batch_with_panicking_pacing_completes() {
    let server = serve_result(completed_result("http://127.0.0.1:9/a"));
    let calls = AtomicUsize::new(0);
    let policy = distribute_ai::pacing::from_fn(move |_| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) < 1, "on purpose");
        Duration::from_millis(20)
    });
    let client = Client::builder().api_key(KEY).base_url(server.base_url()).pacing(policy).build().unwrap();
    let mut results = client.batch([("a", "Hello a"), ("b", "Hello b")]).run().await.unwrap();
    for _ in 0..2 {
        results.next().await.unwrap().1.unwrap();
    }
    assert!(results.next().await.is_none());
}

#[tokio::test]
async fn batch_progress_after_stop_has_nothing_in_flight() {
    let server = serve_result(result("PROCESSING"));
    let mut results =
        client(&server.base_url()).batch([("a", "Hello a"), ("b", "Hello b")]).run().await.unwrap();
    poll_until(&mut results, 2, || true).await;
    let progress = results.progress();
    assert_eq!(results.stop().await.len(), 2);
    let last = progress.borrow().clone();
    assert_eq!((last.in_flight, last.failed), (0, 2));
}

#[tokio::test]
async fn store_opens_again_when_batch_stop_returns() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::builder().running(Duration::from_secs(3600)).start().await.unwrap();
    let client = simulator.client();
    for round in 0..400 {
        let batch = client.batch([("a", "Hello a"), ("b", "Hello b")]).store(directory.path());
        let mut results = batch.run().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        // Some batches are stopped before they start, some at once, some with requests in flight.
        if round % 3 > 0 {
            let wait = Duration::from_millis(round % 3 - 1);
            assert!(timeout(wait, results.next()).await.is_err(), "no result is ready yet");
        }
        results.stop().await;
    }
}

#[tokio::test]
async fn store_opens_again_when_narration_stop_returns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.wav");
    let simulator = Simulator::builder().running(Duration::from_secs(3600)).start().await.unwrap();
    let client = simulator.client();
    for round in 0..400 {
        let pieces = client.speak("Hello there. World ahead.").in_pieces().max_characters(16);
        let started = pieces.start(&path).await;
        let mut narration = started.unwrap_or_else(|error| panic!("round {round}: {error}"));
        if round % 3 > 0 {
            let wait = Duration::from_millis(round % 3 - 1);
            assert!(timeout(wait, &mut narration).await.is_err(), "no piece is ready yet");
        }
        assert!(narration.stop().await.unwrap().is_none());
    }
}
