//! Blocking calls are rejected where they would block the tasks of an async runtime, and allowed elsewhere.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
};

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
fn assert_rejected_in_async(error: &Error) {
    assert!(error.is_invalid(), "{error}");
    let expected = "blocking client: called within an async runtime, where the call would block other tasks; \
                use `distribute_ai::Client` there, or `tokio::task::spawn_blocking`";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn blocking_call_in_async_code_is_rejected_before_sending() {
    let (simulator, client) = quick();
    let speech = client.speak("Hello").run().unwrap();
    let (requests, downloads) = (simulator.requests(), simulator.downloads());
    one_thread().block_on(async {
        let audio = speech.audio().unwrap();
        let task = client.task(ID.parse().unwrap());
        assert_rejected_in_async(&client.speak("Hello").run().unwrap_err());
        assert_rejected_in_async(&client.speak("Hello").submit().unwrap_err());
        assert_rejected_in_async(&client.batch([("a", "One.")]).run().unwrap_err());
        for error in [
            task.wait().run().unwrap_err(),
            task.wait().deadline(std::time::Duration::ZERO).run().unwrap_err(),
            task.status().unwrap_err(),
            task.updates().next().unwrap().unwrap_err(),
            speech.save("never.wav").unwrap_err(),
            audio.bytes().unwrap_err(),
            audio.stream().next().unwrap().unwrap_err(),
        ] {
            assert_rejected_in_async(&error);
            assert!(error.task_id().is_some(), "{error}");
        }
        assert_eq!(task.updates().count(), 1, "the error is the last item");
        assert!(Simulator::start().unwrap_err().to_string().contains("within an async runtime"));
    });
    assert_eq!((simulator.requests(), simulator.downloads()), (requests, downloads));
}

#[test]
fn blocking_batch_next_in_async_code_blocks_the_thread_and_returns_results() {
    let (simulator, client) = quick();
    let mut results = client.batch([("a", "One."), ("b", "Two.")]).run().unwrap();
    assert!(one_thread().block_on(async { results.next() }).unwrap().1.is_ok());
    assert!(results.next().unwrap().1.is_ok(), "the batch continues outside the runtime");
    assert!(results.next().is_none());
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn blocking_batch_stop_in_async_code_blocks_the_thread_and_returns_results() {
    let (simulator, client) = quick();
    let mut results = client.batch([("a", "One."), ("b", "Two.")]).in_order().run().unwrap();
    assert!(results.next().unwrap().1.is_ok());
    let undelivered = one_thread().block_on(async { results.stop() });
    assert_eq!(undelivered.len(), 1);
    let ids = undelivered.iter().filter_map(|(_, result)| match result {
        Ok(speech) => Some(speech.id()),
        Err(error) => error.task_id(),
    });
    assert_eq!(simulator.creates(), 1 + ids.count() as u64);
}

#[test]
fn blocking_batch_stop_in_callback_of_same_client_panics() {
    let (_simulator, client) = quick();
    let results = Mutex::new(Some(client.batch([("a", "One.")]).run().unwrap()));
    let (sender, receiver) = mpsc::channel();
    let callback = move |_: &_| {
        let results = results.lock().unwrap().take().unwrap();
        sender.send(catch_unwind(AssertUnwindSafe(|| drop(results.stop()))).is_err()).unwrap();
    };
    client.speak("Hello").on_submitted(callback).submit().unwrap();
    assert!(receiver.recv().unwrap(), "stop panicked");
}

#[test]
fn blocking_batch_next_in_callback_of_same_client_panics_and_keeps_results() {
    let (simulator, client) = quick();
    let results = client.batch([("a", "One."), ("b", "Two.")]).run().unwrap();
    let results = Arc::new(Mutex::new(results));
    let (sender, receiver) = mpsc::channel();
    let in_callback = Arc::clone(&results);
    let callback = move |_: &_| {
        let next = catch_unwind(AssertUnwindSafe(|| drop(in_callback.lock().unwrap().next())));
        sender.send(next.is_err()).unwrap();
    };
    client.speak("Hello").on_submitted(callback).submit().unwrap();
    assert!(receiver.recv().unwrap(), "next panicked");
    results.clear_poison();
    let mut results = results.lock().unwrap();
    assert!((0..2).all(|_| results.next().unwrap().1.is_ok()));
    assert!(results.next().is_none());
    assert_eq!(simulator.creates(), 3);
}

#[test]
fn blocking_call_in_task_of_any_kind_is_rejected() {
    let (simulator, client) = quick();
    let call = || client.clone().speak("Hello").submit().unwrap_err();

    let client_of_task = client.clone();
    let spawned = workers().block_on(async move {
        tokio::spawn(async move { client_of_task.speak("Hello").submit().unwrap_err() }).await.unwrap()
    });
    assert_rejected_in_async(&spawned);
    assert_rejected_in_async(&one_thread().block_on(LocalSet::new().run_until(async { call() })));
    // The callback runs on the runtime thread of another blocking client.
    let (sender, receiver) = mpsc::channel();
    let (inner, outer) = (client.clone(), simulator.client());
    let nested = move |_: &_| sender.send(inner.speak("Hello").submit().unwrap_err()).unwrap();
    outer.speak("Hello").on_submitted(nested).submit().unwrap();
    assert_rejected_in_async(&receiver.recv().unwrap());
    assert_eq!(simulator.creates(), 1);
}

#[test]
fn blocking_call_in_unconstrained_task_is_rejected_before_sending() {
    let (simulator, client) = quick();
    let error = one_thread().block_on(unconstrained(async { client.speak("Hello").submit().unwrap_err() }));
    assert_rejected_in_async(&error);
    assert_eq!(simulator.requests(), 0);
}

#[test]
fn blocking_call_where_runtime_allows_blocking_succeeds() {
    let (simulator, client) = quick();
    let (first, second) = (client.clone(), client.clone());
    workers().block_on(async move {
        spawn_blocking(move || first.speak("One").run().unwrap()).await.unwrap();
        tokio::spawn(async move { block_in_place(|| second.speak("Two").run().unwrap()) }).await.unwrap();
    });
    let runtime = one_thread();
    let _entered = runtime.enter();
    client.speak("Three").run().unwrap();
    assert_eq!(simulator.spoken(), ["One", "Two", "Three"]);
}

/// The limits that the module documents: tokio does not tell these contexts from others.
#[test]
fn blocking_call_in_root_future_or_local_set_of_worker_runtime_blocks_the_thread() {
    let (simulator, client) = quick();
    workers().block_on(async { client.speak("Root").run().unwrap() });
    workers().block_on(LocalSet::new().run_until(async { client.speak("Local").run().unwrap() }));
    assert_eq!(simulator.spoken(), ["Root", "Local"]);
}

#[test]
fn blocking_call_in_callback_of_same_client_is_rejected() {
    let (simulator, client) = quick();
    let (sender, receiver) = mpsc::channel();
    let same = client.clone();
    let callback = move |_: &_| sender.send(same.speak("Again").submit().unwrap_err()).unwrap();
    client.speak("Hello").on_submitted(callback).submit().unwrap();
    assert_rejected_in_async(&receiver.recv().unwrap());
    assert_eq!(simulator.creates(), 1);
}

#[test]
fn blocking_client_can_be_created_and_dropped_in_async_code() {
    let (simulator, client) = quick();
    one_thread().block_on(async move {
        drop(client.clone());
        drop(simulator.client());
        drop((client, simulator));
    });
}
