//! The blocking client behaves like the async client.

mod batches;
mod surface;
mod within_async;

use std::{
    fs,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use distribute_ai::{
    blocking::{
        Audio, AudioStream, Batch, Client, Results, Simulator, Speak, Speech, SpeechTask, Update, Updates,
    },
    testing::{self, Fault, Host, Route, Script, TaskOutcome},
    types::KnownStatus,
};

/// Starts a simulator whose tasks take 30 ms, and builds a client that polls every 10 ms.
fn quick() -> (Simulator, Client) {
    let simulator =
        Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(30)).start().unwrap();
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.base_url())
        .poll_every(Duration::from_millis(10))
        .build()
        .unwrap();
    (simulator, client)
}

#[test]
fn blocking_client_speaks_waits_and_downloads() {
    let (simulator, client) = quick();
    let expected = testing::Simulator::audio_of("Hello");
    let speech = client.speak("Hello").voice("nora").temperature(0.6).run().unwrap();

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wav");
    assert_eq!(speech.save(&path).unwrap(), expected.len() as u64);
    assert_eq!(fs::read(path).unwrap(), expected);
    assert_eq!(speech.audio().unwrap().bytes().unwrap(), expected);
    let chunks: Result<Vec<_>, _> = speech.audio().unwrap().stream().collect();
    assert_eq!(chunks.unwrap().concat(), expected);
    assert_eq!(speech.audios().count(), 1);
    assert!(speech.server_time().is_some() && speech.created_at() < speech.finished_at());

    assert_eq!(simulator.tasks(), [(speech.id().clone(), "Hello".to_owned())]);
    assert_eq!((simulator.downloads(), simulator.leaks()), (3, 0));
}

#[test]
fn blocking_wait_in_another_client_returns_speech() {
    let (simulator, client) = quick();
    let submitted = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&submitted);
    let speak = client.speak("Hello").on_submitted(move |id| recorder.lock().unwrap().push(id.clone()));
    let id = speak.submit().unwrap().id().clone();
    assert_eq!(submitted.lock().unwrap().as_slice(), std::slice::from_ref(&id));
    drop(client);

    let client = simulator.client();
    assert_eq!(client.task(id.clone()).wait().run().unwrap().id(), &id);
    assert_eq!(client.task(id).status().unwrap(), KnownStatus::Completed);
    assert_eq!(simulator.creates(), 1);
}

#[test]
fn blocking_updates_end_after_speech() {
    let (simulator, client) = quick();
    let mut updates = client.speak("Hello").submit().unwrap().updates();
    let seen: Vec<_> = updates.by_ref().map(|update| update.unwrap().into_speech()).collect();
    assert!(seen.last().unwrap().is_some(), "the last update has the speech");
    assert!(updates.next().is_none());
    let polls = simulator.polls();
    assert!(client.task(simulator.tasks()[0].0.clone()).updates().deadline(Duration::ZERO).count() == 1);
    assert_eq!(simulator.polls(), polls + 1);
}

#[test]
fn blocking_wait_error_carries_task_id() {
    let (simulator, client) = quick();
    simulator.outcome_of("Never", TaskOutcome::never_ends());
    simulator.outcome_of("Fails", TaskOutcome::fails());

    let task = client.speak("Never").submit().unwrap();
    let error = task.wait().deadline(Duration::from_millis(50)).run().unwrap_err();
    assert!(error.is_deadline(), "{error}");
    assert_eq!(error.task_id(), Some(task.id()));
    let error = client.speak("Never").deadline(Duration::from_millis(50)).run().unwrap_err();
    assert!(error.is_deadline() && error.task_id().is_some(), "{error}");

    let error = client.speak("Fails").run().unwrap_err();
    assert!(error.is_failed() && error.task_id().is_some(), "{error}");
}

#[test]
fn blocking_wait_survives_poll_faults_and_outage() {
    let (simulator, client) = quick();
    simulator.script(Route::Result, Script::steps([Fault::status(503), Fault::reset()].map(Some)));
    client.speak("Hello").run().unwrap();
    assert_eq!(simulator.faults(), 2);

    let task = client.speak("Hello again").submit().unwrap();
    simulator.down_for(Host::Api, Duration::from_millis(150)).unwrap();
    task.wait().run().unwrap();
    assert_eq!(simulator.creates(), 2);

    simulator.go_down(Host::Api).unwrap();
    assert!(task.status().unwrap_err().is_unanswered());
    simulator.come_up(Host::Api).unwrap();
    task.status().unwrap();
}

#[test]
fn blocking_submit_in_doubt_is_not_sent_again() {
    let (simulator, client) = quick();
    simulator.script(Route::Create, Script::always(Fault::reset().after_accepting()));
    let error = client.speak("Hello").run().unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(simulator.creates(), 1);
    let error = client.speak("Hello").resubmit_in_doubt(1).submit().unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(simulator.creates(), 3);
}

#[test]
fn blocking_submit_with_invalid_input_sends_nothing() {
    let (simulator, client) = quick();
    let error = client.speak("x").run().unwrap_err();
    assert_eq!(error.to_string(), "input: length 1 is too short, expected at least 2 characters");
    let error = client.speak("Hello").cfg_weight(7.0).submit().unwrap_err();
    assert_eq!(error.to_string(), "cfg_weight: 7 is out of range, expected 0 to 1");
    assert_eq!(simulator.requests(), 0);
    assert!(Client::builder().build().unwrap_err().is_invalid());
}

#[test]
fn blocking_client_is_shared_by_threads() {
    let (simulator, client) = quick();
    thread::scope(|scope| {
        for number in 0..8 {
            let client = client.clone();
            scope.spawn(move || client.speak(format!("Number {number}")).stream(false).run().unwrap());
        }
    });
    assert_eq!(simulator.creates(), 8);
}

#[test]
fn blocking_handles_outlive_client() {
    let (_simulator, client) = quick();
    let task = client.speak("Hello").exaggeration(0.3).submit().unwrap();
    drop(client);
    let speech = task.wait().run().unwrap();
    drop(task);
    let audio = speech.audio().unwrap();
    drop(speech);
    assert_eq!(audio.bytes().unwrap(), testing::Simulator::audio_of("Hello"));
}

#[test]
fn blocking_types_are_send() {
    fn assert_send<T: Send + 'static>() {}
    fn assert_shared<T: Send + Sync + Clone + 'static>() {}
    assert_shared::<Client>();
    assert_shared::<Speak>();
    assert_shared::<SpeechTask>();
    assert_shared::<Speech>();
    assert_shared::<Audio>();
    assert_shared::<Update>();
    assert_send::<Updates>();
    assert_send::<AudioStream>();
    assert_send::<Batch<String>>();
    assert_send::<Results<String>>();
    assert_send::<Simulator>();
}
