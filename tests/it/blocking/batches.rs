//! Many at once; and what is on its way when they are dropped.

use std::{collections::BTreeSet, fs, panic, path::Path, thread, time::Duration};

use distribute_ai::{
    blocking::{Client, Results, Simulator},
    testing::{Fault, Route, Script, TaskOutcome},
};
use serde_json::Value;

use super::quick;

/// The ids that a journal holds.
fn noted(journal: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(journal).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect()
}

fn billed(simulator: &Simulator) -> BTreeSet<String> {
    simulator.tasks().iter().map(|(id, _)| id.to_string()).collect()
}

/// Ten that are accepted at once, and whose replies take a third of a second.
fn slowly_answered(client: &Client, simulator: &Simulator, journal: &Path) -> Results<i32> {
    simulator.outcomes(Script::always(TaskOutcome::never_ends()));
    simulator.outcome_of("Text 0.", TaskOutcome::completes());
    let slow = Fault::slow_drip(4, Duration::from_millis(25));
    // The first one comes through, so that `next` returns while the others are on their way.
    simulator.script(Route::Create, Script::from_nth(2, slow));
    let requests = (0..10).map(|number| (number, format!("Text {number}.")));
    client.batch(requests).journal(journal).run().unwrap()
}

#[test]
fn every_key_comes_back_once_and_in_order_if_asked_for() {
    let (simulator, client) = quick();
    simulator.outcome_of("Text 3.", TaskOutcome::fails());
    let requests = (0..20).map(|number| (number, client.speak(format!("Text {number}.")).voice("nora")));
    let results = client.batch(requests).max_in_flight(8).in_order().run().unwrap();
    let progress = results.progress();
    let ends: Vec<_> = results.map(|(key, speech)| (key, speech.is_ok())).collect();
    assert!(ends.into_iter().eq((0..20).map(|number| (number, number != 3))));
    assert_eq!((progress.borrow().done, progress.borrow().failed), (19, 1));
    assert_eq!(simulator.creates(), 20);
}

#[test]
fn what_is_wrong_with_all_is_said_before_anything_is_sent() {
    let (simulator, client) = quick();
    let error = client.batch([("a", "One."), ("a", "Two.")]).run().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is there twice"), "{error}");
    let error = client.batch([("a", "One.")]).journal("/").run().unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn a_journal_of_one_run_is_taken_up_by_the_next() {
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
fn dropping_the_results_hears_what_is_being_submitted() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = slowly_answered(&client, &simulator, &journal);
    drop(client);
    assert!(results.next().unwrap().1.is_ok());
    // The last of all that came from the client.
    drop(results);

    let billed = billed(&simulator);
    assert!(billed.len() > 1, "{billed:?}");
    assert_eq!(noted(&journal), billed);
    let requests = simulator.requests();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(simulator.requests(), requests, "nothing more is sent");
}

#[test]
fn a_panic_of_the_callers_loses_nothing_either() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = slowly_answered(&client, &simulator, &journal);
    let caller = panic::catch_unwind(panic::AssertUnwindSafe(move || {
        assert!(results.next().unwrap().1.is_ok());
        panic::resume_unwind(Box::new("the caller's"));
    }));
    assert!(caller.is_err());
    assert!(simulator.creates() > 1);
    assert_eq!(noted(&journal), billed(&simulator));
}

#[test]
fn dropping_them_within_async_code_hears_it_as_well() {
    let (simulator, client) = quick();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let mut results = slowly_answered(&client, &simulator, &journal);
    assert!(results.next().unwrap().1.is_ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move { drop((results, client)) });
    assert!(simulator.creates() > 1);
    assert_eq!(noted(&journal), billed(&simulator));
}

#[test]
fn a_batch_that_was_never_asked_for_anything_sends_nothing() {
    let (simulator, client) = quick();
    drop(client.batch([("a", "One.")]).run().unwrap());
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn stopping_hands_out_what_was_paid_for() {
    let simulator = Simulator::builder().running(Duration::from_secs(60)).start_blocking().unwrap();
    let client = simulator.client();
    let requests = [client.speak("One."), client.speak("Two.").deadline(Duration::from_millis(50))];
    let mut results = client.batch((1..).zip(requests)).run().unwrap();
    let (_, first) = results.next().unwrap();
    assert!(first.unwrap_err().is_deadline());
    let left = results.stop().unwrap();
    let [(1, Err(error))] = left.as_slice() else { panic!("{left:?}") };
    assert!(error.is_stopped() && error.task_id().is_some(), "{error}");
}
