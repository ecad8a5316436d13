//! Batches over sockets: results, order, backpressure, stopping, progress and panics.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{
    Error,
    testing::{Fault, Route, Script, Simulator},
};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Action, ID, ScriptedServer, builder, client, completed_result};

async fn quick() -> Simulator {
    Simulator::builder()
        .waiting(Duration::from_millis(20))
        .running(Duration::from_millis(20))
        .start()
        .await
        .unwrap()
}

fn texts(count: usize) -> impl Iterator<Item = (usize, String)> {
    (0..count).map(|number| (number, format!("Text number {number}.")))
}

#[tokio::test]
async fn batch_result_carries_its_key() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(20)).run().await.unwrap();
    let mut keys = Vec::new();
    while let Some((number, speech)) = results.next().await {
        let audio = speech.unwrap().audio().unwrap().bytes().await.unwrap();
        assert_eq!(audio, Simulator::audio_of(&format!("Text number {number}.")));
        keys.push(number);
    }
    keys.sort_unstable();
    assert_eq!(keys, (0..20).collect::<Vec<_>>());
    assert_eq!((simulator.creates(), simulator.leaks()), (20, 0));
    assert!(results.next().await.is_none(), "the stream stays ended");
}

#[tokio::test]
async fn batch_request_may_be_speech_with_settings() {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let client = client(&server.url);
    let speak = |text: &str| client.speak(text).voice("nora").deadline(Duration::from_millis(1));
    let _outcomes: Vec<_> = client.batch([("a", speak("Hello"))]).run().await.unwrap().collect().await;
    assert!(server.requests()[0].ends_with(r#"{"input":"Hello","model":"Chatterbox","voice":"nora"}"#));
}

#[tokio::test]
async fn batch_reads_stream_as_results_are_taken() {
    let simulator = quick().await;
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&read);
    let endless = stream::iter(texts(usize::MAX)).inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = simulator.client().batch_stream(endless).max_in_flight(3).run().await.unwrap();
    for _ in 0..7 {
        results.next().await.unwrap().1.unwrap();
    }
    results.stop().await;
    let read = read.load(Ordering::Relaxed);
    assert!((7..=10).contains(&read), "{read}");
    assert!(simulator.creates() <= 10);
}

#[tokio::test]
async fn batch_in_order_returns_results_in_request_order() {
    // The longer a text, the later its task completes.
    let simulator = Simulator::builder()
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .running_per_character(Duration::from_millis(10))
        .start()
        .await
        .unwrap();
    let texts = (0..6).map(|number| (number, "x".repeat(20 - 3 * number)));
    let batch = simulator.client().batch(texts);
    let keys: Vec<_> = batch
        .in_order()
        .run()
        .await
        .unwrap()
        .map(|(number, speech)| speech.map(|_| number).unwrap())
        .collect()
        .await;
    assert_eq!(keys, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn batch_without_consumer_sends_no_new_requests() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(50)).max_in_flight(5).run().await.unwrap();
    results.next().await.unwrap().1.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(simulator.creates() <= 6, "{}", simulator.creates());
    assert_eq!(results.count().await, 49);
}

#[tokio::test]
async fn batch_with_slow_consumer_keeps_task_id() {
    // The create response arrives while the consumer is busy for longer than the request timeout.
    let server = ScriptedServer::start([
        Action::json("200 OK", &json!({"id": ID})),
        Action::json("200 OK", &completed_result("http://127.0.0.1:9/a")),
    ])
    .await;
    let client = builder(&server.url).request_timeout(Duration::from_millis(500)).build().unwrap();
    let mut results = client.batch([("a", "Hello")]).run().await.unwrap();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "no result is ready yet");
    // All other tasks on this thread keep running.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    results.next().await.unwrap().1.unwrap();
}

#[tokio::test]
async fn batch_before_first_next_sends_nothing() {
    let simulator = quick().await;
    let results = simulator.client().batch(texts(3)).run().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(results);
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn batch_stop_waits_for_pending_submissions() {
    let server = ScriptedServer::start([Action::Stall(Vec::new())]).await;
    let client = builder(&server.url).request_timeout(Duration::from_secs(1)).build().unwrap();
    let mut results = client.batch(texts(10)).max_in_flight(4).run().await.unwrap();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "no result is ready yet");
    while server.requests().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let undelivered = results.stop().await;
    assert_eq!(undelivered.len(), 4);
    assert!(
        undelivered.iter().all(|(_, outcome)| outcome.as_ref().is_err_and(Error::is_in_doubt)),
        "four submissions are in doubt: {undelivered:?}"
    );
    assert_eq!(server.requests().len(), 4, "no other request is sent");
}

