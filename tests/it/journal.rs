//! Journals: a batch that runs again continues after the previous run.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use distribute_ai::{
    Billed, Client, Error, ErrorKind,
    batch::Batch,
    long_text::InPieces,
    testing::{Fault, Route, Script, Simulator, TaskOutcome, httpmock::MockServer},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::{Action, CREATE, ID, RESULT, ScriptedServer, builder, client, completed_result};

const HEADER: &str = r#"{"journal":"distribute-ai batch","version":1}"#;

struct Fixture {
    simulator: Simulator,
    directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let simulator = Simulator::builder()
            .waiting(Duration::ZERO)
            .running(Duration::from_millis(30))
            .start()
            .await
            .unwrap();
        Self { simulator, directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("talk.journal")
    }

    fn batch(&self, client: &Client, keys: &[&'static str]) -> Batch<&'static str> {
        client.batch(keys.iter().map(|key| (*key, format!("Text of {key}.")))).journal(self.path())
    }

    async fn run(&self, keys: &[&'static str]) -> Vec<(&'static str, Result<(), Error>)> {
        let results = self.batch(&self.simulator.client(), keys).in_order().run().await.unwrap();
        results.map(|(key, outcome)| (key, outcome.map(drop))).collect().await
    }

    /// Returns the events of a key so far.
    fn events(&self, key: &str) -> Vec<String> {
        lines(&self.path())
            .into_iter()
            .filter(|line| line["key"] == key)
            .map(|line| line["event"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the lines of the complete journal of a successful run.
    async fn journal_of_run(&self, keys: &[&'static str]) -> Vec<String> {
        self.run(keys).await;
        fs::read_to_string(self.path()).unwrap().lines().map(str::to_owned).collect()
    }

    /// Writes a journal of these lines, except those that contain one of `events`.
    fn write_without(&self, lines: &[String], events: &[&str]) {
        let remaining: Vec<_> =
            lines.iter().filter(|line| !events.iter().any(|event| line.contains(event))).collect();
        let text: String = remaining.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        fs::write(self.path(), text).unwrap();
    }

    async fn assert_rejected(&self, keys: &[&'static str], expected: &[&str]) {
        let before = fs::read(self.path()).ok();
        let error = self.batch(&self.simulator.client(), keys).run().await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        for part in expected {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(fs::read(self.path()).ok(), before, "the journal is unchanged");
    }
}

/// Returns the complete lines of a journal that may be missing or growing.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |newline| &text[..newline]);
    complete.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn task_of_journal_that_the_server_has_forgotten_is_billed() {
    let fixture = Fixture::new().await;
    fixture.run(&["a"]).await;
    fixture.simulator.script(Route::Result, Script::always(Fault::status(404)));
    let results = fixture.run(&["a"]).await;
    let error = results[0].1.as_ref().unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::NotFound, Billed::Yes), "{error}");
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn new_journal_in_missing_directory_bills_nothing() {
    let fixture = Fixture::new().await;
    let batch = fixture.batch(&fixture.simulator.client(), &["a"]).journal(fixture.path().join("none"));
    let error = batch.run().await.unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::No), "{error}");
}

#[tokio::test]
async fn batch_that_cannot_start_may_be_billed_if_its_journal_exists() {
    let fixture = Fixture::new().await;
    let batch = || fixture.batch(&fixture.simulator.client(), &["a"]).max_in_flight(0);
    assert_eq!(batch().run().await.unwrap_err().billed(), Billed::No);
    fixture.run(&["a"]).await;
    assert_eq!(batch().run().await.unwrap_err().billed(), Billed::Maybe);

    let book = fixture.path().with_extension("wav");
    fs::create_dir(&book).unwrap();
    let client = fixture.simulator.client();
    let save = async |pieces: InPieces| pieces.save(&book).await.unwrap_err();
    let error = save(client.speak("Hello").in_pieces()).await;
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::No), "{error}");
    let error = save(client.speak("Hello").in_pieces().journal(fixture.path())).await;
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::Maybe), "{error}");
}

#[tokio::test]
async fn batch_run_again_submits_nothing_twice() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        let outcomes = fixture.run(&["a", "b", "c"]).await;
        assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
    }
    assert_eq!(fixture.simulator.creates(), 3);
    assert_eq!(fixture.events("a"), ["sending", "submitted", "finished", "finished", "finished"]);
}

