//! A batch that is run again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use distribute_ai::{
    Client, Error,
    batch::Batch,
    testing::{Simulator, TaskOutcome, httpmock::MockServer},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::{Act, CREATE, ID, RESULT, Socket, builder, client, completed};

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
        let results = self.batch(&self.simulator.client(), keys).in_order().run();
        results.map(|(key, end)| (key, end.map(drop))).collect().await
    }

    /// The events of a key so far.
    fn events(&self, key: &str) -> Vec<String> {
        lines(&self.path())
            .into_iter()
            .filter(|line| line["key"] == key)
            .map(|line| line["event"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The whole journal of a run that ended well, line by line.
    async fn written(&self, keys: &[&'static str]) -> Vec<String> {
        self.run(keys).await;
        fs::read_to_string(self.path()).unwrap().lines().map(str::to_owned).collect()
    }

    /// Without the lines that hold one of these.
    fn cut(&self, lines: &[String], without: &[&str]) {
        let kept: Vec<_> =
            lines.iter().filter(|line| !without.iter().any(|word| line.contains(word))).collect();
        let text: String = kept.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        fs::write(self.path(), text).unwrap();
    }

    async fn refused(&self, keys: &[&'static str], expected: &[&str]) {
        let before = fs::read(self.path()).ok();
        let error = self.batch(&self.simulator.client(), keys).start().await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        for word in expected {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(fs::read(self.path()).ok(), before, "it is left as it was");
    }
}

/// The whole lines, of a journal that may not be there yet or may be growing.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_batch_that_is_run_again_submits_nothing_twice() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        let ends = fixture.run(&["a", "b", "c"]).await;
        assert!(ends.iter().all(|(_, end)| end.is_ok()), "{ends:?}");
    }
    assert_eq!(fixture.simulator.creates(), 3);
    assert_eq!(fixture.events("a"), ["sending", "submitted", "finished", "finished", "finished"]);
}

#[tokio::test]
async fn every_state_that_a_crash_leaves_is_taken_up() {
    let fixture = Fixture::new().await;
    let keys = ["finished", "submitted", "announced", "unsent", "new"];
    let lines = fixture.written(&keys).await;
    let of = |key: &str, event: &str| {
        lines
            .iter()
            .find(|line| line.contains(&format!(r#""event":"{event}","key":"{key}""#)))
            .unwrap()
            .clone()
    };
    let left = [
        HEADER.to_owned(),
        of("finished", "sending"),
        of("finished", "submitted"),
        of("finished", "finished"),
        of("submitted", "sending"),
        of("announced", "sending"),
        of("submitted", "submitted"),
        of("unsent", "sending"),
        r#"{"at":1,"event":"unsent","key":"unsent"}"#.to_owned(),
    ];
    fixture.cut(&left, &[]);
    let ends = fixture.run(&keys).await;
    for (key, end) in ends {
        let Err(error) = end else { continue };
        assert_eq!(key, "announced", "{error}");
        assert!(error.is_in_doubt());
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("talk.journal, line 6"), "{cause}");
    }
    assert_eq!(
        fixture.simulator.creates(),
        5 + 2,
        "the one that was refused, and the one that was never sent"
    );
    // It stays in doubt, however often it is run.
    assert!(fixture.run(&keys).await[2].1.as_ref().unwrap_err().is_in_doubt());
    assert_eq!(fixture.simulator.creates(), 7);
}

#[tokio::test]
async fn a_doubt_is_resubmitted_for_those_who_said_so() {
    let fixture = Fixture::new().await;
    let lines = fixture.written(&["a"]).await;
    fixture.cut(&lines, &["submitted", "finished"]);
    let client = fixture.simulator.client();
    let insisting = client.speak("Text of a.").resubmit_in_doubt(1);
    let ends: Vec<_> = client.batch([("a", insisting)]).journal(fixture.path()).run().collect().await;
    assert!(ends[0].1.is_ok(), "{ends:?}");
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn resubmissions_are_counted_over_all_runs() {
    let (fixture, server) = (Fixture::new().await, Socket::play([Act::HangUp]).await);
    let client = client(&server.url);
    for run in 1..=4 {
        let insisting = client.speak("Text of a.").resubmit_in_doubt(1);
        let ends: Vec<_> = client.batch([("a", insisting)]).journal(fixture.path()).run().collect().await;
        let error = ends[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "run {run}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_doubt_outlives_the_refusals_after_it() {
    let fixture = Fixture::new().await;
    let refused = Act::json("402 Payment Required", &json!({"message": "top up"}));
    let server = Socket::play([Act::HangUp, refused]).await;
    let client = client(&server.url);
    for insistence in [1, 0] {
        let speak = client.speak("Text of a.").resubmit_in_doubt(insistence);
        let ends: Vec<_> = client.batch([("a", speak)]).journal(fixture.path()).run().collect().await;
        assert!(ends[0].1.as_ref().unwrap_err().is_in_doubt(), "{ends:?}");
    }
    assert_eq!(fixture.events("a"), ["sending", "in_doubt", "sending", "unsent"]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_doubt_with_an_id_is_the_same_in_the_next_run() {
    let fixture = Fixture::new().await;
    let server = Socket::play([Act::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    for _ in 0..2 {
        let ends: Vec<_> = fixture.batch(&client(&server.url), &["a"]).run().collect().await;
        let error = ends[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_was_refused_may_be_corrected_or_left_out() {
    let fixture = Fixture::new().await;
    let client = fixture.simulator.client();
    let batch = |voice: &'static str| {
        let requests = [("a", client.speak("Text of a.")), ("b", client.speak("Text of b.").voice(voice))];
        client.batch(requests).journal(fixture.path()).in_order().run()
    };
    let ends: Vec<_> = batch("file_of_nobody").collect().await;
    assert!(ends[0].1.is_ok() && ends[1].1.as_ref().unwrap_err().is_rejected(), "{ends:?}");
    assert_eq!(fixture.run(&["a"]).await.len(), 1, "without it");
    let ends: Vec<_> = batch("nora").collect().await;
    assert!(ends.iter().all(|(_, end)| end.is_ok()), "{ends:?}");
    let ends: Vec<_> = batch("leo").collect().await;
    assert!(
        ends[1].1.as_ref().unwrap_err().is_invalid(),
        "the one that was submitted is the one that counts"
    );
    assert_eq!(fixture.simulator.creates(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_that_is_moved_away_stops_the_sending() {
    let fixture = Fixture::new().await;
    let mut results = fixture.batch(&fixture.simulator.client(), &["a", "b", "c"]).max_in_flight(1).run();
    results.next().await.unwrap().1.unwrap();
    fs::remove_file(fixture.path()).unwrap();
    let ends: Vec<_> = results.collect().await;
    let problems: Vec<_> = ends.iter().filter_map(|(_, end)| end.as_ref().err()).collect();
    assert!(!problems.is_empty() && problems.iter().all(|error| error.is_io()), "{ends:?}");
    assert!(format!("{:?}", problems[0]).contains("moved or deleted"), "{problems:?}");
    assert!(fixture.simulator.creates() < 3);
}

#[tokio::test]
async fn a_failed_task_is_noted_and_asked_for_again() {
    let fixture = Fixture::new().await;
    fixture.simulator.outcome_of("Text of a.", TaskOutcome::fails());
    for _ in 0..2 {
        assert!(fixture.run(&["a"]).await[0].1.as_ref().unwrap_err().is_failed());
    }
    assert_eq!(fixture.events("a"), ["sending", "submitted", "failed", "failed"]);
}

#[test]
fn a_runtime_ends_though_a_batch_with_a_journal_is_still_held() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let client = client("http://127.0.0.1:9");
    let batch = client.batch([("a", "Hello")]).journal(directory.path().join("talk.journal"));
    let results = runtime.block_on(batch.start()).unwrap();
    drop(runtime);
    drop(results);
}

#[tokio::test]
async fn a_request_is_announced_before_it_leaves_and_its_id_kept_before_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talk.journal");
    let server = MockServer::start();
    let (announced, kept) = (path.clone(), path.clone());
    server.mock(|when, then| {
        when.path(CREATE).is_true(move |_| fs::read_to_string(&announced).unwrap().contains("sending"));
        then.status(200).json_body(json!({"id": ID}));
    });
    server.mock(|when, then| {
        when.path(RESULT).is_true(move |_| fs::read_to_string(&kept).unwrap().contains(ID));
        then.status(200).json_body(completed("http://127.0.0.1:9/a"));
    });
    let ends: Vec<_> = client(&server.base_url()).batch([("a", "Hello")]).journal(path).run().collect().await;
    assert!(ends[0].1.is_ok(), "{ends:?}");
}

#[tokio::test]
async fn how_a_submission_ended_is_noted() {
    let refused = Act::json("402 Payment Required", &json!({"message": "top up"}));
    for (act, expected) in [(Act::HangUp, "in_doubt"), (refused, "unsent")] {
        let fixture = Fixture::new().await;
        let server = Socket::play([act]).await;
        let ends: Vec<_> = fixture.batch(&client(&server.url), &["a"]).run().collect().await;
        assert_eq!(ends[0].1.as_ref().unwrap_err().is_in_doubt(), expected == "in_doubt");
        assert_eq!(fixture.events("a"), ["sending", expected]);
    }
}

#[tokio::test]
async fn an_id_that_arrives_after_the_batch_was_stopped_is_kept() {
    let fixture = Fixture::new().await;
    let client = builder(fixture.simulator.base_url()).api_key(fixture.simulator.api_key()).build().unwrap();
    let mut results = fixture.batch(&client, &["a", "b"]).run();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "nothing has ended yet");
    while !fixture.path().exists() || fixture.events("a").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let left = results.stop().await;
    let created = usize::try_from(fixture.simulator.creates()).unwrap();
    let kept = lines(&fixture.path()).iter().filter(|line| line["event"] == "submitted").count();
    assert!(kept == created, "{kept} of {created}");
    let named =
        left.iter().filter(|(_, end)| end.as_ref().map_or_else(|error| error.task_id().is_some(), |_| true));
    assert_eq!(named.count(), created, "{left:?}");
    // And the journal is free for the next run.
    assert!(fixture.run(&["a", "b"]).await.iter().all(|(_, end)| end.is_ok()));
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn requests_may_be_added() {
    let fixture = Fixture::new().await;
    fixture.run(&["a"]).await;
    assert!(fixture.run(&["b", "a"]).await.iter().all(|(_, end)| end.is_ok()));
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn a_torn_last_line_is_left_out_and_written_over() {
    let fixture = Fixture::new().await;
    let text = fixture.written(&["a"]).await.join("\n");
    for torn in ["\n{\"at\":17", "\n", "\n\0\0\0", ""] {
        fs::write(fixture.path(), format!("{text}{torn}")).unwrap();
        assert!(fixture.run(&["a", "b"]).await.iter().all(|(_, end)| end.is_ok()));
        assert!(lines(&fixture.path()).len() >= 7, "each line is whole again");
    }
}

#[tokio::test]
async fn a_journal_that_does_not_fit_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    let lines = fixture.written(&["a", "b"]).await;
    let requests = fixture.simulator.requests();
    fixture.refused(&["a"], &["talk.journal is of another batch", r#"holds key "b" (line "#]).await;

    let middle = lines.join("\n").replacen(r#""event":"submitted""#, r#""event":"subm"#, 1);
    fs::write(fixture.path(), middle + "\n").unwrap();
    fixture.refused(&["a", "b"], &["talk.journal, line 4 is not what a journal holds"]).await;

    fs::write(fixture.path(), HEADER.replace(":1}", ":2}\n")).unwrap();
    fixture.refused(&["a", "b"], &["line 1 is of version 2 of the format; this crate knows version 1"]).await;

    fs::write(fixture.path(), "Dear diary").unwrap();
    fixture.refused(&["a", "b"], &["line 1 is no header of a batch's journal"]).await;

    let changed = lines.join("\n").replace(r#""request":""#, r#""request":"0"#);
    fs::write(fixture.path(), changed + "\n").unwrap();
    fixture.refused(&["a", "b"], &["another batch", r#"key "a" was another request then"#]).await;
    assert_eq!(fixture.simulator.requests(), requests, "nothing was sent");
}

#[tokio::test]
async fn a_stream_learns_key_by_key_what_does_not_fit() {
    let fixture = Fixture::new().await;
    fixture.run(&["a", "b"]).await;
    let requests =
        futures_util::stream::iter([("a", "Another text."), ("b", "Text of b."), ("c", "Text of c.")]);
    let batch = fixture.simulator.client().batch(requests).journal(fixture.path()).in_order();
    let ends: Vec<_> = batch.run().collect().await;
    let error = ends[0].1.as_ref().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("another request then"), "{error}");
    assert!(ends[1].1.is_ok() && ends[2].1.is_ok());
    assert_eq!(fixture.simulator.creates(), 3);
}

#[tokio::test]
async fn a_journal_that_is_no_file_is_refused() {
    let fixture = Fixture::new().await;
    fs::create_dir(fixture.path()).unwrap();
    let error = fixture.batch(&fixture.simulator.client(), &["a"]).start().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("talk.journal is a directory"), "{error}");

    #[cfg(unix)]
    {
        let device = fixture.simulator.client().batch([("a", "Hello")]).journal("/dev/null").start().await;
        assert!(device.unwrap_err().to_string().contains("/dev/null is no regular file"));
    }

    let nowhere = fixture.directory.path().join("nowhere/talk.journal");
    let error =
        fixture.simulator.client().batch([("a", "Hello")]).journal(&nowhere).start().await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("nowhere/talk.journal"), "{error}");
    assert_eq!(fixture.simulator.requests(), 0);
}

#[tokio::test]
async fn two_runs_cannot_have_one_journal() {
    let fixture = Fixture::new().await;
    let first = fixture.batch(&fixture.simulator.client(), &["a"]).start().await.unwrap();
    let error = fixture.batch(&fixture.simulator.client(), &["a"]).start().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is in use by another run"), "{error}");
    assert_eq!(first.count().await, 1);
    assert_eq!(fixture.run(&["a"]).await.len(), 1, "free again");
    assert_eq!(fixture.simulator.creates(), 1);
}