#[tokio::test]
async fn batch_stop_returns_task_ids_of_billed_tasks() {
    let simulator = Simulator::builder().running(Duration::from_secs(60)).start().await.unwrap();
    let client = simulator.client();
    simulator.script(Route::Create, Script::nth(2, Fault::reset().after_accepting()));
    let requests = texts(4).map(|(key, text)| (key, client.speak(text).resubmit_in_doubt(1)));
    let mut results = client.batch(requests).max_in_flight(3).run().await.unwrap();
    while simulator.creates() < 3 {
        assert!(timeout(Duration::from_millis(5), results.next()).await.is_err(), "no result is ready yet");
    }
    let undelivered = results.stop().await;
    assert_eq!(undelivered.len(), 3, "{undelivered:?}");
    let tasks: HashSet<_> = simulator.tasks().into_iter().map(|(id, _)| id).collect();
    let mut in_doubt = 0;
    for (_, outcome) in undelivered {
        let error = outcome.unwrap_err();
        if let Some(id) = error.task_id() {
            assert!(error.is_stopped() && tasks.contains(id), "{error}");
        } else {
            assert!(error.is_in_doubt(), "{error}");
            in_doubt += 1;
        }
    }
    assert!(in_doubt <= 1);
}

#[tokio::test]
async fn batch_progress_counts_each_request_once() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(8)).max_in_flight(2).run().await.unwrap();
    let progress = results.progress();
    let mut max_in_flight_seen = 0;
    while let Some((_, speech)) = results.next().await {
        speech.unwrap();
        let now = progress.borrow().clone();
        max_in_flight_seen = max_in_flight_seen.max(now.in_flight);
        assert_eq!(now.queued.unwrap() + now.in_flight + now.ended(), 8, "{now:?}");
    }
    let last = progress.borrow().clone();
    assert_eq!((last.queued, last.in_flight, last.done, last.failed, last.in_doubt), (Some(0), 0, 8, 0, 0));
    assert!(max_in_flight_seen <= 2 && last.requests_per_second > 0.0);
    assert_eq!(last.time_left, Some(Duration::ZERO));
}

#[tokio::test]
async fn batch_stream_with_duplicate_key_rejects_second_request() {
    let simulator = quick().await;
    let requests = stream::iter([("a", "Hello"), ("a", "Hello"), ("b", "World")]);
    let outcomes: Vec<_> =
        simulator.client().batch_stream(requests).in_order().run().await.unwrap().collect().await;
    let kinds: Vec<_> =
        outcomes.iter().map(|(_, outcome)| outcome.as_ref().is_err_and(Error::is_invalid)).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!(simulator.creates(), 2);
}

#[tokio::test]
async fn batch_rejects_speech_of_another_client() {
    let (simulator, other) = (quick().await, quick().await);
    let speech_of_other = other.client().speak("Hello");
    let outcomes: Vec<_> =
        simulator.client().batch([("a", speech_of_other)]).run().await.unwrap().collect().await;
    let error = outcomes[0].1.as_ref().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("another client"), "{error}");
    assert_eq!(simulator.requests() + other.requests(), 0);
}

#[tokio::test]
async fn batch_continues_after_on_submitted_panics() {
    let simulator = quick().await;
    let client = simulator.client();
    let speak = client.speak("Hello").on_submitted(|_| panic!("on purpose"));
    let outcomes: Vec<_> =
        client.batch([(1, speak), (2, client.speak("World"))]).run().await.unwrap().collect().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

#[tokio::test]
async fn batch_stream_panic_is_raised_after_earlier_results() {
    let simulator = quick().await;
    let requests =
        stream::iter(0..).map(|number| if number < 2 { (number, "Hello") } else { panic!("on purpose") });
    let mut results = simulator.client().batch_stream(requests).run().await.unwrap();
    let batch = tokio::spawn(async move {
        results.next().await.unwrap().1.unwrap();
        results.next().await.unwrap().1.unwrap();
        results.next().await
    });
    let panic = batch.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn batch_after_runtime_shutdown_yields_error_then_panics() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client("http://127.0.0.1:9");
    let mut results = runtime().block_on(client.batch([("a", "Hello")]).run()).unwrap();
    runtime().block_on(async { assert!(timeout(Duration::ZERO, results.next()).await.is_err()) });
    // The runtime that drove the batch is gone.
    let mut next = || runtime().block_on(results.next());
    assert!(next().unwrap().1.is_err());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(next)).is_err());
}

#[tokio::test]
async fn batch_key_display_panic_is_raised_after_earlier_results() {
    struct Key(u8);
    impl std::fmt::Display for Key {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(self.0 < 2, "on purpose");
            write!(f, "{}", self.0)
        }
    }
    let simulator = quick().await;
    let requests = stream::iter((0..9).map(|number| (Key(number), "Hello")));
    let mut results = simulator.client().batch_stream(requests).run().await.unwrap();
    let batch = tokio::spawn(async move {
        results.next().await.unwrap().1.unwrap();
        results.next().await.unwrap().1.unwrap();
        results.next().await.is_none()
    });
    assert!(batch.await.unwrap_err().is_panic());
    assert_eq!(simulator.creates(), 2);
}
