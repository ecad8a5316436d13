//! Batches that cannot start, what a batch would submit, and batches whose results are not taken.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::{
    Billed,
    ext::{
        batch::Batch,
        captured_log::CapturedLog,
        store::{Store, handle::Announced},
        test_server::{TestServer, response},
    },
};

fn client() -> Client {
    Client::builder().api_key("k").build().unwrap()
}

#[tokio::test]
async fn texts_of_a_batch_that_cannot_start_may_be_billed_if_its_store_exists() {
    let directory = tempfile::tempdir().unwrap();
    let (exists, missing) = (directory.path().join("a"), directory.path().join("b"));
    drop(Store::open(&exists).await.unwrap());
    let invalid = || client().batch([("1", "Hello.")]).max_seconds(f64::NAN);
    for (batch, billed) in [
        (invalid(), Billed::No),
        (invalid().store(&missing), Billed::No),
        (invalid().store(&exists), Billed::Maybe),
    ] {
        let error = batch.run().await.err().unwrap();
        assert!(error.is_invalid() && error.billed() == billed, "{error:?}");
    }
    let with_store = Client::builder().api_key("k").store(&exists).build().unwrap();
    let error = with_store.batch([("1", "Hello.")]).max_seconds(f64::NAN).run().await.err().unwrap();
    assert_eq!(error.billed(), Billed::Maybe);
    assert!(!missing.exists());
}

#[tokio::test]
async fn plan_counts_equal_requests_once_with_a_store_and_creates_none() {
    let directory = tempfile::tempdir().unwrap();
    let (exists, missing) = (directory.path().join("a"), directory.path().join("b"));
    let client = client();
    let batch = || client.batch([(1, "One."), (2, "Two."), (3, "Two."), (4, "")]);
    let counts = async |batch: Batch<i32>| {
        let plan = batch.plan().await.unwrap();
        [plan.submitted, plan.new, plan.repeated, plan.invalid]
    };
    assert_eq!(counts(batch()).await, [0, 3, 0, 1]);
    assert_eq!(counts(batch().store(&missing)).await, [0, 2, 1, 1]);
    assert!(!missing.exists());
    let store = Store::open(&exists).await.unwrap();
    let entry = client.speak("One.").to_entry(&store).unwrap();
    let Ok(Announced::Claimed(attempt)) = entry.announce(None).await else { panic!("not announced") };
    attempt.send(async { Ok(TaskId::new_unchecked("t1")) }).await.unwrap();
    assert_eq!(counts(batch().store(&store)).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn batch_without_requests_or_with_one_key_twice_is_invalid() {
    let start = async |requests: &[(&'static str, &'static str)]| {
        client().batch(requests.to_vec()).run().await.err().unwrap().to_string()
    };
    assert_eq!(start(&[]).await, "batch: no requests, expected at least one");
    let twice = start(&[("a", "One."), ("b", "Two."), ("a", "Two.")]).await;
    assert!(twice.starts_with("batch: duplicate key \"a\""), "{twice}");
}

#[test]
fn debug_output_of_a_batch_has_its_settings() {
    let batch = client().batch([(1, "One.")]).max_in_flight(7).max_seconds(9.5);
    let shown = format!("{batch:?}");
    assert!(
        shown.starts_with("Batch { requests: 1 requests, ") && shown.contains("max_in_flight: 7"),
        "{shown}"
    );
    assert!(shown.contains("max_seconds: Some(9.5)") && !shown.contains("One."), "{shown}");
}

/// Starts a server whose tasks are finished at the first poll.
async fn server_of_finished_tasks() -> TestServer {
    let tasks = AtomicUsize::new(0);
    TestServer::start_with(move |request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let id = if head.starts_with("POST /async/speech/create ") {
            format!("task {}", tasks.fetch_add(1, Ordering::Relaxed)).into()
        } else {
            serde_json::from_str::<serde_json::Value>(body).unwrap()["id"].clone()
        };
        let body = json!({"id": id, "status": "COMPLETED", "created": 1, "results": []});
        Some(response("200 OK", &[], &body.to_string()))
    })
    .await
}

#[tokio::test]
async fn results_that_are_not_taken_are_returned_by_stop_and_logged_on_drop() {
    let server = server_of_finished_tasks().await;
    let builder = Client::builder().api_key("k").base_url(&server.url);
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    for is_stopped in [true, false] {
        let log = CapturedLog::start();
        let batch = client.batch([("line 1", "One."), ("line 2", "Two.")]).max_seconds(100.0);
        let mut results = batch.run().await.unwrap();
        assert!(results.spending().limits_seconds());
        assert!(format!("{results:?}").starts_with("Results { progress: Progress {"));
        let (taken, _) = results.next().await.unwrap();
        results.progress().wait_for(|progress| progress.done == 2).await.unwrap();
        let left = if taken == "line 1" { "line 2" } else { "line 1" };
        if is_stopped {
            let results = results.stop().await;
            assert_eq!(
                results.iter().map(|(key, result)| (*key, result.is_ok())).collect::<Vec<_>>(),
                [(left, true)]
            );
            assert!(!log.text().contains("not taken"), "{}", log.text());
        } else {
            drop(results);
            let log = log.text();
            assert_eq!(log.matches("finished result not taken").count(), 1, "{log}");
            assert!(log.contains(&format!("key={left:?}")), "{log}");
        }
    }
}
