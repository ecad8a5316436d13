//! Many speeches at once, over sockets.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{
    Client, Error,
    batch::Batch,
    testing::{Fault, Route, Script, Simulator},
};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Act, ID, Socket, builder, client, completed};

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
async fn each_result_comes_with_its_key() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(20)).run();
    let mut seen = Vec::new();
    while let Some((number, speech)) = results.next().await {
        let audio = speech.unwrap().audio().unwrap().bytes().await.unwrap();
        assert_eq!(audio, Simulator::audio_of(&format!("Text number {number}.")));
        seen.push(number);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!((simulator.creates(), simulator.leaks()), (20, 0));
    assert!(results.next().await.is_none(), "it stays ended");
}

#[tokio::test]
async fn requests_are_texts_or_speeches_with_their_settings() {
    let server = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    let client = client(&server.url);
    let speak = |text: &str| client.speak(text).voice("nora").deadline(Duration::from_millis(1));
    let _ends: Vec<_> = client.batch([("a", speak("Hello"))]).run().collect().await;
    assert!(server.requests()[0].ends_with(r#"{"input":"Hello","model":"Chatterbox","voice":"nora"}"#));
}

#[tokio::test]
async fn a_stream_is_read_as_the_batch_gets_on() {
    let simulator = quick().await;
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&read);
    let endless = stream::iter(texts(usize::MAX)).inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = simulator.client().batch(endless).max_in_flight(3).run();
    for _ in 0..7 {
        results.next().await.unwrap().1.unwrap();
    }
    results.stop().await;
    let read = read.load(Ordering::Relaxed);
    assert!((7..=10).contains(&read), "{read}");
    assert!(simulator.creates() <= 10);
}

#[tokio::test]
async fn results_come_in_order_if_that_is_asked_for() {
    // A long text takes longer.
    let simulator = Simulator::builder()
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .running_per_character(Duration::from_millis(10))
        .start()
        .await
        .unwrap();
    let texts = (0..6).map(|number| (number, "x".repeat(20 - 3 * number)));
    let batch = simulator.client().batch(texts);
    let order: Vec<_> =
        batch.in_order().run().map(|(number, speech)| speech.map(|_| number).unwrap()).collect().await;
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn who_takes_no_results_gets_no_new_requests() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(50)).max_in_flight(5).run();
    results.next().await.unwrap().1.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(simulator.creates() <= 6, "{}", simulator.creates());
    assert_eq!(results.count().await, 49);
}

#[tokio::test]
async fn a_slow_consumer_loses_no_id() {
    // The reply to a create comes while the consumer is busy, and for longer than the request may take.
    let server = Socket::play([
        Act::json("200 OK", &json!({"id": ID})),
        Act::json("200 OK", &completed("http://127.0.0.1:9/a")),
    ])
    .await;
    let client = builder(&server.url).request_timeout(Duration::from_millis(500)).build().unwrap();
    let mut results = client.batch([("a", "Hello")]).run();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "nothing has ended yet");
    // Everything else on this thread goes on.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    results.next().await.unwrap().1.unwrap();
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_look() {
    let simulator = quick().await;
    let results = simulator.client().batch(texts(3)).run();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(results);
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn stopping_hears_what_is_being_submitted_to_the_end() {
    let server = Socket::play([Act::Stall(Vec::new())]).await;
    let client = builder(&server.url).request_timeout(Duration::from_secs(1)).build().unwrap();
    let mut results = client.batch(texts(10)).max_in_flight(4).run();
    assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "nothing has ended yet");
    while server.requests().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left = results.stop().await;
    assert_eq!(left.len(), 4);
    assert!(
        left.iter().all(|(_, end)| end.as_ref().is_err_and(Error::is_in_doubt)),
        "it waited for the four: {left:?}"
    );
    assert_eq!(server.requests().len(), 4, "and sent no other");
}

