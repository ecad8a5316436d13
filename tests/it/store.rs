//! Requests with a store, over sockets and files.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use distribute_ai::{
    Billed, Client, Error, ErrorKind, Speech,
    store::{Entry, EntryState, RequestHash, Settlement, Store},
    testing::{Fault, Route, Script, Simulator, TaskOutcome},
};
use futures_util::{StreamExt, future::join_all};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::support::{Action, ID, ScriptedServer, builder, unique_id};

const TEXT: &str = "Good morning.";

struct Fixture {
    simulator: Simulator,
    directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(30));
        Self { simulator: builder.start().await.unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("speeches")
    }

    fn client(&self) -> Client {
        self.simulator.client_builder().store(self.path()).build().unwrap()
    }

    async fn entry(&self, hash: RequestHash) -> Option<Entry> {
        Store::open(self.path()).await.unwrap().get(&hash).await.unwrap()
    }

    async fn state(&self, hash: RequestHash) -> Option<EntryState> {
        Some(self.entry(hash).await?.state())
    }

    /// Returns the only audio file of the store.
    fn audio_file(&self) -> PathBuf {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut audio: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "wav")).collect();
        assert_eq!(audio.len(), 1, "{audio:?}");
        audio.remove(0)
    }
}

async fn bytes(speech: &Speech) -> Vec<u8> {
    speech.audio().unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn same_request_is_submitted_once() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let first = client.speak(TEXT).await.unwrap();
    let (requests, downloads) = (fixture.simulator.requests(), fixture.simulator.downloads());
    let second = client.speak(TEXT).await.unwrap();
    assert_eq!(first.id(), second.id());
    assert_eq!(bytes(&second).await, Simulator::audio_of(TEXT));
    assert_eq!(second.duration().await.unwrap(), Duration::from_secs(1));
    let audio = second.audio().unwrap();
    assert_eq!(audio.url().strip_prefix("file://"), fixture.audio_file().to_str());
    assert!(format!("{audio:?}").contains(&format!("{:?}", audio.url())), "{audio:?}");
    assert_eq!((first.created_at(), first.finished_at()), (second.created_at(), second.finished_at()));
    let simulator = &fixture.simulator;
    assert_eq!((simulator.requests(), simulator.downloads()), (requests, downloads), "nothing is sent");
    client.speak(TEXT).take(1).await.unwrap();
    client.speak("Good morning!").await.unwrap();
    client.speak(TEXT).voice("nora").await.unwrap();
    client.speak(TEXT).temperature(0.5).await.unwrap();
    assert_eq!(simulator.creates(), 5);
}

#[tokio::test]
async fn later_client_finds_what_an_earlier_one_has_stored() {
    let fixture = Fixture::new().await;
    let first = fixture.client().speak(TEXT).await.unwrap();
    let requests = fixture.simulator.requests();
    let client = fixture.client();
    let mut results = client.batch([("a", TEXT), ("b", TEXT)]).run().await.unwrap();
    while let Some((_, speech)) = results.next().await {
        assert_eq!(speech.unwrap().id(), first.id());
    }
    client.speak(TEXT).in_pieces().save(fixture.directory.path().join("book.wav")).await.unwrap();
    let task = client.speak(TEXT).submit().await.unwrap();
    assert_eq!(task.wait().await.unwrap().id(), first.id());
    assert_eq!(fixture.simulator.requests(), requests, "nothing is sent");
}

#[tokio::test]
async fn updates_of_a_stored_speech_are_one_without_a_request() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    client.speak(TEXT).await.unwrap();
    let (requests, downloads) = (fixture.simulator.requests(), fixture.simulator.downloads());
    let task = client.speak(TEXT).submit().await.unwrap();
    let updates: Vec<_> = task.updates().collect().await;
    let [Ok(update)] = &updates[..] else { panic!("{updates:?}") };
    assert_eq!(update.status().to_string(), "COMPLETED");
    assert_eq!(bytes(&update.clone().into_speech().unwrap()).await, Simulator::audio_of(TEXT));
    assert_eq!((fixture.simulator.requests(), fixture.simulator.downloads()), (requests, downloads));
}

