//! Requests with a store, over sockets and files.

mod again;
mod audio;
mod durations;
mod entries;
mod examples;
mod in_doubt;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    pin::pin,
    sync::mpsc,
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

    /// Returns the audio files of the store.
    fn audio_files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "wav")).collect()
    }

    /// Returns the only audio file of the store.
    fn audio_file(&self) -> PathBuf {
        let mut audio = self.audio_files();
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
    let rest = |speech: &Speech| (speech.result().model.is_none(), speech.result().results.is_empty());
    assert_eq!((rest(&first), rest(&second)), ((false, false), (true, true)), "as `Speech::result` says");
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
    let (sender, receiver) = mpsc::channel();
    let speak = || {
        let sender = sender.clone();
        client.speak(TEXT).on_submitted(move |id| sender.send(id.clone()).unwrap())
    };
    let mut submission = Box::pin(speak().submit());
    while fixture.simulator.creates() == 0 {
        assert!(timeout(Duration::from_millis(2), &mut submission).await.is_err(), "not finished yet");
    }
    drop(submission);
    let id = fixture.simulator.tasks()[0].0.clone();
    assert_eq!(*speak().await.unwrap().id(), id);
    assert_eq!(fixture.simulator.creates(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [id], "the callback runs once");
}
