//! Workers that are asked to stop, or held up.

use std::{
    process::{Child, Command},
    time::Duration,
};

use distribute_ai::testing::{Fault, Route, Script, Simulator};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::support::{Queue, simulator, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_it_hears_the_reply_that_is_on_its_way_and_releases_the_rest() {
    // A reply of 45 bytes or so that takes a second.
    let slow = Fault::slow_drip(5, Duration::from_millis(100));
    let simulator = simulator(600_000).script(Route::Create, Script::always(slow)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    let texts: Vec<_> = (1..=30).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    for name in ["TERM", "INT"] {
        let before = simulator.creates();
        let mut worker = queue.work(&[]);
        until("accepted", &queue, || simulator.creates() > before).await;
        signal(&worker, name);
        assert_eq!(worker.wait().unwrap().code(), Some(0), "{}", queue.logged());
        let counts = queue.status().counts;
        assert_eq!(counts["submitted"] as u64, simulator.creates(), "every id is written down: {counts:?}");
        assert_eq!(counts["queued"] + counts["submitted"], texts.len(), "{counts:?}");
        assert!(counts["queued"] > 0, "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_twice_it_ends_at_once_and_leaves_a_doubt() {
    let silent = Script::always(Fault::never_answer().after_accepting());
    let simulator = simulator(10).script(Route::Create, silent).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    until("accepted", &queue, || simulator.creates() == 1).await;
    signal(&worker, "INT");
    until("heard", &queue, || queue.logged().contains("Ctrl-C stops at once")).await;
    // As soon as it listens again.
    until("ended", &queue, || {
        signal(&worker, "INT");
        worker.try_wait().unwrap().is_some()
    })
    .await;
    assert_eq!(worker.wait().unwrap().code(), Some(130), "{}", queue.logged());
    assert_eq!(queue.work_off(), Some(1));
    assert_eq!(queue.status().in_doubt.len(), 1);
    assert_eq!(simulator.spoken(), ["Hello"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_a_worker_hears_late_ends_the_doubt() {
    // A reply of 45 bytes or so that takes some seconds: the worker is still waiting for it when it is held up.
    let slow = Fault::slow_drip(1, Duration::from_millis(100));
    let simulator = simulator(10).script(Route::Create, Script::nth(1, slow)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    until("accepted", &queue, || simulator.creates() == 1).await;
    // Held up, as by a laptop's lid: to others it is dead.
    hold_up(&worker, &queue).await;
    assert_eq!(queue.work_off(), Some(1), "{}", queue.logged());
    assert_eq!(queue.status().in_doubt.len(), 1, "{}", queue.logged());

    signal(&worker, "CONT");
    until("done", &queue, || queue.status().counts["done"] == 1).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(simulator.spoken(), ["Hello"]);
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

/// Not while it is writing: it would keep the file locked, and nobody could take over before it goes on.
async fn hold_up(worker: &Child, queue: &Queue) {
    for _ in 0..100 {
        signal(worker, "STOP");
        until("stopped", queue, || is_stopped(worker)).await;
        if can_be_written(queue).await {
            return;
        }
        signal(worker, "CONT");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it writes whenever somebody looks: {}", queue.logged());
}

/// Whether nobody holds the lock of the queue's file.
async fn can_be_written(queue: &Queue) -> bool {
    let options = SqliteConnectOptions::new().filename(queue.directory().join("queue.db"));
    let mut connection = options.busy_timeout(Duration::ZERO).connect().await.unwrap();
    let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await else {
        sqlx::query("ROLLBACK").execute(&mut connection).await.unwrap();
        return true;
    };
    assert!(error.to_string().contains("database is locked"), "{error}");
    false
}

/// The signal is only sent when `kill` ends.
fn is_stopped(worker: &Child) -> bool {
    let output = Command::new("ps").args(["-o", "state=", "-p", &worker.id().to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().starts_with('T')
}

fn signal(worker: &Child, name: &str) {
    let id = worker.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}