#[tokio::test]
async fn submitted_task_is_waited_for_by_the_next_run() {
    let fixture = Fixture::new().await;
    let id = fixture.client().speak(TEXT).submit().await.unwrap().id().clone();
    let client = fixture.client();
    let hash = client.speak(TEXT).hash().unwrap();
    assert_eq!(fixture.state(hash).await, Some(EntryState::Submitted));
    assert_eq!(*client.speak(TEXT).await.unwrap().id(), id);
    let entry = fixture.entry(hash).await.unwrap();
    assert_eq!((entry.state(), entry.task_id()), (EntryState::Stored, Some(id)));
    assert_eq!((entry.duration(), entry.characters()), (Some(Duration::from_secs(1)), 13));
    assert_eq!(entry.audio_bytes(), Some(Simulator::audio_of(TEXT).len() as u64));
    assert_eq!((entry.text(), entry.label(), entry.voice(), entry.take()), (None, None, None, 0));
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn equal_requests_share_one_submission_and_dropping_one_leaves_the_others() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    for round in 0..20 {
        let text = format!("Good morning number {round}.");
        let dropped = timeout(Duration::from_millis(round), client.speak(&text).into_future());
        let others = join_all((0..5).map(|_| client.speak(&text).into_future()));
        let (_, others) = tokio::join!(dropped, others);
        let ids: HashSet<_> = others.into_iter().map(|speech| speech.unwrap().id().clone()).collect();
        assert_eq!((ids.len(), fixture.simulator.creates()), (1, round + 1));
    }
}

#[tokio::test]
async fn dropped_submission_is_recorded() {
    let fixture = Fixture::new().await;
    fixture.simulator.script(Route::Create, Script::always(Fault::slow_drip(4, Duration::from_millis(25))));
    let client = fixture.client();
    let submission = client.speak(TEXT).submit();
    let mut submission = Box::pin(submission);
    while fixture.simulator.creates() == 0 {
        assert!(timeout(Duration::from_millis(2), &mut submission).await.is_err(), "not finished yet");
    }
    drop(submission);
    let id = fixture.simulator.tasks()[0].0.clone();
    assert_eq!(*client.speak(TEXT).await.unwrap().id(), id);
    assert_eq!(fixture.simulator.creates(), 1);
}

/// As at the end of a program whose `main` does not wait for a submission.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submission_that_the_end_of_its_runtime_cuts_off_is_in_doubt() {
    let fixture = Fixture::new().await;
    fixture.simulator.script(Route::Create, Script::always(Fault::slow_drip(1, Duration::from_secs(1))));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = fixture.client();
            runtime.block_on(async {
                let mut submission = pin!(client.speak(TEXT).submit());
                while fixture.simulator.creates() == 0 {
                    assert!(
                        timeout(Duration::from_millis(2), &mut submission).await.is_err(),
                        "not finished"
                    );
                }
            });
        });
    });
    let error = fixture.client().speak(TEXT).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn request_in_doubt_is_not_sent_again_until_it_is_settled() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset().after_accepting()));
    let hash = client.speak(TEXT).hash().unwrap();
    for number in 0..4 {
        let error = match number {
            0 | 1 => client.speak(TEXT).label("greeting").await.unwrap_err(),
            _ => {
                let mut results = client.batch([("a", TEXT)]).run().await.unwrap();
                results.next().await.unwrap().1.unwrap_err()
            }
        };
        let remedy = format!("settle entry {hash} of the store {}", fixture.path().display());
        assert!(error.is_in_doubt() && error.to_string().contains(&remedy), "{error}");
    }
    let store = client.store().unwrap();
    let entry = store.get(&hash).await.unwrap().unwrap();
    assert_eq!((entry.state(), entry.label()), (EntryState::InDoubt, Some("greeting")));
    assert_eq!((entry.attempts_in_doubt(), fixture.simulator.creates()), (1, 1));

    // The server's record has the task.
    let id = fixture.simulator.tasks()[0].0.clone();
    store.settle(&hash, Settlement::Billed(id.clone())).await.unwrap();
    assert_eq!(*client.speak(TEXT).await.unwrap().id(), id);
    assert_eq!(fixture.simulator.creates(), 1);
    let error = store.settle(&hash, Settlement::NotBilled).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is stored, expected in_doubt"), "{error}");
}

