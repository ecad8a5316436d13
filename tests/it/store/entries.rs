//! The entries of a store, and its plans.

use super::*;

#[cfg(unix)]
#[tokio::test]
async fn directory_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    fixture.client().speak(TEXT).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.path()), 0o700);
    for entry in fs::read_dir(fixture.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn entries_contain_no_text_and_no_key() {
    let fixture = Fixture::new().await;
    fixture.client().speak(TEXT).label("greeting").await.unwrap();
    for entry in fs::read_dir(fixture.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let contains = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!contains(TEXT) && !contains(fixture.simulator.api_key()));
    }
}

#[tokio::test]
async fn entries_are_listed_completely_and_in_order() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    let requests = (0..600).map(|number| (number, format!("Text number {number}.")));
    client.batch(requests).run().await.unwrap().for_each(async |(_, speech)| drop(speech.unwrap())).await;
    let entries: Vec<Entry> = client.store().unwrap().entries().map(|entry| entry.unwrap()).collect().await;
    assert_eq!(entries.len(), 600);
    assert!(entries.is_sorted_by(|one, next| one.hash() < next.hash()));
    let labels: HashSet<_> = entries.iter().map(|entry| entry.label().unwrap().to_owned()).collect();
    assert_eq!(labels.len(), 600);
}

#[tokio::test]
async fn store_is_created_only_by_a_client_that_can_be_built() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("speeches");
    let invalid = Client::builder().api_key("").store(&path).build();
    assert!(invalid.is_err() && !path.exists());
    let missing_parent = Client::builder().api_key("key").store(path.join("speeches")).build();
    assert!(missing_parent.unwrap_err().is_invalid());
}

#[tokio::test]
async fn plan_of_a_batch_sends_nothing_and_tells_what_is_new() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    client.speak(TEXT).await.unwrap();
    client.speak("Good night.").submit().await.unwrap();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak("Good grief.").await.unwrap_err().is_in_doubt());
    let requests = fixture.simulator.requests();
    let lines = [
        TEXT,
        "Good night.",
        "Good grief.",
        "Goodbye.",
        "Goodbye.",
        "x",
        "So long, and thanks for all the fish.",
    ];
    let plan = client.batch(lines.into_iter().enumerate()).plan().await.unwrap();
    let counts = "Requests: 1 stored, 1 submitted, 1 in doubt, 2 new, 1 repeated, 1 invalid. ";
    assert!(plan.to_string().starts_with(counts), "{plan}");
    assert_eq!((plan.invalid, plan.characters, fixture.simulator.requests()), (1, 45, requests));

    // Without a store, each line is submitted.
    let batch = fixture.simulator.client().batch(lines.into_iter().enumerate());
    let plan = batch.plan().await.unwrap();
    assert_eq!((plan.stored, plan.new, plan.repeated), (0, 6, 0));
    let missing = fixture.directory.path().join("missing");
    let plan = batch.store(&missing).plan().await.unwrap();
    assert_eq!((plan.new, plan.repeated, missing.exists()), (5, 1, false));
    let stream = client.batch_stream(futures_util::stream::iter([("a", TEXT)]));
    assert!(stream.plan().await.unwrap_err().is_invalid());
}

/// Returns texts of sentences with random words.
fn book(random: &mut fastrand::Rng, characters: usize) -> String {
    let mut text = String::new();
    while text.len() < characters {
        for _ in 0..random.usize(3..30) {
            text.extend((0..random.usize(1..12)).map(|_| random.lowercase()));
            text.push(' ');
        }
        text.pop();
        text.push_str(". ");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_texts_take_as_long_as_planned_in_95_of_100_cases() {
    const BOOKS: usize = 40;
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    let (simulator, directory) = (builder.start().await.unwrap(), tempfile::tempdir().unwrap());
    let store = Store::at(directory.path().join("speeches")).keep_audio(false);
    let client =
        simulator.client_builder().poll_every(Duration::from_millis(1)).store(store).build().unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let mut missed = 0;
    for number in 0..BOOKS {
        let text = book(&mut random, [300, 1_000, 5_000, 12_000][number % 4]);
        let pieces = client.speak(&text).in_pieces().max_characters([80, 400, 4_096][number % 3]);
        let plan = pieces.plan().await.unwrap();
        let recording = pieces.save(directory.path().join("book.wav")).await.unwrap();
        assert_eq!((plan.new + plan.repeated, plan.stored), (recording.pieces().len(), 0));
        let seconds: f64 = recording.pieces().iter().map(|piece| piece.duration().as_secs_f64()).sum();
        missed += usize::from(!plan.seconds.contains(&seconds));
    }
    assert!(missed * 100 <= BOOKS * 5, "{missed} of {BOOKS} are outside of their range");
}
