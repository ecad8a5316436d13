//! Lines that users write, and that have to compile. Those of batches are in `batch_start.rs`.

use std::sync::{Arc, Mutex};

use distribute_ai::{
    Client, ErrorKind,
    pacing::{Adaptive, Pacing},
    testing::Simulator,
    types::{KnownStatus, SpeechRequest},
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::support::ID;

/// A web application's state.
struct App {
    client: Client,
    pending: Mutex<JoinSet<Result<distribute_ai::Speech, distribute_ai::Error>>>,
}

#[tokio::test]
async fn speech_can_be_spawned_and_its_status_and_id_compared() {
    let simulator = Simulator::start().await.unwrap();
    let policy: Arc<dyn Pacing> = Arc::new(Adaptive::new());
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.base_url())
        .pacing(Arc::clone(&policy))
        .build()
        .unwrap();
    let speech = tokio::spawn(client.speak("Hello").into_future()).await.unwrap().unwrap();
    let task = client.task(speech.id().clone());
    assert!(task.status().await.unwrap() == KnownStatus::Completed);
    assert!(task.id() == speech.id() && task.id() == speech.id().as_str() && task.id() != ID);

    let app = App { client, pending: Mutex::default() };
    app.pending.lock().unwrap().spawn(app.client.speak("Hello again").into_future());
    let mut pending = std::mem::take(&mut *app.pending.lock().unwrap());
    assert!(pending.join_next().await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn error_kind_can_be_matched_and_sent_to_other_tasks() {
    let client = Client::builder().api_key("key").base_url("http://127.0.0.1:9").build().unwrap();
    let error = client.speak("x").await.unwrap_err();
    let label = match error.kind() {
        ErrorKind::Invalid => "invalid",
        kind => panic!("{kind}"),
    };
    assert_eq!(error.kind().to_string(), label);
    let (sender, mut receiver) = mpsc::channel(1);
    sender.send(error.clone()).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().kind(), error.kind());
}

#[tokio::test]
async fn request_is_built_from_its_text() {
    let simulator = Simulator::start().await.unwrap();
    let request = SpeechRequest::new("Hello".parse().unwrap()).voice("nora");
    let created = simulator.client().async_speech_create(&request).await.unwrap();
    assert_eq!(simulator.tasks()[0].0, created.id.as_str());
}
