//! Workers that are stopped under load.

use std::{
    collections::HashSet,
    process::Child,
    time::{Duration, Instant},
};

use distribute_ai::testing::Simulator;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::{
    signals::{is_writable, signal},
    support::{Queue, setting, simulator, wait_until},
};

/// The time in which a worker must end after a signal.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_stopped_under_load_ends_and_leaves_no_text_in_doubt() {
    let simulator = simulator(30).start().await.unwrap();
    stop_under_load(&simulator, &Queue::new(&simulator), "SQLite").await;
}

/// Stops workers until all stops have been made, and then finishes the texts.
pub(crate) async fn stop_under_load(simulator: &Simulator, queue: &Queue, database: &str) {
    let (count, stops) = (setting("QUEUE_TEXTS", 120), setting("QUEUE_STOPS", 3));
    let texts: Vec<_> = (1..=count).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    let mut slowest = Duration::ZERO;
    for stop in 0..stops {
        let mut worker = queue.work(&[]);
        let goal = simulator.creates() + (count / (2 * stops)) as u64;
        wait_until("submitted", queue, || simulator.creates() >= goal).await;
        signal(&worker, if stop % 2 == 0 { "TERM" } else { "INT" });
        slowest = slowest.max(wait_for_end(&mut worker, queue));
        if database == "SQLite" {
            assert!(is_writable(queue).await, "the stopped worker holds no lock");
        }
    }
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    let (status, spoken) = (queue.status(), simulator.spoken());
    println!(
        "{database}: {count} texts, {stops} stops, slowest {:.1} s, {} in doubt, {} lost, {} submitted twice",
        slowest.as_secs_f64(),
        status.in_doubt.len(),
        count - status.counts["done"],
        spoken.len() - spoken.iter().collect::<HashSet<_>>().len(),
    );
    assert_eq!(status.counts["done"], count, "no text is lost or in doubt: {status:?}");
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "no text is submitted twice");
    assert_eq!(spoken.len(), count);
}

/// Waits until the worker has ended successfully, and returns the time that it took.
pub(crate) fn wait_for_end(worker: &mut Child, queue: &Queue) -> Duration {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Some(status) = worker.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0), "{}", queue.logged());
            return started.elapsed();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    worker.kill().unwrap();
    panic!("the worker was still there {} s after the signal\n{}", LIMIT.as_secs(), queue.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_stopped_while_database_is_locked_ends_and_prints_task_ids() {
    let simulator = simulator(600_000).start().await.unwrap();
    let queue = Queue::new(&simulator);
    let texts: Vec<_> = (1..=400).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    let mut worker = queue.work(&[]);
    wait_until("submitted", &queue, || simulator.creates() >= 20).await;
    let options = SqliteConnectOptions::new().filename(queue.directory().join("queue.db"));
    let mut lock = options.busy_timeout(LIMIT).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    signal(&worker, "TERM");
    let started = Instant::now();
    assert_eq!(worker.wait().unwrap().code(), Some(1), "{}", queue.logged());
    assert!(started.elapsed() < LIMIT, "{:?}\n{}", started.elapsed(), queue.logged());
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();

    let tasks: HashSet<String> = sqlx::query_scalar("SELECT task FROM speeches WHERE task IS NOT NULL")
        .fetch_all(&mut lock)
        .await
        .unwrap()
        .into_iter()
        .collect();
    let logged = queue.logged();
    for (id, _) in simulator.tasks() {
        assert!(tasks.contains(id.as_str()) || logged.contains(id.as_str()), "{id} is lost\n{logged}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_whose_outcome_was_not_stored_is_collected_again_while_its_worker_runs() {
    let simulator = simulator(2_000).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut command = queue.command(&["work", "--lease", "12", "--until-empty"]);
    let mut worker = command.stdout(std::process::Stdio::null()).stderr(queue.log()).spawn().unwrap();
    wait_until("collected", &queue, || simulator.requests() > 1).await;
    let options = SqliteConnectOptions::new().filename(queue.directory().join("queue.db"));
    let mut lock = options.busy_timeout(LIMIT).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    wait_until("failed", &queue, || queue.logged().contains("outcome of the collection not stored")).await;
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    // Longer than the lease.
    for _ in 0..250 {
        if worker.try_wait().unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.kill().unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(0), "{:?}\n{}", queue.status(), queue.logged());
    assert_eq!((simulator.creates(), queue.speech(1)), (1, Some(Simulator::audio_of("Hello"))));
}