#[tokio::test]
async fn request_that_was_not_billed_is_sent_after_it_is_settled() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak(TEXT).await.unwrap_err().is_in_doubt());
    let hash = client.speak(TEXT).hash().unwrap();
    client.store().unwrap().settle(&hash, Settlement::NotBilled).await.unwrap();
    assert_eq!(fixture.state(hash).await, None);
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn resubmissions_are_counted_across_runs() {
    let (fixture, server) = (Fixture::new().await, ScriptedServer::start([Action::Close]).await);
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    for run in 1..=4 {
        let error = client.speak(TEXT).resubmit_in_doubt(1).await.unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "run {run}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn resubmissions_of_two_calls_are_counted_once() {
    let (fixture, server) = (Fixture::new().await, ScriptedServer::start([Action::Close]).await);
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    let speak = || client.speak(TEXT).resubmit_in_doubt(1).into_future();
    for error in join_all([speak(), speak()]).await {
        let error = error.unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "{error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn request_stays_in_doubt_after_a_later_rejection() {
    let fixture = Fixture::new().await;
    let rejected = Action::json("402 Payment Required", &json!({"message": "top up"}));
    let server = ScriptedServer::start([Action::Close, rejected]).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    for resubmissions in [1, 0] {
        let error = client.speak(TEXT).resubmit_in_doubt(resubmissions).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn request_in_doubt_with_task_id_returns_the_id_in_each_run() {
    let fixture = Fixture::new().await;
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    for _ in 0..2 {
        let client = builder(&server.url).store(fixture.path()).build().unwrap();
        let error = client.speak(TEXT).resubmit_in_doubt(5).await.unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn rejected_and_rate_limited_requests_leave_no_entry() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    for status in [400, 402, 429] {
        fixture.simulator.script(Route::Create, Script::always(Fault::status(status)));
        let speak = client.speak(TEXT).deadline(Duration::from_millis(300));
        assert!(speak.await.unwrap_err().is_rejected());
        assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, None, "{status}");
    }
}

#[tokio::test]
async fn task_that_the_server_has_forgotten_is_submitted_again_after_forget() {
    let fixture = Fixture::new().await;
    fixture.client().speak(TEXT).submit().await.unwrap();
    fixture.simulator.script(Route::Result, Script::always(Fault::status(404)));
    let client = fixture.client();
    let hash = client.speak(TEXT).hash().unwrap();
    let mut results = client.batch([("a", TEXT)]).run().await.unwrap();
    for error in [client.speak(TEXT).await.unwrap_err(), results.next().await.unwrap().1.unwrap_err()] {
        assert_eq!((error.kind(), error.billed()), (ErrorKind::NotFound, Billed::Yes), "{error}");
        let advice = format!("to submit the text again, forget entry {hash} of the store");
        assert!(error.to_string().contains(&advice), "{error}");
    }
    assert_eq!(fixture.simulator.creates(), 1);
    fixture.simulator.script(Route::Result, Script::nothing());
    assert!(client.store().unwrap().forget(&hash).await.unwrap());
    assert!(!client.store().unwrap().forget(&hash).await.unwrap());
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn failed_task_is_submitted_again() {
    let fixture = Fixture::new().await;
    fixture.simulator.outcomes(Script::nth(1, TaskOutcome::fails()));
    let client = fixture.client();
    assert!(client.speak(TEXT).await.unwrap_err().is_failed());
    assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, Some(EntryState::Failed));
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn text_is_spoken_again_only_with_redo() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let first = client.speak(TEXT).await.unwrap();
    let second = client.speak(TEXT).redo().await.unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
    // A new reading in doubt hides the old one, until it is settled.
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak(TEXT).redo().await.unwrap_err().is_in_doubt());
    assert!(client.speak(TEXT).await.unwrap_err().is_in_doubt());
    let hash = client.speak(TEXT).hash().unwrap();
    client.store().unwrap().settle(&hash, Settlement::NotBilled).await.unwrap();
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
    // A new reading that fails leaves the old one.
    fixture.simulator.outcome_of(TEXT, TaskOutcome::fails());
    assert!(client.speak(TEXT).redo().await.unwrap_err().is_failed());
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
}

#[tokio::test]
async fn wait_for_an_earlier_task_leaves_the_announcement_of_the_text_spoken_again() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    client.speak(TEXT).await.unwrap();
    let earlier = client.speak(TEXT).submit().await.unwrap();
    fixture.simulator.script(Route::Create, Script::always(Fault::never_answer()));
    let again = tokio::spawn(client.speak(TEXT).redo().into_future());
    let hash = client.speak(TEXT).hash().unwrap();
    while fixture.state(hash).await != Some(EntryState::Announced) {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(earlier.wait().await.unwrap().id(), earlier.id());
    // A kill now leaves the new reading in doubt.
    assert_eq!(fixture.state(hash).await, Some(EntryState::Announced));
    again.abort();
}

#[tokio::test]
async fn earlier_speech_leaves_the_audio_of_the_text_spoken_again() {
    let fixture = Fixture::new().await;
    let created = |id: &str| Action::json("200 OK", &json!({"id": id}));
    let completed = |id: &str| {
        let results = json!([{"url": "/a.wav"}]);
        Action::json("200 OK", &json!({"id": id, "status": "COMPLETED", "created": 1, "results": results}))
    };
    let audio = |content: &str| Action::response("200 OK", "", content);
    let other = unique_id(1);
    let earlier = [created(ID), completed(ID), audio("the earlier reading")];
    let later = [created(&other), completed(&other), audio("the later reading")];
    let fetched_again = [completed(ID), audio("the earlier reading")];
    let script = [&earlier[..], &later, &fetched_again].concat();
    let server = ScriptedServer::start(script).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();

    let earlier = client.speak(TEXT).await.unwrap();
    let later = client.speak(TEXT).redo().await.unwrap();
    assert_eq!(bytes(&earlier).await, b"the earlier reading");
    assert_eq!(fs::read(fixture.audio_file()).unwrap(), b"the later reading");
    assert_eq!(bytes(&later).await, b"the later reading");
    assert_eq!(server.requests().len(), 8);
}

#[tokio::test]
async fn wait_for_a_forgotten_task_leaves_the_audio_of_the_newer_one() {
    let fixture = Fixture::new().await;
    let created = |id: &str| Action::json("200 OK", &json!({"id": id}));
    let completed = |id: &str| {
        let results = json!([{"url": "/a.wav"}]);
        Action::json("200 OK", &json!({"id": id, "status": "COMPLETED", "results": results}))
    };
    let audio = |content: &str| Action::response("200 OK", "", content);
    let other = unique_id(1);
    let newer = [created(ID), created(&other), completed(&other), audio("the newer reading")];
    let script = [&newer[..], &[completed(ID), audio("the older reading")]].concat();
    let server = ScriptedServer::start(script).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();

    let older = client.speak(TEXT).submit().await.unwrap();
    let hash = client.speak(TEXT).hash().unwrap();
    assert!(client.store().unwrap().forget(&hash).await.unwrap());
    client.speak(TEXT).await.unwrap();
    let older = older.wait().await.unwrap();
    assert_eq!(fs::read(fixture.audio_file()).unwrap(), b"the newer reading");
    assert_eq!(bytes(&older).await, b"the older reading");
    assert_eq!(bytes(&client.speak(TEXT).await.unwrap()).await, b"the newer reading");
}

#[tokio::test]
async fn equal_waits_download_the_audio_once() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let task = client.speak(TEXT).submit().await.unwrap();
    let speeches = join_all((0..5).map(|_| task.wait().into_future())).await;
    for speech in speeches {
        assert_eq!(bytes(&speech.unwrap()).await, Simulator::audio_of(TEXT));
    }
    let lines = (0..5).map(|key| (key, client.speak("Good night.")));
    let mut results = client.batch(lines).run().await.unwrap();
    while let Some((_, speech)) = results.next().await {
        speech.unwrap();
    }
    assert_eq!((fixture.simulator.creates(), fixture.simulator.downloads()), (2, 2));
}

#[tokio::test]
async fn audio_that_does_not_arrive_delays_a_wait_by_five_seconds_at_most() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Audio, Script::always(Fault::never_answer()));
    let task = client.speak(TEXT).submit().await.unwrap();
    let deadline = Duration::from_millis(500);
    let lines = [("a", client.speak(TEXT).deadline(deadline))];
    let mut results = client.batch(lines).run().await.unwrap();
    let both = async { tokio::join!(task.wait().deadline(deadline).into_future(), results.next()) };
    let (speech, result) = timeout(Duration::from_secs(15), both).await.expect("both end in time");
    assert_eq!(speech.unwrap().id(), result.unwrap().1.unwrap().id());
    assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, Some(EntryState::Stored));
}