#[tokio::test]
async fn stopping_hands_out_what_was_paid_for() {
    let simulator = Simulator::builder().running(Duration::from_secs(60)).start().await.unwrap();
    let client = simulator.client();
    simulator.script(Route::Create, Script::nth(2, Fault::reset().after_accepting()));
    let requests = texts(4).map(|(key, text)| (key, client.speak(text).resubmit_in_doubt(1)));
    let mut results = client.batch(requests).max_in_flight(3).run();
    while simulator.creates() < 3 {
        assert!(timeout(Duration::from_millis(5), results.next()).await.is_err(), "nothing has ended yet");
    }
    let left = results.stop().await;
    assert_eq!(left.len(), 3, "{left:?}");
    let tasks: HashSet<_> = simulator.tasks().into_iter().map(|(id, _)| id).collect();
    let mut in_doubt = 0;
    for (_, end) in left {
        let error = end.unwrap_err();
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
async fn progress_counts_every_request_once() {
    let simulator = quick().await;
    let mut results = simulator.client().batch(texts(8)).max_in_flight(2).run();
    let progress = results.progress();
    let mut most = 0;
    while let Some((_, speech)) = results.next().await {
        speech.unwrap();
        let now = progress.borrow().clone();
        most = most.max(now.in_flight);
        assert_eq!(now.queued.unwrap() + now.in_flight + now.ended(), 8, "{now:?}");
    }
    let end = progress.borrow().clone();
    assert_eq!((end.queued, end.in_flight, end.done, end.failed, end.in_doubt), (Some(0), 0, 8, 0, 0));
    assert!(most <= 2 && end.requests_per_second > 0.0);
    assert_eq!(end.time_left, Some(Duration::ZERO));
}

/// Refused as a whole: beforehand by `start`, and for each key by `run`.
async fn refused<K: std::fmt::Display + Send + 'static>(batch: impl Fn() -> Batch<K>, expected: &str) {
    let error = batch().start().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
    let ends: Vec<_> = batch().run().collect().await;
    for (_, end) in ends {
        assert_eq!(end.unwrap_err().to_string(), error.to_string());
    }
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_before_anything_is_sent() {
    let simulator = quick().await;
    let client = simulator.client();
    let two = || client.batch([("a", "Hello"), ("b", "World")]);
    refused(|| client.batch(Vec::<(u8, String)>::new()), "batch: has no requests").await;
    refused(|| client.batch([("a", "Hello"), ("b", "World"), ("a", "Again")]), r#"key "a" is there twice"#)
        .await;
    refused(|| two().max_in_flight(0), "max_in_flight: is 0").await;
    for rate in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        refused(|| two().requests_per_second(rate), "requests_per_second: ").await;
    }
    assert_eq!(simulator.requests(), 0);
    let counts = [two().max_in_flight(0).run().count().await, client.batch(texts(0)).run().count().await];
    assert_eq!(counts, [2, 0], "each key has its end");
}

#[tokio::test]
async fn a_key_that_a_stream_brings_twice_is_refused_the_second_time() {
    let simulator = quick().await;
    let requests = stream::iter([("a", "Hello"), ("a", "Hello"), ("b", "World")]);
    let ends: Vec<_> = simulator.client().batch(requests).in_order().run().collect().await;
    let kinds: Vec<_> = ends.iter().map(|(_, end)| end.as_ref().is_err_and(Error::is_invalid)).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!(simulator.creates(), 2);
}

#[tokio::test]
async fn a_speech_of_another_client_is_refused() {
    let (simulator, other) = (quick().await, quick().await);
    let foreign = other.client().speak("Hello");
    let ends: Vec<_> = simulator.client().batch([("a", foreign)]).run().collect().await;
    let error = ends[0].1.as_ref().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("another client"), "{error}");
    assert_eq!(simulator.requests() + other.requests(), 0);
}

#[tokio::test]
async fn a_callback_that_panics_stops_nothing() {
    let simulator = quick().await;
    let client = simulator.client();
    let speak = client.speak("Hello").on_submitted(|_| panic!("on purpose"));
    let ends: Vec<_> = client.batch([(1, speak), (2, client.speak("World"))]).run().collect().await;
    assert!(ends.iter().all(|(_, end)| end.is_ok()), "{ends:?}");
}

#[tokio::test]
async fn a_stream_that_panics_does_so_after_what_it_brought_has_ended() {
    let simulator = quick().await;
    let requests =
        stream::iter(0..).map(|number| if number < 2 { (number, "Hello") } else { panic!("on purpose") });
    let mut results = simulator.client().batch(requests).run();
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
fn an_end_that_came_too_soon_does_not_look_like_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client("http://127.0.0.1:9");
    let mut results = client.batch([("a", "Hello")]).run();
    runtime().block_on(async { assert!(timeout(Duration::ZERO, results.next()).await.is_err()) });
    // That runtime has ended, and with it what drove the batch.
    let mut next = || runtime().block_on(results.next());
    assert!(next().unwrap().1.is_err());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(next)).is_err());
}

#[tokio::test]
async fn a_key_that_panics_when_displayed_does_so_at_the_end() {
    struct Key(u8);
    impl std::fmt::Display for Key {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(self.0 < 2, "on purpose");
            write!(f, "{}", self.0)
        }
    }
    let simulator = quick().await;
    let requests = stream::iter((0..9).map(|number| (Key(number), "Hello")));
    let mut results = simulator.client().batch(requests).run();
    let batch = tokio::spawn(async move {
        results.next().await.unwrap().1.unwrap();
        results.next().await.unwrap().1.unwrap();
        results.next().await.is_none()
    });
    assert!(batch.await.unwrap_err().is_panic());
    assert_eq!(simulator.creates(), 2);
}

#[test]
fn a_batch_crosses_threads() {
    fn sent<T: Send>(_: T) {}
    let client = Client::builder().api_key("k").build().unwrap();
    sent(client.batch([(1, "Hello")]));
    sent(client.batch([(1, "Hello")]).run());
    sent(client.batch([(1, "Hello")]).start());
    sent(client.batch([(1, "Hello")]).run().stop());
}
