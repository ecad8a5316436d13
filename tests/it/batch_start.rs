//! The start of a batch: what it accepts, and the errors of `run`, which are returned before anything is sent.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt::Display,
    fs,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use distribute_ai::{Client, Error, batch::Batch, testing::Simulator};
use futures_util::{Stream, stream};
use tokio::time::timeout;

use crate::support::client;

const HEADER: &str = r#"{"journal":"distribute-ai batch","version":1}"#;

async fn quick() -> Simulator {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(5));
    builder.start().await.unwrap()
}

/// Asserts that the batch speaks "One." and "Two.".
async fn assert_speaks_both<K: Display + Send + 'static>(batch: impl FnOnce(&Client) -> Batch<K>) {
    let simulator = quick().await;
    let mut results = batch(&simulator.client()).max_in_flight(1).run().await.unwrap();
    while let Some((key, speech)) = results.next().await {
        assert!(speech.is_ok(), "{key}: {speech:?}");
    }
    let mut spoken = simulator.spoken();
    spoken.sort_unstable();
    assert_eq!(spoken, ["One.", "Two."]);
}

#[tokio::test]
async fn batch_accepts_every_type_of_text() {
    let lines: Vec<String> = vec!["One.".into(), "Two.".into()];
    assert_speaks_both(|client| client.batch(lines.iter().enumerate())).await;
    assert_speaks_both(|client| client.batch(lines.clone().into_iter().enumerate())).await;
    let texts: [&str; 2] = ["One.", "Two."];
    assert_speaks_both(|client| client.batch(texts.iter().enumerate())).await;
    assert_speaks_both(|client| client.batch(texts.into_iter().enumerate())).await;
    assert_speaks_both(|client| client.batch("One.\nTwo.".lines().enumerate())).await;
    assert_speaks_both(|client| {
        client.batch([(1, Cow::Borrowed("One.")), (2, Cow::Owned("Two.".to_owned()))])
    })
    .await;
    assert_speaks_both(|client| client.batch(texts.map(Arc::<str>::from).into_iter().enumerate())).await;
    assert_speaks_both(|client| client.batch(texts.map(Rc::<str>::from).iter().enumerate())).await;
    assert_speaks_both(|client| client.batch(texts.map(Box::<str>::from).into_iter().enumerate())).await;
}

#[tokio::test]
async fn batch_accepts_every_collection_of_pairs() {
    let pairs: Vec<(String, String)> = vec![("a".into(), "One.".into()), ("b".into(), "Two.".into())];
    let slice: &[(String, String)] = &pairs;
    assert_speaks_both(|client| client.batch(slice.iter().cloned())).await;
    assert_speaks_both(|client| client.batch(slice.iter().map(|(key, text)| (key.clone(), text)))).await;
    let map: HashMap<String, String> = pairs.iter().cloned().collect();
    assert_speaks_both(|client| client.batch(map.iter().map(|(key, text)| (key.clone(), text)))).await;
    assert_speaks_both(|client| client.batch(map)).await;
    let ordered: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_speaks_both(|client| client.batch(ordered)).await;
    assert_speaks_both(|client| {
        let speaks = [(1_u32, client.speak("One.")), (2, client.speak("Two.").voice("nora"))];
        client.batch(HashMap::from(speaks))
    })
    .await;
    assert_speaks_both(|client| client.batch(pairs)).await;
}

#[tokio::test]
async fn batch_stream_accepts_texts_and_speaks() {
    assert_speaks_both(|client| client.batch_stream(stream::iter(["One.", "Two."].into_iter().enumerate())))
        .await;
    assert_speaks_both(|client| {
        let speaks = [(1, client.speak("One.")), (2, client.speak("Two."))];
        client.batch_stream(stream::iter(speaks))
    })
    .await;
}

#[tokio::test]
async fn batch_stream_without_requests_ends_at_once() {
    let simulator = quick().await;
    let empty = stream::empty::<(u32, &str)>();
    let mut results = simulator.client().batch_stream(empty).run().await.unwrap();
    assert!(results.next().await.is_none());
    assert_eq!(simulator.requests(), 0);
}

/// Asserts that `run` returns this error, and that the journal is not created.
async fn assert_refused<K: Display + Send + 'static>(batch: Batch<K>, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let error = batch.journal(&journal).run().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
    assert!(!journal.exists(), "{expected}");
}

fn two(client: &Client) -> Batch<&'static str> {
    client.batch([("a", "Hello a"), ("b", "Hello b")])
}

fn two_of_a_stream(client: &Client) -> Batch<&'static str> {
    client.batch_stream(stream::iter([("a", "Hello a"), ("b", "Hello b")]))
}

#[tokio::test]
async fn batch_with_invalid_settings_is_refused_before_sending() {
    let simulator = quick().await;
    let client = simulator.client();
    assert_refused(client.batch(Vec::<(u8, String)>::new()), "batch: no requests").await;
    assert_refused(client.batch([("a", "Hello"), ("b", "World"), ("a", "Again")]), r#"duplicate key "a""#)
        .await;
    for batch in [two, two_of_a_stream] {
        assert_refused(batch(&client).max_in_flight(0), "max_in_flight: 0 is too small").await;
        for rate in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_refused(batch(&client).requests_per_second(rate), "requests_per_second: ").await;
        }
    }
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn batch_with_unusable_journal_is_refused_before_sending() {
    let simulator = quick().await;
    let client = simulator.client();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("damaged"), format!("{HEADER}\nnot an entry\n{{}}\n")).unwrap();
    fs::write(path("newer"), format!("{}\n", HEADER.replace(":1}", ":2}"))).unwrap();
    for batch in [two, two_of_a_stream] {
        let refused = async |journal: &Path| batch(&client).journal(journal).run().await.unwrap_err();
        let is_refused = |error: Error, part: &str| error.is_invalid() && error.to_string().contains(part);
        assert!(is_refused(refused(directory.path()).await, "is a directory"));
        assert!(is_refused(refused(&path("damaged")).await, "line 2 is not a journal entry"));
        assert!(is_refused(refused(&path("newer")).await, "version 2"));
        let in_use = batch(&client).journal(path("used")).run().await.unwrap();
        assert!(is_refused(refused(&path("used")).await, "in use by another run"));
        in_use.stop().await;
        assert!(refused(&path("missing/talk.journal")).await.is_io());
    }
    assert_eq!(simulator.requests(), 0);
}

/// Opens the journal in a new run, as soon as the previous run has released the journal.
async fn assert_is_released_soon(client: &Client, journal: &Path, round: u64) {
    for _ in 0..2_000 {
        match two(client).journal(journal).run().await {
            Ok(results) => return drop(results.stop().await),
            Err(error) => assert!(error.to_string().contains("in use by another run"), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("round {round}: the journal is still locked");
}

#[tokio::test]
async fn batch_run_that_is_dropped_releases_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("talk.journal");
    let client = client("http://127.0.0.1:9");
    for round in 0..20 {
        // From the first poll of the future to its end.
        let run = two(&client).journal(&journal).run();
        drop(timeout(Duration::from_millis(round), run).await);
        assert_is_released_soon(&client, &journal, round).await;
    }
}

#[test]
fn batch_types_are_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    fn assert_unpin_stream<T: Send + Unpin + Stream>(_: &T) {}
    let client = client("http://127.0.0.1:9");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for batch in [two, two_of_a_stream] {
        let results = runtime.block_on(assert_send(assert_send(batch(&client)).run())).unwrap();
        assert_unpin_stream(&results);
        drop(assert_send(results.stop()));
    }
}
