//! How a batch may end: whatever happens, an id or a doubt comes out.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{Client, batch::Results, testing::httpmock::MockServer};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{Layer, layer::SubscriberExt};

use crate::support::{Act, CREATE, ID, KEY, RESULT, Socket, client, completed, result, serving};

const HEADER: &str = r#"{"journal":"distribute-ai batch","version":1}"#;
const SENDING: &str = r#"{"at":1,"event":"sending","key":"a","request":"0"}"#;

/// What the library says in the log, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || log.clone());
        // For this thread and no more: another test listens to all of them.
        tracing::subscriber::set_default(
            tracing_subscriber::registry().with(layer.with_filter(LevelFilter::WARN)),
        )
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn journal(lines: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talk.journal");
    if !lines.is_empty() {
        fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    }
    (directory, path)
}

/// Looks at the results until this many are under way and it is so; none is handed out yet.
async fn look<K: std::fmt::Debug>(results: &mut Results<K>, in_flight: usize, so: impl Fn() -> bool) {
    let progress = results.progress();
    // Looks are counted, not seconds: to be slow on a busy machine is no error.
    for _ in 0..2_000 {
        assert!(timeout(MOMENT, results.next()).await.is_err(), "nothing is handed out yet");
        if progress.borrow().in_flight == in_flight && so() {
            return;
        }
    }
    panic!("never so: {:?}", *progress.borrow());
}