#[tokio::test]
async fn damaged_or_missing_audio_is_downloaded_again() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let (expected, target) = (Simulator::audio_of(TEXT), fixture.directory.path().join("a.wav"));
    client.speak(TEXT).await.unwrap();
    let path = fixture.audio_file();
    let damages: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, "RIFF").unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        },
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for (number, damage) in (1..).zip(damages) {
        // Before the lookup, and between the lookup and the read.
        damage(&path);
        let speech = client.speak(TEXT).await.unwrap();
        assert_eq!(bytes(&speech).await, expected, "damage {number}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        let speech = client.speak(TEXT).await.unwrap();
        damage(&path);
        assert_eq!(speech.save(&target).await.unwrap(), expected.len() as u64);
        assert_eq!(fs::read(&target).unwrap(), expected, "damage {number}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        client.speak(TEXT).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected, "the store is repaired after damage {number}");
    }
    assert_eq!(fixture.simulator.creates(), 1);
}

/// An unreadable file, such as one without permissions. The administrator can read those.
#[cfg(unix)]
#[tokio::test]
async fn unreadable_audio_is_downloaded_and_stays_in_the_store() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let speech = client.speak(TEXT).await.unwrap();
    let (path, aside) = (fixture.audio_file(), fixture.directory.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let downloads = fixture.simulator.downloads();
    assert_eq!(bytes(&speech).await, Simulator::audio_of(TEXT));
    assert_eq!(fixture.simulator.downloads(), downloads + 1);
    assert!(path.is_symlink(), "the unreadable file stays");
    fs::rename(&aside, &path).unwrap();
    assert_eq!(bytes(&client.speak(TEXT).await.unwrap()).await, Simulator::audio_of(TEXT));
    assert_eq!(fixture.simulator.downloads(), downloads + 1);
}

#[tokio::test]
async fn stream_of_damaged_audio_ends_with_an_error() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    client.speak(TEXT).await.unwrap();
    let path = fixture.audio_file();
    let speech = client.speak(TEXT).await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let parts: Vec<Result<_, Error>> = speech.audio().unwrap().stream().collect().await;
    assert!(parts.last().unwrap().as_ref().is_err_and(Error::is_download), "{parts:?}");
    assert!(!path.exists(), "the damaged file is removed");
}

