//! Where a call would hold up the tasks of a runtime it is refused, and nowhere else.

use std::{panic, sync::mpsc};

use distribute_ai::{Error, blocking::Simulator};
use tokio::{
    runtime::{Builder, Runtime},
    task::{LocalSet, block_in_place, coop::unconstrained, spawn_blocking},
};

use super::quick;
use crate::support::ID;

fn one_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).build().unwrap()
}

#[track_caller]
fn refused(error: &Error) {
    assert!(error.is_invalid(), "{error}");
    let said = "blocking client: called within an async runtime, whose tasks it would hold up; use \
                `distribute_ai::Client` there, or call it in `tokio::task::spawn_blocking`";
    assert!(error.to_string().starts_with(said), "{error}");
}

#[test]
fn every_call_that_waits_is_refused_before_anything_is_sent() {
    let (simulator, client) = quick();
    let speech = client.speak("Hello").wait().unwrap();
    let (requests, downloads) = (simulator.requests(), simulator.downloads());
    one_thread().block_on(async {
        let audio = speech.audio().unwrap();
        let task = client.task(ID.parse().unwrap());
        refused(&client.speak("Hello").wait().unwrap_err());
        refused(&client.speak("Hello").submit().unwrap_err());
        refused(&client.batch([("a", "One.")]).run().unwrap_err());
        for error in [
            task.wait().unwrap_err(),
            task.wait_for(std::time::Duration::ZERO).unwrap_err(),
            task.status().unwrap_err(),
            task.updates().next().unwrap().unwrap_err(),
            speech.save("never.wav").unwrap_err(),
            audio.bytes().unwrap_err(),
            audio.stream().next().unwrap().unwrap_err(),
        ] {
            refused(&error);
            assert!(error.task_id().is_some(), "{error}");
        }
        assert_eq!(task.updates().count(), 1, "a refusal is the last item");
        assert!(Simulator::start().unwrap_err().to_string().contains("within an async runtime"));
    });
    assert_eq!((simulator.requests(), simulator.downloads()), (requests, downloads));
}

#[test]
fn results_cannot_be_asked_for_and_are_not_lost() {
    let (simulator, client) = quick();
    let mut results = client.batch([("a", "One.")]).run().unwrap();
    let asked = one_thread()
        .block_on(async { panic::catch_unwind(panic::AssertUnwindSafe(|| drop(results.next()))) });
    let words = asked.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("within an async runtime"), "{words}");
    assert_eq!(simulator.requests(), 0);
    assert!(results.next().unwrap().1.is_ok(), "outside it goes on");
}

#[test]
fn in_tasks_of_every_kind() {
    let (simulator, client) = quick();
    let call = || client.clone().speak("Hello").submit().unwrap_err();

    let client_of_task = client.clone();
    let spawned = workers().block_on(async move {
        tokio::spawn(async move { client_of_task.speak("Hello").submit().unwrap_err() }).await.unwrap()
    });
    refused(&spawned);
    refused(&one_thread().block_on(LocalSet::new().run_until(async { call() })));
    // Also in the thread of another client.
    let (told, heard) = mpsc::channel();
    let (inner, outer) = (client.clone(), simulator.client());
    let nested = move |_: &_| told.send(inner.speak("Hello").submit().unwrap_err()).unwrap();
    outer.speak("Hello").on_submitted(nested).submit().unwrap();
    refused(&heard.recv().unwrap());
    assert_eq!(simulator.creates(), 1);
}

#[test]
fn where_it_cannot_be_told_tokio_panics_before_anything_is_sent() {
    let (simulator, client) = quick();
    let asked = one_thread().block_on(unconstrained(async {
        panic::catch_unwind(panic::AssertUnwindSafe(|| client.speak("Hello").submit().map(drop)))
    }));
    assert!(asked.is_err());
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn it_works_where_a_runtime_allows_blocking() {
    let (simulator, client) = quick();
    let (first, second) = (client.clone(), client.clone());
    workers().block_on(async move {
        spawn_blocking(move || first.speak("One").wait().unwrap()).await.unwrap();
        tokio::spawn(async move { block_in_place(|| second.speak("Two").wait().unwrap()) }).await.unwrap();
    });
    let runtime = one_thread();
    let _entered = runtime.enter();
    client.speak("Three").wait().unwrap();
    assert_eq!(simulator.spoken(), ["One", "Two", "Three"]);
}

#[test]
fn clients_are_made_and_dropped_anywhere() {
    let (simulator, client) = quick();
    one_thread().block_on(async move {
        drop(client.clone());
        drop(simulator.client());
        drop((client, simulator));
    });
}