const MOMENT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn what_came_with_a_name_is_not_ordered_again_by_the_next_run() {
    let (_directory, path) = journal(&[]);
    let server = Socket::play([Act::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    let client = client(&server.url);
    for _ in 0..2 {
        let speak = client.speak("Hello").resubmit_in_doubt(5);
        let ends: Vec<_> = client.batch([("a", speak)]).journal(&path).run().collect().await;
        let error = ends[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn one_doubt_in_another_batchs_journal_is_no_doubt_about_the_others() {
    let (_directory, path) = journal(&[SENDING]);
    let client = client("http://127.0.0.1:9");
    for _ in 0..20 {
        let batch = client.batch([("a", "Hello a"), ("b", "Hello b")]).journal(&path);
        let error = batch.start().await.unwrap_err();
        // And the lock is given back by then.
        assert!(error.is_invalid() && error.to_string().contains("another batch"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_that_is_lost_takes_neither_ids_nor_doubts_with_it() {
    let submitted = format!(r#"{{"at":1,"event":"submitted","key":"b","id":"{ID}"}}"#);
    let (_directory, path) = journal(&[&SENDING.replace("\"a\"", "\"b\""), &submitted]);
    let server = Socket::play([Act::HangUp]).await;
    let client = client(&server.url);
    let insisting = client.speak("Hello").resubmit_in_doubt(3).deadline(Duration::from_secs(2));
    let requests = stream::iter([("a", insisting), ("b", client.speak("Another text"))]);
    let results = client.batch(requests).journal(&path).max_in_flight(1).run();
    let lose = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fs::remove_file(&path).unwrap();
    };
    let (ends, ()) = tokio::join!(results.collect::<Vec<_>>(), lose);
    let [(_, Err(doubt)), (_, Err(named))] = ends.as_slice() else { panic!("{ends:?}") };
    assert!(doubt.is_in_doubt(), "{doubt:?}");
    assert!(format!("{doubt:?}").contains("moved or deleted"), "{doubt:?}");
    assert_eq!(named.task_id().unwrap().as_str(), ID, "{named}");
}

#[tokio::test]
async fn a_stream_that_changed_a_request_hears_what_became_of_the_first() {
    let in_doubt = format!(r#"{{"at":1,"event":"in_doubt","key":"a","id":"{ID}"}}"#);
    let submitted = in_doubt.replace("in_doubt", "submitted");
    let client = client("http://127.0.0.1:9");
    for (line, doubt) in [(in_doubt, true), (submitted, false)] {
        // Another text, and one that is too short.
        for text in ["Another text", "x"] {
            let (_directory, path) = journal(&[SENDING, &line]);
            let batch = client.batch(stream::iter([("a", text)])).journal(&path);
            let ends: Vec<_> = batch.run().collect().await;
            let error = ends[0].1.as_ref().unwrap_err();
            assert_eq!((error.is_in_doubt(), error.is_invalid()), (doubt, !doubt), "{error:?}");
            assert_eq!(error.task_id().unwrap().as_str(), ID, "{error}");
        }
    }
}

/// One text that is done at once, and one whose create takes its time.
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
        then.status(200).json_body(completed("http://127.0.0.1:9/a"));
    });
    let client = client(&server.base_url());
    (server, client)
}

#[tokio::test]
async fn whoever_gives_up_on_stopping_finds_everything_in_the_log() {
    let log = Log::default();
    let _listening = log.listen();
    let (_server, client) = fast_and_slow();
    let mut results = client.batch([("s", "slow one"), ("f", "fast one")]).in_order().run();
    let progress = results.progress();
    look(&mut results, 1, || progress.borrow().done == 1).await;
    assert!(timeout(MOMENT, results.stop()).await.is_err());
    let is_said = || ["id-of-fast", "id-of-slow"].iter().all(|id| log.text().contains(id));
    for _ in 0..2_000 {
        if is_said() {
            break;
        }
        tokio::time::sleep(MOMENT).await;
    }
    assert!(is_said(), "{}", log.text());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_waits_when_the_runtime_ends_is_in_the_log() {
    let log = Log::default();
    let _listening = log.listen();
    let server = serving(result("PROCESSING"));
    let client = client(&server.base_url());
    let runtime = runtime();
    runtime.block_on(async {
        let is_taken = Arc::new(AtomicBool::new(false));
        let taken = Arc::clone(&is_taken);
        let speak = client.speak("Hello").on_submitted(move |_| taken.store(true, Ordering::Relaxed));
        let mut results = client.batch([("a", speak)]).run();
        look(&mut results, 1, || is_taken.load(Ordering::Relaxed)).await;
        // As by a `?`.
        drop(results);
    });
    drop(runtime);
    assert!(log.text().contains(ID), "{}", log.text());
}

#[test]
fn what_was_under_way_when_the_runtime_ended_is_handed_out_by_a_stop() {
    let (_server, client) = fast_and_slow();
    let requests = [("f", client.speak("fast one")), ("s", client.speak("slow one"))];
    let mut results = client.batch(requests).run();
    let runtime = runtime();
    runtime.block_on(async {
        results.next().await.unwrap().1.unwrap();
        look(&mut results, 1, || true).await;
    });
    drop(runtime);
    let left = results.stop().now_or_never().unwrap();
    let [("s", Err(error))] = left.as_slice() else { panic!("{left:?}") };
    assert!(error.is_in_doubt(), "it was on its way: {error}");
}

#[tokio::test]
async fn a_policy_that_panics_takes_no_id_with_it() {
    let server = serving(result("PROCESSING"));
    let asked = AtomicUsize::new(0);
    let policy = move |_: &distribute_ai::pacing::Progress| {
        assert!(asked.fetch_add(1, Ordering::Relaxed) < 40, "on purpose");
        Duration::from_millis(20)
    };
    let client = Client::builder().api_key(KEY).base_url(server.base_url()).pacing(policy).build().unwrap();
    let mut results = client.batch([("a", "Hello a"), ("b", "Hello b")]).run();
    for _ in 0..2 {
        let error = results.next().await.unwrap().1.unwrap_err();
        assert!(error.is_stopped() && error.task_id().is_some(), "{error}");
    }
    assert!(std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.is_err(), "then it is told");
}

#[tokio::test]
async fn after_a_stop_nothing_is_under_way() {
    let server = serving(result("PROCESSING"));
    let mut results = client(&server.base_url()).batch([("a", "Hello a"), ("b", "Hello b")]).run();
    look(&mut results, 2, || true).await;
    let progress = results.progress();
    assert_eq!(results.stop().await.len(), 2);
    let end = progress.borrow().clone();
    assert_eq!((end.in_flight, end.failed), (0, 2));
}
