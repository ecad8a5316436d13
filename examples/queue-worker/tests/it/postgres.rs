//! The tests of killed workers with Postgres, if Debian's package is installed. Each test starts its own
//! cluster, on a socket in a temporary directory.

use std::{
    collections::HashSet,
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use distribute_ai::testing::{Fault, Route, Script};
use tempfile::TempDir;

use crate::{
    cluster::Cluster,
    kills::{kill, kill_waiting_worker, kill_workers_at_random_times},
    signals::signal,
    stops::{LIMIT, stop_under_load},
    support::{Queue, simulator, stderr, wait_until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_tasks_of_killed_worker_are_collected_by_another_worker() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(1_500).start().await.unwrap();
    kill_waiting_worker(&simulator, &Queue::new(&simulator).with_database(&cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_workers_killed_at_random_times_lose_no_text_and_submit_none_twice() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(30).start().await.unwrap();
    kill_workers_at_random_times(
        &simulator,
        &Queue::new(&simulator).with_database(&cluster.url()),
        "Postgres",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_worker_stopped_under_load_ends_and_leaves_no_text_in_doubt() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(30).start().await.unwrap();
    stop_under_load(&simulator, &Queue::new(&simulator).with_database(&cluster.url()), "Postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_worker_stopped_while_database_does_not_respond_ends() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(600_000).start().await.unwrap();
    let queue = Queue::new(&simulator).with_database(&cluster.url());
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("submitted", &queue, || queue.status().counts["submitted"] == 1).await;
    cluster.signal("STOP");
    // Each statement of the worker has then been sent, including those that run every 10 seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    signal(&worker, "TERM");
    let started = Instant::now();
    while worker.try_wait().unwrap().is_none() && started.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.signal("CONT");
    let time = started.elapsed();
    kill(&mut worker);
    assert!(time < LIMIT, "{}", queue.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_clock_an_hour_off_changes_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(1_500).start().await.unwrap();
    let queue = Queue::new(&simulator).with_database(&cluster.url());
    for offset in ["+ 3600", "- 3600"] {
        queue.enqueue(&[&format!("Text {offset}")]);
        cluster.sql(&format!(
            "CREATE OR REPLACE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE sql STABLE \
             AS 'SELECT FLOOR(EXTRACT(EPOCH FROM statement_timestamp()))::BIGINT {offset}'"
        ));
        // The text of the earlier clock is not due yet, or the later clock has made it due.
        queue.enqueue(&[&format!("Later text {offset}")]);
        let mut worker = queue.work(&[]);
        wait_until("done", &queue, || queue.speech(if offset == "+ 3600" { 2 } else { 4 }).is_some()).await;
        kill(&mut worker);
        assert_eq!(queue.status().in_doubt.len(), 0, "{}", queue.logged());
    }
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "no text is submitted twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_lost_confirmations_add_and_submit_each_text_once() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(10).start().await.unwrap();
    Queue::new(&simulator).with_database(&cluster.url()).enqueue(&["Zero."]);
    let proxy = Proxy::start(&cluster, "COMMIT", 1);
    let queue = Queue::new(&simulator).with_database(&proxy.url());
    fs::write(queue.directory().join("lines"), "One.\nTwo.\n").unwrap();
    let enqueue = queue.run(&["enqueue", "lines"]);
    assert!(stderr(&enqueue).contains("connection to the database lost, retrying"), "{}", stderr(&enqueue));
    assert_eq!(String::from_utf8(enqueue.stdout).unwrap(), "2 texts enqueued, keys 2 to 3\n");
    let again = queue.run(&["enqueue", "lines", "--batch", "monday"]);
    assert!(again.status.success(), "{}", stderr(&again));
    let again = queue.run(&["enqueue", "lines", "--batch", "monday"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "2 texts already enqueued, keys 4 to 5\n");
    assert_eq!(queue.status().counts["queued"], 5);

    // The claims of a worker contain the name of its server.
    let proxy = Proxy::start(&cluster, simulator.base_url(), 6);
    let queue = queue.with_database(&proxy.url());
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert!(queue.logged().contains("texts not claimed, retrying"), "{}", queue.logged());
    assert_eq!((simulator.creates(), queue.status().counts["done"]), (5, 5), "{}", queue.logged());
}

#[test]
fn postgres_error_after_lost_confirmation_names_the_batch() {
    let Some(cluster) = Cluster::start() else { return };
    Queue::without_key().with_database(&cluster.url()).enqueue(&["Zero."]);
    // The second attempt fails with an error of the database, as if it had no connection left.
    cluster.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM batches \
         WHERE name = NEW.name) THEN RAISE 'too many connections' USING ERRCODE = '53300';END IF;RETURN NEW;END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    let proxy = Proxy::start(&cluster, "COMMIT", 1);
    let queue = Queue::without_key().with_database(&proxy.url());
    fs::write(queue.directory().join("lines"), "One.\nTwo.\n").unwrap();
    let enqueue = queue.run(&["enqueue", "lines"]);
    let stderr = stderr(&enqueue);
    assert_eq!((enqueue.status.code(), queue.status().counts["queued"]), (Some(1), 3), "{stderr}");
    assert!(
        stderr.contains("error: the texts may have been added; repeat the command with `--batch "),
        "{stderr}"
    );
}

#[test]
fn postgres_connection_lost_by_a_command_is_not_a_missing_queue() {
    let Some(cluster) = Cluster::start() else { return };
    Queue::without_key().with_database(&cluster.url()).enqueue(&["Zero."]);
    let proxy = Proxy::start(&cluster, "SELECT 1 FROM speeches", 1);
    let output = Queue::without_key().with_database(&proxy.url()).run(&["status"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("error: could not read the queue: "), "{}", stderr(&output));
}

#[test]
fn postgres_lost_connection_behind_a_pooler_names_the_batch() {
    let Some(cluster) = Cluster::start() else { return };
    let queue = Queue::without_key().with_database(&cluster.url());
    queue.enqueue(&["Zero."]);
    // A pooler reports a lost server as an error of the database.
    cluster.sql(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'server closed the connection' \
         USING ERRCODE = '08006';END $$; \
         CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         EXECUTE FUNCTION lose()",
    );
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    let enqueue = queue.run(&["enqueue", "lines"]);
    let stderr = stderr(&enqueue);
    assert_eq!(enqueue.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error: the texts may have been added; repeat the command with `--batch "),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_database_that_lost_a_claim_is_refused_until_its_texts_are_in_doubt() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator).with_database(&cluster.url());
    queue.enqueue(&["One"]);
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    cluster.sql("UPDATE speeches SET state = 'queued', due = 0, attempts = 0, claim = NULL, task = NULL");
    assert_eq!(queue.run_worker(), Some(2), "{}", queue.logged());
    assert_eq!(queue.run(&["work", "--until-empty", "--after-restore"]).status.code(), Some(1));
    assert_eq!((simulator.creates(), queue.status().in_doubt.len()), (1, 1));

    assert!(queue.run(&["again", "1"]).status.success());
    fs::remove_file(queue.out().join("1.wav")).unwrap();
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert!(queue.run(&["clean", "--days", "0"]).stdout.starts_with(b"1 done texts removed"));
    queue.enqueue(&["Two"]);
    assert_eq!(queue.run_worker(), Some(0), "the removed claim is not missed: {}", queue.logged());
}

#[test]
fn postgres_user_without_permission_is_shown_the_grants() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("CREATE ROLE me LOGIN; CREATE DATABASE speeches");
    let queue = Queue::without_key().with_database(&cluster.url_of("me", "speeches"));
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    let output = queue.run(&["enqueue", "lines"]);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("permission denied for "), "{stderr}");
    assert!(stderr.contains("hint: the database user needs the permission to create tables;"), "{stderr}");

    cluster.sql_in("speeches", "GRANT CREATE ON SCHEMA public TO me");
    queue.enqueue(&["One."]);
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert_eq!(queue.status().counts["done"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_delayed_text_is_listed_and_released() {
    let Some(cluster) = Cluster::start() else { return };
    let busy = Fault::status(429).retry_after(Duration::from_hours(1));
    let simulator = simulator(10).script(Route::Create, Script::nth(1, busy)).start().await.unwrap();
    let queue = Queue::new(&simulator).with_database(&cluster.url());
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("delayed", &queue, || queue.status().delayed.contains_key(&1)).await;
    kill(&mut worker);
    let listed = String::from_utf8(queue.run(&["status"]).stdout).unwrap();
    assert!(listed.contains("\n1: queued, next attempt in "), "{listed}");
    assert!(queue.run(&["again", "1"]).status.success());
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
}

/// A proxy that forwards connections to a cluster. When a client has sent the given text, the proxy forwards it,
/// waits for the response and closes the connection without forwarding the response, up to `cuts` times.
struct Proxy(TempDir);

impl Proxy {
    fn start(cluster: &Cluster, cut_at: &str, cuts: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let server = cluster.directory.path().join(SOCKET);
        let (text, count) = (Arc::new(cut_at.as_bytes().to_vec()), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&server).unwrap());
                let is_cut = Arc::new(AtomicBool::new(false));
                let (cut, count, text) = (Arc::clone(&is_cut), Arc::clone(&count), Arc::clone(&text));
                let pair = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || {
                    forward(pair.0, pair.1, |bytes| {
                        let is_match = bytes.windows(text.len()).any(|part| part == &**text);
                        if is_match && count.fetch_add(1, Ordering::SeqCst) < cuts {
                            cut.store(true, Ordering::SeqCst);
                        }
                        true
                    });
                });
                thread::spawn(move || forward(server, client, |_| !is_cut.load(Ordering::SeqCst)));
            }
        });
        Self(directory)
    }

    fn url(&self) -> String {
        format!("postgres://queue@localhost/postgres?host={}", self.0.path().display())
    }
}

/// The name of a socket of Postgres in its directory.
const SOCKET: &str = ".s.PGSQL.5432";

/// Copies bytes until either end closes its connection or `check` returns `false`, and then closes both.
fn forward(mut from: UnixStream, mut to: UnixStream, check: impl Fn(&[u8]) -> bool) {
    let mut bytes = [0; 8_192];
    while let Ok(count) = from.read(&mut bytes)
        && count > 0
        && check(&bytes[..count])
        && to.write_all(&bytes[..count]).is_ok()
    {}
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
