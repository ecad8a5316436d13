//! Texts in doubt, and texts that the server rejects.

use std::time::Duration;

use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome, httpmock::MockServer};

use crate::{
    kills::kill,
    support::{Queue, simulator, stderr, wait_until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_worker_killed_while_submitting_is_in_doubt_until_requeued() {
    let simulator = simulator(10)
        .script(Route::Create, Script::nth(1, Fault::never_answer().after_accepting()))
        .start()
        .await
        .unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("accepted", &queue, || simulator.creates() == 1).await;
    assert_eq!(queue.status().counts["submitting"], 1);
    kill(&mut worker);

    assert_eq!(queue.run_worker(), Some(1));
    let status = queue.status();
    assert_eq!((status.code, status.counts["in doubt"]), (Some(1), 1));
    assert!(status.in_doubt[&1].contains("its worker stopped during the submission"), "{status:?}");
    assert_eq!(queue.run_worker(), Some(1), "a second worker changes nothing");
    assert_eq!(simulator.spoken(), ["Hello"], "not submitted again automatically");

    let again = queue.run(&["again", "1"]);
    assert_eq!(stderr(&again), "");
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "1 requeued; each may be billed again\n");
    assert_eq!(queue.run_worker(), Some(0));
    assert_eq!(simulator.spoken(), ["Hello", "Hello"]);
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_response_leaves_one_text_in_doubt_and_others_finish() {
    let simulator = simulator(10)
        .script(Route::Create, Script::nth(2, Fault::reset().after_accepting()))
        .start()
        .await
        .unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two", "Three"]);
    assert_eq!(queue.run_worker(), Some(1));
    let status = queue.status();
    assert_eq!((status.counts["done"], status.in_doubt.len()), (2, 1), "{status:?}");
    let logged = queue.logged();
    assert!(logged.contains(": in doubt, the request may have been accepted and billed: "), "{logged}");
    assert_eq!(simulator.creates(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_text_fails_with_error_of_server() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    std::fs::write(queue.directory().join("lines"), "Hello\n").unwrap();
    assert!(queue.run(&["enqueue", "lines", "--voice", "nobody"]).status.success());
    assert_eq!(queue.run_worker(), Some(1));
    let status = queue.status();
    assert!(status.failed[&1].contains("server rejected the request: 404"), "{status:?}");
    assert_eq!(simulator.creates(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_with_status_error_fails_and_can_be_requeued() {
    let simulator = simulator(10).outcomes(Script::nth(1, TaskOutcome::fails())).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    assert_eq!(queue.run_worker(), Some(1));
    assert!(queue.status().failed[&1].contains("task ended with status ERROR"));
    let again = String::from_utf8(queue.run(&["again", "1"]).stdout).unwrap();
    assert!(again.starts_with("1: earlier task ") && again.contains(" may have been billed\n"), "{again}");
    assert_eq!(queue.run_worker(), Some(0));
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_api_key_stops_worker_and_leaves_texts_queued() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator).with_key("wrong");
    queue.enqueue(&["One", "Two", "Three"]);
    let output = queue.run(&["work"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = stderr(&output);
    assert!(
        stderr.contains("error: stopped, because the server rejects every request of this account: "),
        "{stderr}"
    );
    assert!(stderr.contains("401"), "{stderr}");
    assert_eq!(queue.status().counts["queued"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limited_texts_are_submitted_later() {
    let busy = Fault::status(429).retry_after(Duration::from_millis(200));
    let simulator = simulator(10).script(Route::Create, Script::next(3, busy)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two"]);
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert_eq!(simulator.creates(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_with_absurd_retry_after_is_delayed_by_minutes_until_again() {
    let busy = Fault::status(429).retry_after(Duration::MAX);
    let simulator = simulator(10).script(Route::Create, Script::nth(1, busy)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("delayed", &queue, || queue.status().delayed.contains_key(&1)).await;
    kill(&mut worker);
    let status = queue.status();
    assert_eq!((status.code, status.counts["queued"]), (Some(0), 1), "{status:?}");
    let listed = String::from_utf8(queue.run(&["status"]).stdout).unwrap();
    let next = listed.lines().last().unwrap();
    assert!(next.starts_with("1: queued, next attempt in 4 min: ") || next.contains(" 5 min: "), "{listed}");
    assert!(next.contains("429 Too Many Requests"), "{listed}");

    let again = String::from_utf8(queue.run(&["again", "1"]).stdout).unwrap();
    assert_eq!(again, "1 no longer delayed; submitted as soon as a worker is free\n");
    assert!(queue.status().delayed.is_empty());
    // A new process, because the client of the killed worker honoured the `Retry-After`.
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert_eq!(simulator.spoken(), ["Hello"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_id_from_server_is_printed_on_one_line_and_cut() {
    let server = MockServer::start_async().await;
    let id = format!("\\u001b[31m1\\n2: earlier task {}", "x".repeat(1_000));
    server
        .mock_async(|when, then| {
            when.path("/async/speech/create");
            then.status(200).header("content-type", "application/json").body(format!(r#"{{"id":"{id}"}}"#));
        })
        .await;
    server
        .mock_async(|when, then| {
            when.path("/async/speech/result");
            then.status(400).body("id must be a UUID");
        })
        .await;
    let queue = Queue::with_api(&server.base_url());
    queue.enqueue(&["Hello"]);
    assert_eq!(queue.run_worker(), Some(1), "{}", queue.logged());
    let status = queue.run(&["status"]).stdout;
    let again = queue.run(&["again", "1"]).stdout;
    for (output, lines) in [(&status, 7), (&again, 2), (&queue.logged().into_bytes(), 4)] {
        let text = String::from_utf8(output.clone()).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() < 700), "{text}");
    }
    assert!(String::from_utf8(again).unwrap().starts_with("1: earlier task  [31m1 2: earlier task xxx"));
}
