//! Batches of the blocking client, and their submissions in flight when the results are dropped.

use std::{
    collections::{BTreeSet, HashMap},
    panic,
    path::Path,
    thread,
    time::Duration,
};

use distribute_ai::{
    blocking::{Client, Results, Simulator, Store},
    testing::{Fault, Route, Script, TaskOutcome},
};

use super::quick;

/// Returns the task ids in a store.
fn stored_task_ids(store: &Path) -> BTreeSet<String> {
    let entries = Store::open(store).unwrap().entries();
    entries.filter_map(|entry| Some(entry.unwrap().task_id()?.to_string())).collect()
}

fn billed(simulator: &Simulator) -> BTreeSet<String> {
    simulator.tasks().iter().map(|(id, _)| id.to_string()).collect()
}

/// Starts a batch of ten requests that the server accepts at once. All responses but the first take 300 ms.
fn start_slow_batch(client: &Client, simulator: &Simulator, store: &Path) -> Results<i32> {
    simulator.outcomes(Script::always(TaskOutcome::never_ends()));
    simulator.outcome_of("Text 0.", TaskOutcome::completes());
    let slow = Fault::slow_drip(4, Duration::from_millis(25));
    // The first response is fast, so that `next` returns while the others are in flight.
    simulator.script(Route::Create, Script::from_nth(2, slow));
    let requests = (0..10).map(|number| (number, format!("Text {number}.")));
    client.batch(requests).store(store).run().unwrap()
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
    let store = directory.path().join("speeches");
    let batch = || client.batch([("a", "One."), ("b", "Two.")]).store(&store);
    let refused = [
        (client.batch([("a", "One."), ("a", "Two.")]).store(&store), "duplicate key"),
        (client.batch(HashMap::<&str, String>::new()).store(&store), "no requests"),
        (batch().max_in_flight(0), "max_in_flight: 0 is too small"),
        (batch().requests_per_second(0.0), "requests_per_second: "),
    ];
    for (batch, expected) in refused {
        let error = batch.run().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
        assert!(!store.exists(), "{expected}");
    }
    let error = batch().store(directory.path().join("missing/store")).run().unwrap_err();
    assert!(error.to_string().contains("its parent is missing"), "{error}");
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn blocking_batch_second_run_submits_nothing() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("speeches");
    for _run in 0..2 {
        let batch = client.batch([("a", "One."), ("b", "Two.")]).store(&store).requests_per_second(50.0);
        assert!(batch.run().unwrap().all(|(_, speech)| speech.is_ok()));
    }
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn blocking_batch_takes_an_open_store() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for _ in 0..2 {
        let mut results = client.batch([("a", "One."), ("b", "Two.")]).store(&store).run().unwrap();
        assert!(results.all(|(_, speech)| speech.is_ok()));
    }
    assert_eq!((store.entries().count(), simulator.creates()), (2, 2));
    assert!(client.batch([("a", "One.")]).store(store).run().unwrap().all(|(_, speech)| speech.is_ok()));
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn blocking_batch_drop_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("speeches");
    let mut results = start_slow_batch(&client, &simulator, &store);
    drop(client);
    assert!(results.next().unwrap().1.is_ok());
    // The results are the last handle that came from the client.
    drop(results);

    let billed = billed(&simulator);
    assert!(billed.len() > 1, "{billed:?}");
    assert_eq!(stored_task_ids(&store), billed);
    let requests = simulator.requests();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(simulator.requests(), requests, "nothing more is sent");
}

#[test]
fn blocking_batch_drop_by_caller_panic_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("speeches");
    let mut results = start_slow_batch(&client, &simulator, &store);
    let caller = panic::catch_unwind(panic::AssertUnwindSafe(move || {
        assert!(results.next().unwrap().1.is_ok());
        panic::resume_unwind(Box::new("caller panic"));
    }));
    assert!(caller.is_err());
    assert!(simulator.creates() > 1);
    assert_eq!(stored_task_ids(&store), billed(&simulator));
}

#[test]
fn blocking_batch_drop_in_async_code_waits_for_pending_submissions() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("speeches");
    let mut results = start_slow_batch(&client, &simulator, &store);
    assert!(results.next().unwrap().1.is_ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move { drop((results, client)) });
    assert!(simulator.creates() > 1);
    assert_eq!(stored_task_ids(&store), billed(&simulator));
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
    let undelivered = results.stop();
    let [(1, Err(error))] = undelivered.as_slice() else { panic!("{undelivered:?}") };
    assert!(error.is_stopped() && error.task_id().is_some(), "{error}");
}
