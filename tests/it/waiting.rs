//! Submit here, wait anywhere.

use std::time::Duration;

use distribute_ai::{Error, SpeechTask, TaskId};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Act, ID, Socket, builder, client, completed, result, serving};

fn id() -> TaskId {
    ID.parse().unwrap()
}

#[tokio::test]
async fn resuming_sends_nothing_until_it_is_asked() {
    let server = Socket::play([Act::json("200 OK", &completed("https://example.com/a.wav"))]).await;
    let task = client(&server.url).task(id());
    let (_wait, _updates) = (task.wait(), task.updates());
    assert!(server.requests().is_empty());
    task.wait().await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn updates_are_the_changes_up_to_the_last() {
    let statuses = ["CREATED", "QUEUED", "QUEUED", "NEW_ONE", "NEW_ONE", "PROCESSING"];
    let mut script: Vec<_> = statuses.iter().map(|status| Act::json("200 OK", &result(status))).collect();
    script.push(Act::HangUp);
    script.push(Act::json("200 OK", &completed("https://example.com/a.wav")));
    let server = Socket::play(script).await;

    let mut seen = Vec::new();
    let mut speech = None;
    let mut updates = client(&server.url).task(id()).updates();
    while let Some(update) = updates.next().await {
        let update = update.unwrap();
        seen.push(update.status().to_string());
        speech = update.into_speech();
    }
    assert_eq!(seen, ["CREATED", "QUEUED", "NEW_ONE", "PROCESSING", "COMPLETED"]);
    assert_eq!(speech.unwrap().audio().unwrap().url(), "https://example.com/a.wav");
    assert!(updates.next().await.is_none(), "it stays ended");
    assert_eq!(server.requests().len(), 8);
}

#[tokio::test]
async fn the_first_update_comes_before_the_first_sleep() {
    let server = serving(result("QUEUED"));
    let slow = builder(&server.base_url()).poll_every(Duration::from_secs(3600)).build().unwrap();
    let mut updates = slow.task(id()).updates();
    assert_eq!(updates.next().await.unwrap().unwrap().status().to_string(), "QUEUED");
}

#[tokio::test]
async fn a_task_that_failed_is_an_error_for_a_wait_and_a_status_for_updates() {
    let server = serving(result("ERROR"));
    let task = client(&server.base_url()).task(id());
    let error = task.wait().await.unwrap_err();
    assert!(error.is_failed());
    assert_eq!(error.task_id(), Some(&id()));

    let updates: Vec<_> = task.updates().collect().await;
    let [Ok(update)] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!(update.status().to_string(), "ERROR");
}

#[tokio::test]
async fn the_deadline_hands_back_the_id_and_what_is_known() {
    let server = serving(result("QUEUED"));
    let error =
        client(&server.base_url()).speak("Hello").deadline(Duration::from_millis(80)).await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.task_id(), Some(&id()));
    assert_eq!(error.to_string(), format!("no result within 80ms (last status QUEUED) [task {ID}]"));

    let updates: Vec<_> =
        client(&server.base_url()).task(id()).updates().deadline(Duration::ZERO).collect().await;
    assert_eq!(updates.len(), 2, "one look, one end: {updates:?}");
    assert!(updates[1].as_ref().unwrap_err().is_deadline());
}

#[tokio::test]
async fn an_endless_deadline_is_no_overflow() {
    let server = serving(completed("https://example.com/a.wav"));
    client(&server.base_url()).speak("Hello").deadline(Duration::MAX).await.unwrap();
}

#[tokio::test]
async fn a_pace_of_never_loses_no_task() {
    let server = serving(completed("https://example.com/a.wav"));
    let client = builder(&server.base_url()).poll_every(Duration::MAX).build().unwrap();
    client.speak("Hello").deadline(Duration::from_millis(50)).await.unwrap();
}

#[tokio::test]
async fn the_id_is_handed_out_before_the_wait() {
    let server = Socket::play([Act::json("200 OK", &json!({"id": ID})), Act::Keep]).await;
    let (keep, mut kept) = mpsc::unbounded_channel();
    let speak = client(&server.url).speak("Hello").on_submitted(move |id| keep.send(id.clone()).unwrap());
    // Which is dropped in the middle.
    tokio::select! {
        end = speak.into_future() => panic!("the server says nothing: {end:?}"),
        handed_out = kept.recv() => assert_eq!(handed_out, Some(id())),
    }
}

fn never<T>() -> T {
    unreachable!("for its type only")
}

#[test]
fn what_is_held_across_threads_can_be() {
    fn sent<T: Send>(_: T) {}
    fn shared<T: Send + Sync + 'static>() {}
    shared::<distribute_ai::Client>();
    shared::<distribute_ai::ClientBuilder>();
    shared::<distribute_ai::Speech>();
    shared::<distribute_ai::Audio>();
    shared::<SpeechTask>();
    shared::<TaskId>();
    shared::<Error>();

    let client = client("http://127.0.0.1:9");
    let task = client.task(id());
    sent(client.speak("Hello"));
    sent(client.speak("Hello").into_future());
    sent(client.speak("Hello").submit());
    sent(task.wait().into_future());
    sent(task.updates());
    sent(async move { task.status().await });
    let fetched = async |speech: distribute_ai::Speech| {
        let audio = speech.audio()?;
        audio.stream().count().await;
        audio.bytes().await?;
        audio.save("x").await
    };
    if false {
        // Never run: it is the future that is looked at, not the closure.
        sent(fetched(never()));
    }
    sent(async move {
        client.async_speech_result(&distribute_ai::types::TaskQuery { id: ID.into() }).await.is_ok()
    });
}
