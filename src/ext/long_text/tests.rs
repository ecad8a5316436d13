//! Long texts that cannot start, and a text of one piece.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Billed, Client, Error,
    ext::{
        store::Store,
        test_server::{TestServer, response, wav},
    },
    long_text::InPieces,
};

const BOOK: &str = "Chapter 1\n\nCall me Ishmael.\n\nChapter 2\n\nSome years ago.";

fn book() -> InPieces {
    Client::builder().api_key("k").build().unwrap().speak(BOOK).in_pieces()
}

#[track_caller]
fn assert_invalid(error: &Error, expected: &str, billed: Billed) {
    assert!(error.is_invalid() && error.to_string().contains(expected), "{error}");
    assert_eq!(error.billed(), billed, "{error}");
}

async fn start(book: InPieces, path: &Path) -> Error {
    book.start(path).await.err().unwrap()
}

#[tokio::test]
async fn pieces_of_a_text_that_cannot_start_may_be_billed_if_an_earlier_run_has_left_something() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.wav");
    let invalid = || book().max_characters(0);
    assert_invalid(&start(invalid(), &path).await, "max_characters: 0 is out of range", Billed::No);
    drop(Store::open(directory.path().join("book.wav.store")).await.unwrap());
    assert_invalid(&start(invalid(), &path).await, "max_characters: 0 is out of range", Billed::Maybe);
    std::fs::write(directory.path().join("book.wav.journal"), "").unwrap();
    assert_invalid(&start(book(), &path).await, "is the journal of an earlier version", Billed::Maybe);
    assert!(!path.exists());
}

#[tokio::test]
async fn pause_of_more_than_an_hour_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.wav");
    let hour = Duration::from_secs(3_600);
    let setters = [InPieces::pause, InPieces::paragraph_pause, InPieces::chapter_pause];
    for (set, field) in setters.into_iter().zip(["pause", "paragraph_pause", "chapter_pause"]) {
        set(book(), hour).plan().await.unwrap();
        let expected = format!("{field}: 3600.001s is too long, expected at most 3600s");
        let too_long = set(book(), hour + Duration::from_millis(1));
        assert_invalid(&too_long.plan().await.unwrap_err(), &expected, Billed::No);
        assert_invalid(&start(too_long, &path).await, &expected, Billed::No);
        assert!(start(set(book(), Duration::MAX), &path).await.is_invalid());
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn redo_of_a_whole_text_is_refused_by_the_plan_and_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let client = Client::builder().api_key("k").build().unwrap();
    let book = || client.speak(BOOK).redo().in_pieces().store(directory.path().join("speeches"));
    let expected = "redo: the whole text would be billed again; use `InPieces::redo` with the numbers";
    assert_invalid(&book().plan().await.unwrap_err(), expected, Billed::No);
    assert_invalid(&start(book(), &directory.path().join("book.wav")).await, expected, Billed::No);
}

#[tokio::test]
async fn pieces_are_spoken_again_only_if_they_exist_and_the_others_are_in_a_store() {
    let (server, directory) = (speech_api().await, tempfile::tempdir().unwrap());
    let (path, store) = (directory.path().join("book.wav"), directory.path().join("speeches"));
    let client = client_of(&server);
    let book = || client.speak(BOOK).in_pieces();
    let not_in_store = "redo: the other pieces are not in a store";
    assert_invalid(&start(book().redo([1]), &path).await, not_in_store, Billed::No);
    // A store without entries, as a run leaves it whose key was rejected.
    drop(Store::open(directory.path().join("book.wav.store")).await.unwrap());
    assert_invalid(&start(book().redo([1]), &path).await, not_in_store, Billed::Maybe);
    assert_invalid(&start(book().store(&store).redo([1]), &path).await, not_in_store, Billed::No);
    // A pause before chapters, or a file of chapters, needs the headings.
    let by_chapter = |book: InPieces| book.chapter_pause(Duration::ZERO);
    by_chapter(book().store(&store)).save(&path).await.unwrap();
    assert_invalid(&start(book().store(&store).redo([1]), &path).await, not_in_store, Billed::Maybe);
    book().store(&store).save(&path).await.unwrap();
    let again = |pieces: &[usize]| book().store(&store).redo(pieces.iter().copied());
    for (pieces, problem) in [
        (&[0, 1][..], "piece 0 does not exist, expected 1 to 1"),
        (&[1, 2], "piece 2 does not exist, expected 1 to 1"),
    ] {
        let error = start(again(pieces), &path).await;
        assert!(error.to_string().contains(problem), "{error}");
    }
    drop(again(&[1]).start(&path).await.unwrap());
    drop(by_chapter(again(&[2])).start(&path).await.unwrap());
    let chapters = directory.path().join("book.srt");
    let error = start(again(&[1]).chapters(&chapters), &path).await;
    assert_invalid(
        &error,
        &format!("chapters: {:?}, expected the ending .vtt", chapters.display().to_string()),
        error.billed(),
    );
    drop(again(&[1]).chapters(directory.path().join("book.vtt")).start(&path).await.unwrap());
}