#[tokio::test]
async fn store_without_audio_downloads_by_task_id() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false).keep_text(true);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    for _ in 0..2 {
        let speech = client.speak(TEXT).await.unwrap();
        assert_eq!(bytes(&speech).await, Simulator::audio_of(TEXT));
    }
    let entry = fixture.entry(client.speak(TEXT).hash().unwrap()).await.unwrap();
    assert_eq!((entry.text(), entry.audio_bytes(), entry.state()), (Some(TEXT), None, EntryState::Stored));
    assert_eq!((fixture.simulator.creates(), fixture.simulator.downloads()), (1, 2));
}

#[tokio::test]
async fn audio_beyond_the_size_limit_is_dropped_and_its_entry_stays() {
    let fixture = Fixture::new().await;
    let size = Simulator::audio_of(TEXT).len() as u64;
    let store = Store::at(fixture.path()).max_audio_bytes(3 * size);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    for take in 0..6 {
        client.speak(TEXT).take(take).await.unwrap();
    }
    let names = || fs::read_dir(fixture.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let audio = || names().filter(|name| name.to_string_lossy().ends_with(".wav")).count() as u64;
    assert!((1..=3).contains(&audio()), "{}", audio());
    assert_eq!(client.store().unwrap().entries().count().await, 6);
    for take in 0..6 {
        client.speak(TEXT).take(take).await.unwrap();
    }
    assert_eq!(fixture.simulator.creates(), 6);
    let kept = audio();
    assert_eq!(client.store().unwrap().prune(0).await.unwrap(), kept * size);
    assert_eq!(audio(), 0);
}

#[tokio::test]
async fn two_clients_keep_the_size_limit_together() {
    let fixture = Fixture::new().await;
    let size = Simulator::audio_of(TEXT).len() as u64;
    let limited = || {
        let store = Store::at(fixture.path()).max_audio_bytes(3 * size);
        fixture.simulator.client_builder().store(store).build().unwrap()
    };
    let clients = [limited(), limited()];
    for take in 0..8 {
        clients[take as usize % 2].speak(TEXT).take(take).await.unwrap();
        let names = fs::read_dir(fixture.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let count = names.filter(|name| name.to_string_lossy().ends_with(".wav")).count();
        assert!(count <= 3, "{count} files after take {take}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn directory_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    fixture.client().speak(TEXT).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.path()), 0o700);
    for entry in fs::read_dir(fixture.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn entries_contain_no_text_and_no_key() {
    let fixture = Fixture::new().await;
    fixture.client().speak(TEXT).label("greeting").await.unwrap();
    for entry in fs::read_dir(fixture.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let contains = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!contains(TEXT) && !contains(fixture.simulator.api_key()));
    }
}

#[tokio::test]
async fn entries_are_listed_completely_and_in_order() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    let requests = (0..600).map(|number| (number, format!("Text number {number}.")));
    client.batch(requests).run().await.unwrap().for_each(async |(_, speech)| drop(speech.unwrap())).await;
    let entries: Vec<Entry> = client.store().unwrap().entries().map(|entry| entry.unwrap()).collect().await;
    assert_eq!(entries.len(), 600);
    assert!(entries.is_sorted_by(|one, next| one.hash() < next.hash()));
    let labels: HashSet<_> = entries.iter().map(|entry| entry.label().unwrap().to_owned()).collect();
    assert_eq!(labels.len(), 600);
}

#[tokio::test]
async fn store_is_created_only_by_a_client_that_can_be_built() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("speeches");
    let invalid = Client::builder().api_key("").store(&path).build();
    assert!(invalid.is_err() && !path.exists());
    let missing_parent = Client::builder().api_key("key").store(path.join("speeches")).build();
    assert!(missing_parent.unwrap_err().is_invalid());
}

#[tokio::test]
async fn plan_of_a_batch_sends_nothing_and_tells_what_is_new() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    client.speak(TEXT).await.unwrap();
    client.speak("Good night.").submit().await.unwrap();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak("Good grief.").await.unwrap_err().is_in_doubt());
    let requests = fixture.simulator.requests();
    let lines = [
        TEXT,
        "Good night.",
        "Good grief.",
        "Goodbye.",
        "Goodbye.",
        "x",
        "So long, and thanks for all the fish.",
    ];
    let plan = client.batch(lines.into_iter().enumerate()).plan().await.unwrap();
    let counts = "Requests: 1 stored, 1 submitted, 1 in doubt, 2 new, 1 repeated, 1 invalid. ";
    assert!(plan.to_string().starts_with(counts), "{plan}");
    assert_eq!((plan.invalid, plan.characters, fixture.simulator.requests()), (1, 45, requests));

    // Without a store, each line is submitted.
    let batch = fixture.simulator.client().batch(lines.into_iter().enumerate());
    let plan = batch.plan().await.unwrap();
    assert_eq!((plan.stored, plan.new, plan.repeated), (0, 6, 0));
    let missing = fixture.directory.path().join("missing");
    let plan = batch.store(&missing).plan().await.unwrap();
    assert_eq!((plan.new, plan.repeated, missing.exists()), (5, 1, false));
    let stream = client.batch_stream(futures_util::stream::iter([("a", TEXT)]));
    assert!(stream.plan().await.unwrap_err().is_invalid());
}

/// Returns texts of sentences with random words.
fn book(random: &mut fastrand::Rng, characters: usize) -> String {
    let mut text = String::new();
    while text.len() < characters {
        for _ in 0..random.usize(3..30) {
            text.extend((0..random.usize(1..12)).map(|_| random.lowercase()));
            text.push(' ');
        }
        text.pop();
        text.push_str(". ");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_texts_take_as_long_as_planned_in_95_of_100_cases() {
    const BOOKS: usize = 40;
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    let (simulator, directory) = (builder.start().await.unwrap(), tempfile::tempdir().unwrap());
    let store = Store::at(directory.path().join("speeches")).keep_audio(false);
    let client =
        simulator.client_builder().poll_every(Duration::from_millis(1)).store(store).build().unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let mut missed = 0;
    for number in 0..BOOKS {
        let text = book(&mut random, [300, 1_000, 5_000, 12_000][number % 4]);
        let pieces = client.speak(&text).in_pieces().max_characters([80, 400, 4_096][number % 3]);
        let plan = pieces.plan().await.unwrap();
        let recording = pieces.save(directory.path().join("book.wav")).await.unwrap();
        assert_eq!((plan.new + plan.repeated, plan.stored), (recording.pieces().len(), 0));
        let seconds: f64 = recording.pieces().iter().map(|piece| piece.duration().as_secs_f64()).sum();
        missed += usize::from(!plan.seconds.contains(&seconds));
    }
    assert!(missed * 100 <= BOOKS * 5, "{missed} of {BOOKS} are outside of their range");
}
