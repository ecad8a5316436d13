//! Batches of the blocking client, and their submissions in flight when the results are dropped.

use std::{
    collections::{BTreeSet, HashMap},
    fs, panic,
    path::Path,
    thread,
    time::Duration,
};

use distribute_ai::{
    blocking::{Client, Results, Simulator},
    testing::{Fault, Route, Script, TaskOutcome},
};
use serde_json::Value;

use super::quick;

/// Returns the task ids in a journal.
fn journal_task_ids(journal: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(journal).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect()
}

fn billed(simulator: &Simulator) -> BTreeSet<String> {
    simulator.tasks().iter().map(|(id, _)| id.to_string()).collect()
}

/// Starts a batch of ten requests that the server accepts at once. All responses but the first take 300 ms.
fn start_slow_batch(client: &Client, simulator: &Simulator, journal: &Path) -> Results<i32> {
    simulator.outcomes(Script::always(TaskOutcome::never_ends()));
    simulator.outcome_of("Text 0.", TaskOutcome::completes());
    let slow = Fault::slow_drip(4, Duration::from_millis(25));
    // The first response is fast, so that `next` returns while the others are in flight.
    simulator.script(Route::Create, Script::from_nth(2, slow));
    let requests = (0..10).map(|number| (number, format!("Text {number}.")));
    client.batch(requests).journal(journal).run().unwrap()
}

#[test]
fn blocking_batch_in_order_returns_each_key_once() {
    let (simulator, client) = quick();
    simulator.outcome_of("Text 3.", TaskOutcome::fails());
    let requests = (0..20).map(|number| (number, client.speak(format!("Text {number}.")).voice("nora")));
    let results = client.batch(requests).max_in_flight(8).in_order().run().unwrap();
    let progress = results.progress();
    let outcomes: Vec<_> = results.map(|(key, speech)| (key, speech.is_ok())).collect();
    assert!(outcomes.into_iter().eq((0..20).map(|number| (number, number != 3))));
    assert_eq!((progress.borrow().done, progress.borrow().failed), (19, 1));
    assert_eq!(simulator.creates(), 20);
}

#[test]
fn blocking_batch_with_invalid_settings_is_rejected_before_sending() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let batch = || client.batch([("a", "One."), ("b", "Two.")]).journal(&journal);
    let refused = [
        (client.batch([("a", "One."), ("a", "Two.")]).journal(&journal), "duplicate key"),
        (client.batch(HashMap::<&str, String>::new()).journal(&journal), "no requests"),
        (batch().max_in_flight(0), "max_in_flight: 0 is too small"),
        (batch().requests_per_second(0.0), "requests_per_second: "),
        (batch().journal(directory.path()), "is a directory"),
    ];
    for (batch, expected) in refused {
        let error = batch.run().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
        assert!(!journal.exists(), "{expected}");
    }
    let in_use = batch().run().unwrap();
    let error = batch().run().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("in use by another run"), "{error}");
    drop(in_use);
    assert!(batch().run().is_ok(), "dropping the results has unlocked the journal");
    assert!(batch().journal(directory.path().join("missing/talk.journal")).run().unwrap_err().is_io());
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn blocking_batch_second_run_resumes_from_journal() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    for _run in 0..2 {
        let batch = client.batch([("a", "One."), ("b", "Two.")]).journal(&journal).requests_per_second(50.0);
        assert!(batch.run().unwrap().all(|(_, speech)| speech.is_ok()));
    }
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn blocking_batch_drop_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = start_slow_batch(&client, &simulator, &journal);
    drop(client);
    assert!(results.next().unwrap().1.is_ok());
    // The results are the last handle that came from the client.
    drop(results);

    let billed = billed(&simulator);
    assert!(billed.len() > 1, "{billed:?}");
    assert_eq!(journal_task_ids(&journal), billed);
    let requests = simulator.requests();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(simulator.requests(), requests, "nothing more is sent");
}

#[test]
fn blocking_batch_drop_by_caller_panic_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = start_slow_batch(&client, &simulator, &journal);
    let caller = panic::catch_unwind(panic::AssertUnwindSafe(move || {
        assert!(results.next().unwrap().1.is_ok());
        panic::resume_unwind(Box::new("caller panic"));
    }));
    assert!(caller.is_err());
    assert!(simulator.creates() > 1);
    assert_eq!(journal_task_ids(&journal), billed(&simulator));
}

#[test]
fn blocking_batch_drop_in_async_code_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = start_slow_batch(&client, &simulator, &journal);
    assert!(results.next().unwrap().1.is_ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move { drop((results, client)) });
    assert!(simulator.creates() > 1);
    assert_eq!(journal_task_ids(&journal), billed(&simulator));
}

#[test]
fn blocking_batch_without_next_sends_nothing() {
    let (simulator, client) = quick();
    drop(client.batch([("a", "One.")]).run().unwrap());
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn blocking_batch_stop_returns_task_ids_of_billed_tasks() {
    let simulator = Simulator::builder().running(Duration::from_secs(60)).start().unwrap();
    let client = simulator.client();
    let requests = [client.speak("One."), client.speak("Two.").deadline(Duration::from_millis(50))];
    let mut results = client.batch((1..).zip(requests)).run().unwrap();
    let (_, first) = results.next().unwrap();
    assert!(first.unwrap_err().is_deadline());
    let undelivered = results.stop().unwrap();
    let [(1, Err(error))] = undelivered.as_slice() else { panic!("{undelivered:?}") };
    assert!(error.is_stopped() && error.task_id().is_some(), "{error}");
}