#[test]
fn debug_output_of_a_long_text_omits_the_text() {
    let shown = format!("{:?}", book().max_characters(50));
    assert!(shown.contains(&format!("bytes: {}", BOOK.len())), "{shown}");
    assert!(shown.contains("max_characters: 50") && !shown.contains("Ishmael"), "{shown}");
}

fn task(number: usize) -> String {
    format!("1b671a64-40d5-491e-99b0-da01ff1f334{number}")
}

/// Returns the responses to a submission and the poll of its task, which has ended with this status.
fn spoken(number: usize, status: &str) -> [String; 2] {
    let id = task(number);
    let polled = json!({"id": id, "status": status, "created": 1, "results": [{"url": "/a.wav"}]});
    [json!({"id": id}), polled].map(|body| response("200 OK", &[], &body.to_string()))
}

#[tokio::test]
async fn failed_piece_is_resubmitted_up_to_the_limit() {
    for (failures, limit, is_spoken) in [(1, 0, false), (1, 1, true), (2, 1, false)] {
        let failed = (0..failures).flat_map(|number| spoken(number, "ERROR"));
        let last = spoken(failures, "COMPLETED").into_iter().chain([response("200 OK", &[], &wav())]);
        let server = TestServer::start(failed.chain(last)).await;
        let builder = Client::builder().api_key("k").base_url(&server.url);
        let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (path, subtitles) = (directory.path().join("a.wav"), directory.path().join("a.srt"));
        let text = client.speak("Hello.").in_pieces().resubmit_failed(limit).subtitles(&subtitles);
        let narration = text.start(&path).await.unwrap();
        assert!(format!("{narration:?}").starts_with("Narration { progress: Progress"));
        match narration.await {
            Ok(recording) => {
                assert!(is_spoken, "{failures} failures of at most {limit}");
                assert_eq!(recording.bytes(), std::fs::metadata(&path).unwrap().len());
                assert!(std::fs::read_to_string(&subtitles).unwrap().contains("Hello."));
            }
            Err(error) => {
                assert!(!is_spoken && error.is_failed() && error.piece().unwrap().number == 1, "{error}");
                assert!(!path.exists());
            }
        }
    }
}

/// Starts a server whose tasks are finished at the first poll.
async fn speech_api() -> TestServer {
    let tasks = AtomicUsize::new(0);
    TestServer::start_with(move |request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let ok = |body: &str| Some(response("200 OK", &[], body));
        if head.starts_with("GET /a.wav ") {
            return ok(&wav());
        }
        if head.starts_with("POST /async/speech/create ") {
            return ok(&json!({"id": task(tasks.fetch_add(1, Ordering::Relaxed))}).to_string());
        }
        let query: Value = serde_json::from_str(body).unwrap();
        let polled =
            json!({"id": query["id"], "status": "COMPLETED", "created": 1, "results": [{"url": "/a.wav"}]});
        ok(&polled.to_string())
    })
    .await
}

fn client_of(server: &TestServer) -> Client {
    let builder = Client::builder().api_key("k").base_url(&server.url);
    builder.poll_every(Duration::from_millis(1)).build().unwrap()
}

#[tokio::test]
async fn equal_pieces_are_resubmitted_once_although_one_of_them_sees_the_failure_late() {
    let (creates, polls, late_polls) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let server = TestServer::start_with(move |request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let ok = |body: &str| Some(response("200 OK", &[], body));
        if head.starts_with("GET /a.wav ") {
            return ok(&wav());
        }
        if head.starts_with("POST /async/speech/create ") {
            return ok(&json!({"id": task(creates.fetch_add(1, Ordering::Relaxed))}).to_string());
        }
        let query: Value = serde_json::from_str(body).unwrap();
        let is_second_spoken = late_polls.load(Ordering::Relaxed) > 0;
        let status = if query["id"] != task(0) {
            late_polls.fetch_add(1, Ordering::Relaxed);
            "COMPLETED"
        } else if polls.fetch_add(1, Ordering::Relaxed) == 0
            // Some polls later, the second speech is in the store.
            || is_second_spoken && late_polls.fetch_add(1, Ordering::Relaxed) > 20
        {
            "ERROR"
        } else {
            "PROCESSING"
        };
        let polled =
            json!({"id": query["id"], "status": status, "created": 1, "results": [{"url": "/a.wav"}]});
        ok(&polled.to_string())
    })
    .await;
    let (client, directory) = (client_of(&server), tempfile::tempdir().unwrap());
    let book = client.speak("One one one. One one one.").in_pieces().max_characters(14).max_in_flight(2);
    book.resubmit_failed(1).save(directory.path().join("book.wav")).await.unwrap();
    let sent = server.requests().iter().filter(|request| request.contains("/create ")).count();
    assert_eq!(sent, 2, "the text, and one resubmission");
}

