//! Workers that are stopped by a signal or suspended.

use std::{
    process::{Child, Command},
    time::Duration,
};

use distribute_ai::testing::{Fault, Route, Script, Simulator};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::{
    stops::wait_for_end,
    support::{Queue, simulator, wait_until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_worker_records_pending_submissions_and_releases_other_texts() {
    // A response of about 45 bytes then takes about one second.
    let slow = Fault::slow_drip(5, Duration::from_millis(100));
    let simulator = simulator(600_000).script(Route::Create, Script::always(slow)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    let texts: Vec<_> = (1..=30).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    for name in ["TERM", "INT"] {
        let before = simulator.creates();
        let mut worker = queue.work(&[]);
        wait_until("accepted", &queue, || simulator.creates() > before).await;
        signal(&worker, name);
        // The tasks run for ten minutes, and the worker does not wait for them.
        wait_for_end(&mut worker, &queue);
        let counts = queue.status().counts;
        assert_eq!(counts["submitted"] as u64, simulator.creates(), "every task id is recorded: {counts:?}");
        assert_eq!(counts["queued"] + counts["submitted"], texts.len(), "{counts:?}");
        assert!(counts["queued"] > 0, "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_ctrl_c_stops_worker_at_once_and_leaves_text_in_doubt() {
    let no_response = Script::always(Fault::never_answer().after_accepting());
    let simulator = simulator(10).script(Route::Create, no_response).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("accepted", &queue, || simulator.creates() == 1).await;
    signal(&worker, "INT");
    wait_until("interrupted", &queue, || queue.logged().contains("press Ctrl-C to stop at once")).await;
    // Repeat the signal until the worker has installed its second handler.
    wait_until("ended", &queue, || {
        signal(&worker, "INT");
        worker.try_wait().unwrap().is_some()
    })
    .await;
    assert_eq!(worker.wait().unwrap().code(), Some(130), "{}", queue.logged());
    assert_eq!(queue.run_worker(), Some(1));
    assert_eq!(queue.status().in_doubt.len(), 1);
    assert_eq!(simulator.spoken(), ["Hello"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_response_resolves_text_in_doubt() {
    // A response of about 45 bytes then takes some seconds, so the worker is suspended before the response
    // ends.
    let slow = Fault::slow_drip(1, Duration::from_millis(100));
    let simulator = simulator(10).script(Route::Create, Script::nth(1, slow)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("accepted", &queue, || simulator.creates() == 1).await;
    // A suspended worker, as on a closed laptop, counts as dead for other workers.
    suspend(&worker, &queue).await;
    assert_eq!(queue.run_worker(), Some(1), "{}", queue.logged());
    assert_eq!(queue.status().in_doubt.len(), 1, "{}", queue.logged());

    signal(&worker, "CONT");
    wait_until("done", &queue, || queue.status().counts["done"] == 1).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(simulator.spoken(), ["Hello"]);
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

/// Suspends the worker while it does not hold the write lock of the database. Otherwise no other worker could
/// take over.
pub(crate) async fn suspend(worker: &Child, queue: &Queue) {
    for _ in 0..100 {
        signal(worker, "STOP");
        wait_until("stopped", queue, || is_stopped(worker)).await;
        if is_writable(queue).await {
            return;
        }
        signal(worker, "CONT");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the worker held the write lock at every attempt: {}", queue.logged());
}

/// Returns `true` if no process holds the write lock of the database.
pub(crate) async fn is_writable(queue: &Queue) -> bool {
    let options = SqliteConnectOptions::new().filename(queue.directory().join("queue.db"));
    let mut connection = options.busy_timeout(Duration::ZERO).connect().await.unwrap();
    let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await else {
        sqlx::query("ROLLBACK").execute(&mut connection).await.unwrap();
        return true;
    };
    assert!(error.to_string().contains("database is locked"), "{error}");
    false
}

/// Returns `true` if the process is suspended. The signal takes effect some time after `kill` has returned.
fn is_stopped(worker: &Child) -> bool {
    let output = Command::new("ps").args(["-o", "state=", "-p", &worker.id().to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().starts_with('T')
}

pub(crate) fn signal(worker: &Child, name: &str) {
    let id = worker.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}
