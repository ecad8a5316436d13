//! Databases that went back: a restored backup of the file of `SQLite`, and a failover that lost a claim.

use std::fs;

use distribute_ai::testing::Simulator;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::{
    signals::{signal, suspend},
    support::{Queue, simulator, stderr, wait_until},
};

fn copy_database(queue: &Queue, from: &str, to: &str) {
    for suffix in ["", "-wal", "-shm"] {
        let path = |name: &str| queue.directory().join(format!("{name}{suffix}"));
        let _ = fs::remove_file(path(to));
        if path(from).exists() {
            fs::copy(path(from), path(to)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_database_is_refused_until_unfinished_texts_are_in_doubt() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two", "Three"]);
    assert_eq!(queue.run_worker(), Some(0));
    queue.enqueue(&["Four"]);
    copy_database(&queue, "queue.db", "backup.db");
    assert_eq!(queue.run_worker(), Some(0));
    copy_database(&queue, "backup.db", "queue.db");
    assert_eq!(queue.status().counts["queued"], 1);

    for _ in 0..2 {
        let output = queue.run(&["work", "--until-empty"]);
        assert_eq!(output.status.code(), Some(2));
        let stderr = stderr(&output);
        assert!(stderr.starts_with("error: --database: the database has lost the last claim"), "{stderr}");
    }
    // A worker with another output directory has no claim to compare.
    assert_eq!(queue.run(&["work", "--until-empty", "--out", "other"]).status.code(), Some(2));
    assert_eq!(simulator.creates(), 4);

    let output = queue.run(&["work", "--until-empty", "--after-restore"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("texts marked as in doubt after the restore: 1\n"),
        "{}",
        stderr(&output)
    );
    assert!(queue.status().in_doubt[&4].starts_with("the database was restored"));
    queue.enqueue(&["Five"]);
    assert_eq!(queue.run_worker(), Some(1), "the text in doubt");
    assert_eq!(queue.run(&["again", "4-5"]).status.code(), Some(2), "5 is done");
    let mut spoken = simulator.spoken();
    spoken.sort();
    assert_eq!(spoken, ["Five", "Four", "One", "Three", "Two"], "no text is submitted twice");
    assert_eq!(queue.speech(5), Some(Simulator::audio_of("Five")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_workers_stop_after_a_failover_that_lost_a_claim() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One"]);
    let mut worker = queue.work(&[]);
    wait_until("done", &queue, || queue.status().counts["done"] == 1).await;
    // The other worker has no claim to compare, and must not take the text first.
    let mut other = queue.work(&["--out", "other"]);
    wait_until("started", &queue, || queue.logged().contains("\n1 done\n")).await;
    suspend(&other, &queue).await;
    // A standby had not received the claim and what followed.
    let options = SqliteConnectOptions::new().filename(queue.directory().join("queue.db"));
    let mut connection = options.connect().await.unwrap();
    let lose = "UPDATE speeches SET state = 'queued', due = 0, attempts = 0, claim = NULL, task = NULL \
                WHERE number = (SELECT MAX(number) FROM speeches WHERE state = 'done')";
    sqlx::query(lose).execute(&mut connection).await.unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(1), "{}", queue.logged());
    signal(&other, "CONT");
    // The status is 2 if the worker was suspended before it had started.
    assert!(matches!(other.wait().unwrap().code(), Some(1 | 2)), "{}", queue.logged());
    assert_eq!(simulator.spoken(), ["One"], "not submitted again");
    assert!(
        queue.logged().contains("stopped, because the database has lost the last claim"),
        "{}",
        queue.logged()
    );
}