#[tokio::test]
async fn finished_text_is_billed_again_only_for_pieces_that_are_spoken_again() {
    let server = speech_api().await;
    let directory = tempfile::tempdir().unwrap();
    let [path, store, chapters] = ["a.wav", "store", "a.vtt"].map(|name| directory.path().join(name));
    let client = client_of(&server);
    let text = "# One\n\nFirst part.\n\n# Two\n\nSecond part.";
    let book = client.speak(text).in_pieces().max_in_flight(1).chapter_pause(Duration::ZERO);
    let book = book.store(&store).chapters(&chapters);
    for (redo, creates) in [(None, 2), (None, 2), (Some(2), 3), (Some(2), 4)] {
        let narration = book.clone().redo(redo).start(&path).await.unwrap();
        let progress = narration.progress();
        let recording = narration.await.unwrap();
        let progress = progress.borrow().clone();
        let characters = text.chars().count();
        assert_eq!(
            (progress.characters, progress.spoken, progress.saved),
            (characters, characters, characters)
        );
        assert_eq!((progress.pieces, progress.bytes, recording.pieces().len()), (2, recording.bytes(), 2));
        assert_eq!(recording.duration(), Duration::from_secs(1));
        let shown = format!("{recording:?}");
        assert!(shown.contains("duration: 1s") && !shown.contains("part."), "{shown}");
        let sent = server.requests().iter().filter(|request| request.contains("/create ")).count();
        assert_eq!(sent, creates);
        assert!(std::fs::read_to_string(&chapters).unwrap().contains("Two"));
    }
}

#[tokio::test]
async fn files_of_a_text_must_have_different_paths() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.vtt");
    for book in [book().chapters(&path), book().subtitles(&path), book().store(&path)] {
        let error = start(book, &path).await;
        assert!(error.to_string().contains("is the path of another file of this narration"), "{error}");
    }
}

#[tokio::test]
async fn rejected_resubmission_of_a_piece_may_be_billed() {
    let rejected = || response("402 Payment Required", &[], "{}");
    for (responses, billed) in [
        (vec![rejected()], Billed::No),
        (spoken(0, "ERROR").into_iter().chain([rejected()]).collect(), Billed::Maybe),
    ] {
        let server = TestServer::start(responses).await;
        let builder = Client::builder().api_key("k").base_url(&server.url);
        let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let text = client.speak("Hello.").in_pieces().resubmit_failed(1);
        let error = text.save(directory.path().join("a.wav")).await.unwrap_err();
        assert!(error.is_rejected() && error.billed() == billed, "{error:?}");
    }
}

#[tokio::test]
async fn duration_of_a_saved_piece_is_in_its_entry_and_counts_towards_the_limit() {
    let server = speech_api().await;
    let directory = tempfile::tempdir().unwrap();
    let builder = Client::builder().api_key("k").base_url(&server.url);
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    // Each piece is expected to take seconds, and takes half a second.
    let (first, second) = ("One, two, three, four, five, six.", "Seven, eight, nine, ten, eleven.");
    let store = Store::open(Store::at(directory.path().join("store")).keep_audio(false)).await.unwrap();
    let entry = client.speak(first).to_entry(&store).unwrap();
    let max = 1.3 * entry.expected_seconds().await.unwrap();
    assert!(max > 1.5, "{max}");
    let book = client.speak(format!("{first} {second}")).in_pieces().max_characters(34).max_in_flight(1);
    let book = book.store(&store).max_seconds(max);
    book.save(directory.path().join("a.wav")).await.unwrap();
    let mut entries = store.entries();
    while let Some(entry) = entries.next().await {
        assert_eq!(entry.unwrap().duration(), Some(Duration::from_millis(500)));
    }
}
