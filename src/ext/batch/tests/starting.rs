//! Batches that cannot start, what a batch would submit, and batches whose results are not taken.

use std::sync::atomic::AtomicUsize;

use serde_json::json;

use super::*;
use crate::ext::{
    batch::Batch,
    captured_log::CapturedLog,
    test_server::{TestServer, response, wav},
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
    let attempt = entry.announced().await;
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

#[tokio::test]
async fn plan_with_a_store_of_its_own_ignores_that_of_the_client() {
    let directory = tempfile::tempdir().unwrap();
    let client = Client::builder().api_key("k").store(directory.path().join("a")).build().unwrap();
    let entry = client.speak("One.").to_entry(client.store().unwrap()).unwrap();
    let attempt = entry.announced().await;
    attempt.send(async { Ok(TaskId::new_unchecked("t1")) }).await.unwrap();
    let batch = || client.batch([(1, "One.")]);
    assert_eq!(batch().plan().await.unwrap().submitted, 1);
    let plan = batch().store(directory.path().join("b")).plan().await.unwrap();
    assert_eq!((plan.submitted, plan.new), (0, 1));
}

#[tokio::test]
async fn limit_of_seconds_counts_the_audio_in_the_store_as_long_as_it_is() {
    let tasks = AtomicUsize::new(0);
    let server = TestServer::start_with(move |request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let ok = |body: &str| Some(response("200 OK", &[], body));
        if head.starts_with("GET ") {
            return ok(&wav());
        }
        if head.starts_with("POST /async/speech/create ") {
            return ok(&json!({"id": format!("t{}", tasks.fetch_add(1, Ordering::Relaxed))}).to_string());
        }
        let id = serde_json::from_str::<serde_json::Value>(body).unwrap()["id"].clone();
        ok(&json!({"id": id, "status": "COMPLETED", "results": [{"url": "/a.wav"}]}).to_string())
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let builder = Client::builder().api_key("k").base_url(&server.url).store(directory.path().join("store"));
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    // Each text is expected to take seconds, and takes half a second.
    let lines = ["One, two, three, four, five, six.", "Seven, eight, nine, ten, eleven."];
    let entry = client.speak(lines[0]).to_entry(client.store().unwrap()).unwrap();
    let max = 1.3 * entry.expected_seconds().await.unwrap();
    assert!(max > 1.5, "{max}");
    let batch = client.batch(lines.into_iter().enumerate()).max_in_flight(1).max_seconds(max);
    let mut results = batch.run().await.unwrap();
    while let Some((_, speech)) = results.next().await {
        speech.unwrap();
    }
}

#[tokio::test]
async fn stop_returns_a_result_that_waits_for_its_turn() {
    let server = TestServer::start_with(|request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        if head.starts_with("POST /async/speech/create ") {
            let id = if body.contains("One.") { "t1" } else { "t2" };
            return Some(response("200 OK", &[], &json!({"id": id}).to_string()));
        }
        let id = serde_json::from_str::<serde_json::Value>(body).unwrap()["id"].clone();
        let status = if id == "t1" { "QUEUED" } else { "COMPLETED" };
        Some(response("200 OK", &[], &json!({"id": id, "status": status}).to_string()))
    })
    .await;
    let builder = Client::builder().api_key("k").base_url(&server.url);
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    let mut results = client.batch([(1, "One."), (2, "Two.")]).in_order().run().await.unwrap();
    let mut progress = results.progress();
    tokio::select! {
        _ = results.next() => panic!("the first text is not finished"),
        done = progress.wait_for(|progress| progress.done == 1) => drop(done.unwrap()),
    }
    let waiting = tokio::time::timeout(Duration::from_millis(50), results.next()).await;
    assert!(waiting.is_err(), "the second result waits for the first one");
    let results: HashMap<_, _> = results.stop().await.into_iter().collect();
    assert_eq!(results[&1].as_ref().unwrap_err().task_id().unwrap().as_str(), "t1");
    assert_eq!(results[&2].as_ref().unwrap().id().as_str(), "t2");
}