#[tokio::test]
async fn batch_resumes_from_every_journal_state_after_crash() {
    let fixture = Fixture::new().await;
    let keys = ["finished", "submitted", "announced", "unsent", "new"];
    let lines = fixture.journal_of_run(&keys).await;
    let line_of = |key: &str, event: &str| {
        lines
            .iter()
            .find(|line| line.contains(&format!(r#""event":"{event}","key":"{key}""#)))
            .unwrap()
            .clone()
    };
    let remaining = [
        HEADER.to_owned(),
        line_of("finished", "sending"),
        line_of("finished", "submitted"),
        line_of("finished", "finished"),
        line_of("submitted", "sending"),
        line_of("announced", "sending"),
        line_of("submitted", "submitted"),
        line_of("unsent", "sending"),
        r#"{"at":1,"event":"unsent","key":"unsent"}"#.to_owned(),
    ];
    fixture.write_without(&remaining, &[]);
    let outcomes = fixture.run(&keys).await;
    for (key, outcome) in outcomes {
        let Err(error) = outcome else { continue };
        assert_eq!(key, "announced", "{error}");
        assert!(error.is_in_doubt());
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("talk.journal, line 6"), "{cause}");
    }
    assert_eq!(fixture.simulator.creates(), 5 + 2, "only the unsent and the new request are submitted");
    // Further runs leave the request in doubt.
    assert!(fixture.run(&keys).await[2].1.as_ref().unwrap_err().is_in_doubt());
    assert_eq!(fixture.simulator.creates(), 7);
}

#[tokio::test]
async fn batch_with_resubmit_in_doubt_resubmits_doubt_of_earlier_run() {
    let fixture = Fixture::new().await;
    let lines = fixture.journal_of_run(&["a"]).await;
    fixture.write_without(&lines, &["submitted", "finished"]);
    let client = fixture.simulator.client();
    let resubmitting = client.speak("Text of a.").resubmit_in_doubt(1);
    let outcomes: Vec<_> =
        client.batch([("a", resubmitting)]).journal(fixture.path()).run().await.unwrap().collect().await;
    assert!(outcomes[0].1.is_ok(), "{outcomes:?}");
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn batch_resubmissions_are_counted_across_runs() {
    let (fixture, server) = (Fixture::new().await, ScriptedServer::start([Action::Close]).await);
    let client = client(&server.url);
    for run in 1..=4 {
        let resubmitting = client.speak("Text of a.").resubmit_in_doubt(1);
        let outcomes: Vec<_> =
            client.batch([("a", resubmitting)]).journal(fixture.path()).run().await.unwrap().collect().await;
        let error = outcomes[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "run {run}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn batch_request_stays_in_doubt_after_later_rejection() {
    let fixture = Fixture::new().await;
    let rejected = Action::json("402 Payment Required", &json!({"message": "top up"}));
    let server = ScriptedServer::start([Action::Close, rejected]).await;
    let client = client(&server.url);
    for resubmissions in [1, 0] {
        let speak = client.speak("Text of a.").resubmit_in_doubt(resubmissions);
        let outcomes: Vec<_> =
            client.batch([("a", speak)]).journal(fixture.path()).run().await.unwrap().collect().await;
        assert!(outcomes[0].1.as_ref().unwrap_err().is_in_doubt(), "{outcomes:?}");
    }
    assert_eq!(fixture.events("a"), ["sending", "in_doubt", "sending", "unsent"]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn batch_in_doubt_with_task_id_is_unchanged_in_next_run() {
    let fixture = Fixture::new().await;
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    for _ in 0..2 {
        let outcomes: Vec<_> =
            fixture.batch(&client(&server.url), &["a"]).run().await.unwrap().collect().await;
        let error = outcomes[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn batch_rejected_request_may_be_changed_or_removed() {
    let fixture = Fixture::new().await;
    let client = fixture.simulator.client();
    let batch = |voice: &'static str| {
        let requests = [("a", client.speak("Text of a.")), ("b", client.speak("Text of b.").voice(voice))];
        client.batch(requests).journal(fixture.path()).in_order().run()
    };
    let outcomes: Vec<_> = batch("file_of_nobody").await.unwrap().collect().await;
    assert!(outcomes[0].1.is_ok() && outcomes[1].1.as_ref().unwrap_err().is_rejected(), "{outcomes:?}");
    assert_eq!(fixture.run(&["a"]).await.len(), 1, "a rejected request may be removed");
    let outcomes: Vec<_> = batch("nora").await.unwrap().collect().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
    assert!(batch("leo").await.unwrap_err().is_invalid(), "a request cannot change after its submission");
    assert_eq!(fixture.simulator.creates(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn journal_deleted_during_run_stops_sending() {
    let fixture = Fixture::new().await;
    let mut results =
        fixture.batch(&fixture.simulator.client(), &["a", "b", "c"]).max_in_flight(1).run().await.unwrap();
    results.next().await.unwrap().1.unwrap();
    fs::remove_file(fixture.path()).unwrap();
    let outcomes: Vec<_> = results.collect().await;
    let errors: Vec<_> = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).collect();
    assert!(!errors.is_empty() && errors.iter().all(|error| error.is_io()), "{outcomes:?}");
    assert!(format!("{:?}", errors[0]).contains("moved or deleted"), "{errors:?}");
    assert!(fixture.simulator.creates() < 3);
}

#[tokio::test]
async fn journal_records_failed_task_and_next_run_polls_it() {
    let fixture = Fixture::new().await;
    fixture.simulator.outcome_of("Text of a.", TaskOutcome::fails());
    for _ in 0..2 {
        assert!(fixture.run(&["a"]).await[0].1.as_ref().unwrap_err().is_failed());
    }
    assert_eq!(fixture.events("a"), ["sending", "submitted", "failed", "failed"]);
}

#[test]
fn journal_of_held_results_does_not_block_runtime_shutdown() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let client = client("http://127.0.0.1:9");
    let batch = client.batch([("a", "Hello")]).journal(directory.path().join("talk.journal"));
    let results = runtime.block_on(batch.run()).unwrap();
    drop(runtime);
    drop(results);
}

#[tokio::test]
async fn journal_is_written_before_create_and_before_first_poll() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talk.journal");
    let server = MockServer::start();
    let (at_create, at_poll) = (path.clone(), path.clone());
    server.mock(|when, then| {
        when.path(CREATE).is_true(move |_| fs::read_to_string(&at_create).unwrap().contains("sending"));
        then.status(200).json_body(json!({"id": ID}));
    });
    server.mock(|when, then| {
        when.path(RESULT).is_true(move |_| fs::read_to_string(&at_poll).unwrap().contains(ID));
        then.status(200).json_body(completed_result("http://127.0.0.1:9/a"));
    });
    let outcomes: Vec<_> =
        client(&server.base_url()).batch([("a", "Hello")]).journal(path).run().await.unwrap().collect().await;
    assert!(outcomes[0].1.is_ok(), "{outcomes:?}");
}

#[tokio::test]
async fn journal_records_submission_outcome() {
    let rejected = Action::json("402 Payment Required", &json!({"message": "top up"}));
    for (action, expected) in [(Action::Close, "in_doubt"), (rejected, "unsent")] {
        let fixture = Fixture::new().await;
        let server = ScriptedServer::start([action]).await;
        let outcomes: Vec<_> =
            fixture.batch(&client(&server.url), &["a"]).run().await.unwrap().collect().await;
        assert_eq!(outcomes[0].1.as_ref().unwrap_err().is_in_doubt(), expected == "in_doubt");
        assert_eq!(fixture.events("a"), ["sending", expected]);
    }
}

#[tokio::test]
async fn journal_records_task_id_that_arrives_after_stop() {
    let fixture = Fixture::new().await;
    let client = builder(fixture.simulator.base_url()).api_key(fixture.simulator.api_key()).build().unwrap();
    let mut results = fixture.batch(&client, &["a", "b"]).run().await.unwrap();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "no result is ready yet");
    while !fixture.path().exists() || fixture.events("a").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let undelivered = results.stop().await;
    let created = usize::try_from(fixture.simulator.creates()).unwrap();
    let recorded = lines(&fixture.path()).iter().filter(|line| line["event"] == "submitted").count();
    assert!(recorded == created, "{recorded} of {created}");
    let with_id = undelivered
        .iter()
        .filter(|(_, outcome)| outcome.as_ref().map_or_else(|error| error.task_id().is_some(), |_| true));
    assert_eq!(with_id.count(), created, "{undelivered:?}");
    // The stopped batch has unlocked the journal for the next run.
    assert!(fixture.run(&["a", "b"]).await.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn batch_next_run_may_add_requests() {
    let fixture = Fixture::new().await;
    fixture.run(&["a"]).await;
    assert!(fixture.run(&["b", "a"]).await.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn journal_torn_last_line_is_overwritten() {
    let fixture = Fixture::new().await;
    let text = fixture.journal_of_run(&["a"]).await.join("\n");
    for torn in ["\n{\"at\":17", "\n", "\n\0\0\0", ""] {
        fs::write(fixture.path(), format!("{text}{torn}")).unwrap();
        assert!(fixture.run(&["a", "b"]).await.iter().all(|(_, outcome)| outcome.is_ok()));
        assert!(lines(&fixture.path()).len() >= 7, "every line is complete");
    }
}

#[tokio::test]
async fn journal_that_does_not_match_is_rejected_and_unchanged() {
    let fixture = Fixture::new().await;
    let lines = fixture.journal_of_run(&["a", "b"]).await;
    let requests = fixture.simulator.requests();
    fixture
        .assert_rejected(&["a"], &["talk.journal belongs to another batch", r#"contains key "b" (line "#])
        .await;

    let middle = lines.join("\n").replacen(r#""event":"submitted""#, r#""event":"subm"#, 1);
    fs::write(fixture.path(), middle + "\n").unwrap();
    fixture.assert_rejected(&["a", "b"], &["talk.journal, line 4 is not a journal entry"]).await;

    fs::write(fixture.path(), HEADER.replace(":1}", ":2}\n")).unwrap();
    fixture.assert_rejected(&["a", "b"], &["line 1 has version 2 of the format, expected version 1"]).await;

    fs::write(fixture.path(), "Dear diary").unwrap();
    fixture.assert_rejected(&["a", "b"], &["line 1 is not the header of a batch's journal"]).await;

    let changed = lines.join("\n").replace(r#""request":""#, r#""request":"0"#);
    fs::write(fixture.path(), changed + "\n").unwrap();
    fixture.assert_rejected(&["a", "b"], &["another batch", r#"key "a" belongs to another request"#]).await;
    assert_eq!(fixture.simulator.requests(), requests, "nothing was sent");
}

#[tokio::test]
async fn batch_stream_with_changed_request_rejects_only_its_key() {
    let fixture = Fixture::new().await;
    fixture.run(&["a", "b"]).await;
    let requests =
        futures_util::stream::iter([("a", "Another text."), ("b", "Text of b."), ("c", "Text of c.")]);
    let batch = fixture.simulator.client().batch_stream(requests).journal(fixture.path()).in_order();
    let outcomes: Vec<_> = batch.run().await.unwrap().collect().await;
    let error = outcomes[0].1.as_ref().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("belongs to another request"), "{error}");
    assert!(outcomes[1].1.is_ok() && outcomes[2].1.is_ok());
    assert_eq!(fixture.simulator.creates(), 3);
}

#[tokio::test]
async fn journal_path_that_is_not_a_file_is_rejected() {
    let fixture = Fixture::new().await;
    fs::create_dir(fixture.path()).unwrap();
    let error = fixture.batch(&fixture.simulator.client(), &["a"]).run().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("talk.journal is a directory"), "{error}");

    #[cfg(unix)]
    {
        let device = fixture.simulator.client().batch([("a", "Hello")]).journal("/dev/null").run().await;
        assert!(device.unwrap_err().to_string().contains("/dev/null is not a regular file"));
    }

    let missing_directory = fixture.directory.path().join("nowhere/talk.journal");
    let error = fixture
        .simulator
        .client()
        .batch([("a", "Hello")])
        .journal(&missing_directory)
        .run()
        .await
        .unwrap_err();
    assert!(error.is_io() && error.to_string().contains("nowhere/talk.journal"), "{error}");
    assert_eq!(fixture.simulator.requests(), 0);
}

#[tokio::test]
async fn journal_in_use_by_another_run_is_rejected() {
    let fixture = Fixture::new().await;
    let first = fixture.batch(&fixture.simulator.client(), &["a"]).run().await.unwrap();
    let error = fixture.batch(&fixture.simulator.client(), &["a"]).run().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is in use by another run"), "{error}");
    assert_eq!(error.billed(), Billed::Maybe, "the other run may have submitted the text");
    assert_eq!(first.count().await, 1);
    assert_eq!(fixture.run(&["a"]).await.len(), 1, "the journal is unlocked");
    assert_eq!(fixture.simulator.creates(), 1);
}
