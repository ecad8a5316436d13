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

use distribute_ai::{Billed, Client, ErrorKind, batch::Batch, long_text::InPieces, testing::Simulator};
use futures_util::{Stream, stream};
use tokio::time::timeout;

use crate::support::client;

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

/// Asserts that `run` returns this error, and that the store is not created.
async fn assert_refused<K: Display + Send + 'static>(batch: Batch<K>, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("speeches");
    let error = batch.store(&store).run().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
    assert!(!store.exists(), "{expected}");
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
async fn batch_with_unusable_store_is_refused_before_sending() {
    let simulator = quick().await;
    let client = simulator.client();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("file"), "not a store").unwrap();
    fs::write(path("journal"), "{\"journal\":\"distribute-ai batch\",\"version\":1}\n").unwrap();
    fs::create_dir(path("damaged")).unwrap();
    fs::write(path("damaged/entries.redb"), "not a database").unwrap();
    for batch in [two, two_of_a_stream] {
        let refused = async |store: &Path| batch(&client).store(store).run().await.unwrap_err();
        for (name, expected) in [
            ("file", "is not a directory"),
            ("journal", "is a journal of an earlier version"),
            ("damaged", "entries.redb is not a database of a store"),
        ] {
            let error = refused(&path(name)).await;
            assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
        }
        let error = refused(&path("missing/store")).await;
        assert!(error.is_invalid() && error.to_string().contains("its parent is missing"), "{error}");
    }
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn batch_that_cannot_start_may_be_billed_if_its_store_exists() {
    let (simulator, directory) = (quick().await, tempfile::tempdir().unwrap());
    let (client, store) = (simulator.client(), directory.path().join("speeches"));
    let batch = || two(&client).store(&store).max_in_flight(0);
    assert_eq!(batch().run().await.unwrap_err().billed(), Billed::No);
    two(&client).store(&store).run().await.unwrap().stop().await;
    assert_eq!(batch().run().await.unwrap_err().billed(), Billed::Maybe);

    let book = directory.path().join("book.wav");
    fs::create_dir(&book).unwrap();
    let save = async |pieces: InPieces| pieces.save(&book).await.unwrap_err();
    let error = save(client.speak("Hello").in_pieces()).await;
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::No), "{error}");
    let error = save(client.speak("Hello").in_pieces().store(&store)).await;
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::Maybe), "{error}");
}

#[tokio::test]
async fn batch_run_that_is_dropped_leaves_a_store_that_opens() {
    let (directory, client) = (tempfile::tempdir().unwrap(), client("http://127.0.0.1:9"));
    for round in 0..20 {
        // From the first poll of the future to its end.
        let run = two(&client).store(directory.path()).run();
        drop(timeout(Duration::from_millis(round), run).await);
        let results = two(&client).store(directory.path()).run().await;
        results.unwrap_or_else(|error| panic!("round {round}: {error}")).stop().await;
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
