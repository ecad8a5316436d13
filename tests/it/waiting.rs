//! Waiting for a task with its id: results, updates, deadlines, and types that cross threads.

use std::time::Duration;

use distribute_ai::{Error, SpeechTask, TaskId};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Action, ID, ScriptedServer, builder, client, completed_result, result, serve_result};

fn id() -> TaskId {
    ID.parse().unwrap()
}

#[tokio::test]
async fn poll_is_not_sent_before_wait_is_awaited() {
    let server =
        ScriptedServer::start([Action::json("200 OK", &completed_result("https://example.com/a.wav"))]).await;
    let task = client(&server.url).task(id());
    let (_wait, _updates) = (task.wait(), task.updates());
    assert!(server.requests().is_empty());
    task.wait().await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn updates_yield_each_status_change_until_completion() {
    let statuses = ["CREATED", "QUEUED", "QUEUED", "NEW_ONE", "NEW_ONE", "PROCESSING"];
    let mut script: Vec<_> = statuses.iter().map(|status| Action::json("200 OK", &result(status))).collect();
    script.push(Action::Close);
    script.push(Action::json("200 OK", &completed_result("https://example.com/a.wav")));
    let server = ScriptedServer::start(script).await;

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
    assert!(updates.next().await.is_none(), "the stream stays ended");
    assert_eq!(server.requests().len(), 8);
}

#[tokio::test]
async fn updates_yield_first_status_before_first_pause() {
    let server = serve_result(result("QUEUED"));
    let slow = builder(&server.base_url()).poll_every(Duration::from_secs(3600)).build().unwrap();
    let mut updates = slow.task(id()).updates();
    assert_eq!(updates.next().await.unwrap().unwrap().status().to_string(), "QUEUED");
}

#[tokio::test]
async fn failed_task_is_error_of_wait_and_status_of_updates() {
    let server = serve_result(result("ERROR"));
    let task = client(&server.base_url()).task(id());
    let error = task.wait().await.unwrap_err();
    assert!(error.is_failed());
    assert_eq!(error.task_id(), Some(&id()));

    let updates: Vec<_> = task.updates().collect().await;
    let [Ok(update)] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!(update.status().to_string(), "ERROR");
}

#[tokio::test]
async fn wait_past_deadline_reports_task_id_and_last_status() {
    let server = serve_result(result("QUEUED"));
    let error =
        client(&server.base_url()).speak("Hello").deadline(Duration::from_millis(80)).await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.task_id(), Some(&id()));
    assert_eq!(
        error.to_string(),
        format!(
            "no result within 80ms (last status QUEUED); the task continues, so wait for it again [task {ID}]"
        )
    );

    let updates: Vec<_> =
        client(&server.base_url()).task(id()).updates().deadline(Duration::ZERO).collect().await;
    assert_eq!(updates.len(), 2, "one status and one error: {updates:?}");
    assert!(updates[1].as_ref().unwrap_err().is_deadline());
}

#[tokio::test]
async fn wait_with_max_deadline_does_not_overflow() {
    let server = serve_result(completed_result("https://example.com/a.wav"));
    client(&server.base_url()).speak("Hello").deadline(Duration::MAX).await.unwrap();
}

#[tokio::test]
async fn wait_with_max_poll_interval_completes() {
    let server = serve_result(completed_result("https://example.com/a.wav"));
    let client = builder(&server.base_url()).poll_every(Duration::MAX).build().unwrap();
    client.speak("Hello").deadline(Duration::from_millis(50)).await.unwrap();
}

#[tokio::test]
async fn submit_passes_task_id_to_callback_before_wait() {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID})), Action::StayOpen]).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let speak = client(&server.url).speak("Hello").on_submitted(move |id| sender.send(id.clone()).unwrap());
    // `select!` drops the wait before it completes.
    tokio::select! {
        outcome = speak.into_future() => panic!("the server does not respond to the poll: {outcome:?}"),
        task_id = receiver.recv() => assert_eq!(task_id, Some(id())),
    }
}

fn unreachable_value<T>() -> T {
    unreachable!("used only for its type")
}

#[test]
fn public_types_and_futures_are_send() {
    fn assert_send<T: Send>(_: T) {}
    fn assert_shared<T: Send + Sync + 'static>() {}
    assert_shared::<distribute_ai::Client>();
    assert_shared::<distribute_ai::ClientBuilder>();
    assert_shared::<distribute_ai::Speech>();
    assert_shared::<distribute_ai::Audio>();
    assert_shared::<SpeechTask>();
    assert_shared::<TaskId>();
    assert_shared::<Error>();

    let client = client("http://127.0.0.1:9");
    let task = client.task(id());
    assert_send(client.speak("Hello"));
    assert_send(client.speak("Hello").into_future());
    assert_send(client.speak("Hello").submit());
    assert_send(task.wait().into_future());
    assert_send(task.updates());
    assert_send(async move { task.status().await });
    let download = async |speech: distribute_ai::Speech| {
        let audio = speech.audio()?;
        audio.stream().count().await;
        audio.bytes().await?;
        audio.save("x").await
    };
    if false {
        // Never runs: the test checks the type of the future, not of the closure.
        assert_send(download(unreachable_value()));
    }
    assert_send(async move {
        client.async_speech_result(&distribute_ai::types::TaskQuery::new(ID)).await.is_ok()
    });
}
