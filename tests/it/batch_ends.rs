//! Batches that end early. Every task id and every in-doubt submission is reported.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{
    Billed, Client, Error,
    batch::Results,
    testing::{Simulator, httpmock::MockServer},
};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::{
    Action, CREATE, ID, KEY, Log, RESULT, ScriptedServer, client, completed_result, respond_with_result,
    result, serve_result,
};

const HEADER: &str = r#"{"journal":"distribute-ai batch","version":1}"#;
const SENDING: &str = r#"{"at":1,"event":"sending","key":"a","request":"0"}"#;

fn journal(lines: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talk.journal");
    if !lines.is_empty() {
        fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    }
    (directory, path)
}

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
    let (_directory, path) = journal(&[]);
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    let client = client(&server.url);
    for _ in 0..2 {
        let speak = client.speak("Hello").resubmit_in_doubt(5);
        let outcomes: Vec<_> =
            client.batch([("a", speak)]).journal(&path).run().await.unwrap().collect().await;
        let error = outcomes[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn journal_of_another_batch_is_invalid_and_not_in_doubt() {
    let (_directory, path) = journal(&[SENDING]);
    let client = client("http://127.0.0.1:9");
    for _ in 0..20 {
        let batch = client.batch([("a", "Hello a"), ("b", "Hello b")]).journal(&path);
        let error = batch.run().await.unwrap_err();
        // `run` has released the lock, or the next iteration would find the journal in use.
        assert!(error.is_invalid() && error.to_string().contains("another batch"), "{error}");
        assert_eq!(error.billed(), Billed::Maybe, "the journal contains a request that may be billed");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn journal_deleted_during_run_keeps_task_ids_and_doubts() {
    let submitted = format!(r#"{{"at":1,"event":"submitted","key":"b","id":"{ID}"}}"#);
    let (_directory, path) = journal(&[&SENDING.replace("\"a\"", "\"b\""), &submitted]);
    let server = ScriptedServer::start([Action::Close]).await;
    let client = client(&server.url);
    let resubmitting = client.speak("Hello").resubmit_in_doubt(3).deadline(Duration::from_secs(2));
    let requests = stream::iter([("a", resubmitting), ("b", client.speak("Another text"))]);
    let results = client.batch_stream(requests).journal(&path).max_in_flight(1).run().await.unwrap();
    let delete_journal = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fs::remove_file(&path).unwrap();
    };
    let (outcomes, ()) = tokio::join!(results.collect::<Vec<_>>(), delete_journal);
    let [(_, Err(in_doubt)), (_, Err(with_id))] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(in_doubt.is_in_doubt(), "{in_doubt:?}");
    assert!(format!("{in_doubt:?}").contains("moved or deleted"), "{in_doubt:?}");
    assert_eq!(with_id.task_id().unwrap().as_str(), ID, "{with_id}");
}

#[tokio::test]
async fn batch_stream_with_changed_request_reports_first_submission() {
    let in_doubt = format!(r#"{{"at":1,"event":"in_doubt","key":"a","id":"{ID}"}}"#);
    let submitted = in_doubt.replace("in_doubt", "submitted");
    let client = client("http://127.0.0.1:9");
    for (line, is_in_doubt) in [(in_doubt, true), (submitted, false)] {
        // A different text, and a text that is too short.
        for text in ["Another text", "x"] {
            let (_directory, path) = journal(&[SENDING, &line]);
            let batch = client.batch_stream(stream::iter([("a", text)])).journal(&path);
            let outcomes: Vec<_> = batch.run().await.unwrap().collect().await;
            let error = outcomes[0].1.as_ref().unwrap_err();
            assert_eq!((error.is_in_doubt(), error.is_invalid()), (is_in_doubt, !is_in_doubt), "{error:?}");
            assert_eq!(error.task_id().unwrap().as_str(), ID, "{error}");
            assert_eq!(error.billed(), if is_in_doubt { Billed::Maybe } else { Billed::Yes }, "{error}");
        }
    }
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
async fn journal_is_unlocked_when_batch_stop_returns() {
    let (_directory, path) = journal(&[]);
    let simulator = Simulator::builder().running(Duration::from_secs(3600)).start().await.unwrap();
    let client = simulator.client();
    for round in 0..400 {
        let batch = client.batch([("a", "Hello a"), ("b", "Hello b")]).journal(&path);
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
async fn journal_is_unlocked_when_narration_stop_returns() {
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
        narration.stop().await;
    }
}

#[tokio::test]
async fn batch_stream_after_rejected_key_logs_missing_requests_of_earlier_runs() {
    let log = Log::default();
    let _guard = log.capture();
    let submitted = format!(r#"{{"at":1,"event":"submitted","key":"a","id":"{ID}"}}"#);
    let (_directory, path) = journal(&[SENDING, &submitted]);
    let server = ScriptedServer::start([Action::json("401 Unauthorized", &json!({}))]).await;
    let requests = stream::iter([("b", "Hello b"), ("c", "Hello c")]);
    let batch = client(&server.url).batch_stream(requests).journal(&path).max_in_flight(1);
    let outcomes: Vec<_> = batch.run().await.unwrap().collect().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.as_ref().is_err_and(Error::is_rejected)));
    assert_eq!((outcomes.len(), server.requests().len()), (2, 1));
    let expected = "journal contains submitted requests that are not in the batch";
    assert!(log.text().contains(expected), "{}", log.text());
}
