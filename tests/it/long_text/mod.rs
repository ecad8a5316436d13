//! Long texts: what is submitted, what is joined, and what remains after a failure.

mod audio;
mod example;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use distribute_ai::{
    Billed, Client, Error, ErrorKind,
    long_text::{InPieces, Recording, split},
    store::Store,
    testing::{Fault, Host, Route, Script, Simulator, SimulatorBuilder, TaskOutcome},
};
use serde_json::json;

use crate::support::{Action, ID, ScriptedServer, client, env_or, example_path, serve_result};

const BOOK: &str = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about.\n\n\
    It is a way I have of driving off the spleen. Whenever it is a damp, drizzly November in my soul; I go.";

fn quick() -> SimulatorBuilder {
    Simulator::builder().waiting(Duration::from_millis(5)).running(Duration::from_millis(15))
}

fn pieces() -> Vec<&'static str> {
    split(BOOK).at_most(50).map(|(_, piece)| piece).collect()
}

fn in_pieces(client: &Client) -> InPieces {
    client.speak(BOOK).in_pieces().max_characters(50)
}

/// Returns a temporary directory and the path of a file in it that does not exist yet.
fn temp_path() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.wav");
    (directory, path)
}

fn file_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Returns the audio data of a WAV file that this library wrote, without its header.
fn audio_data(path: &Path) -> Vec<u8> {
    let file = fs::read(path).unwrap();
    assert_eq!((&file[..4], &file[8..12], &file[72..76]), (&b"RIFF"[..], &b"WAVE"[..], &b"data"[..]));
    let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((length(4), length(76)), (file.len() - 8, file.len() - 80));
    file[80..].to_vec()
}

fn audio_data_of(text: &str) -> Vec<u8> {
    Simulator::audio_of(text)[44..].to_vec()
}

#[tokio::test]
async fn long_text_is_saved_as_one_file_in_order() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let bytes = in_pieces(&simulator.client()).save(&path).await.unwrap().bytes();
    assert_eq!(bytes, fs::metadata(&path).unwrap().len());
    assert!(pieces().len() > 4, "{:?}", pieces());
    assert_eq!(audio_data(&path), pieces().into_iter().flat_map(audio_data_of).collect::<Vec<_>>());
    assert_eq!(simulator.creates(), pieces().len() as u64);
    assert_eq!(file_names(directory.path()), ["book.wav"]);
}

#[tokio::test]
async fn long_text_pieces_have_settings_and_pause_between_them() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let speak = simulator.client().speak("One one one. Two two two.").voice(Simulator::VOICE_FILE);
    speak.in_pieces().max_characters(14).pause(Duration::from_millis(250)).save(&path).await.unwrap();
    let pause = vec![0; 12_000];
    assert_eq!(
        audio_data(&path),
        [audio_data_of("One one one."), pause, audio_data_of("Two two two.")].concat()
    );
}

#[tokio::test]
async fn long_text_progress_ends_with_whole_text() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let mut narration = in_pieces(&simulator.client()).start(&path).await.unwrap();
    assert_eq!(simulator.creates(), 0, "nothing is sent before the narration is awaited");
    let bytes = (&mut narration).await.unwrap().bytes();
    let last = narration.progress().borrow().clone();
    let characters = BOOK.chars().count();
    assert_eq!((last.characters, last.spoken, last.saved), (characters, characters, characters));
    assert_eq!((last.pieces, last.bytes), (pieces().len(), bytes));
    assert!(narration.stop().await.unwrap().is_none(), "the recording was returned before");
}

#[tokio::test]
async fn long_text_pieces_are_in_flight_until_saved() {
    let first = pieces()[0];
    let simulator = quick().outcome_of(first, TaskOutcome::never_ends()).start().await.unwrap();
    let (_directory, path) = temp_path();
    let narration = in_pieces(&simulator.client()).max_in_flight(3).start(&path).await.unwrap();
    let mut progress = narration.progress();
    let work = tokio::spawn(narration);
    // Two pieces are done and wait for the first.
    while progress.borrow_and_update().spoken == 0 {
        progress.changed().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(simulator.creates(), 3);
    work.abort();
}

#[tokio::test]
async fn long_text_failed_piece_is_named_and_next_run_saves_the_rest() {
    let failing = pieces()[2];
    let simulator = quick().outcome_of(failing, TaskOutcome::fails()).start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), temp_path());
    fs::write(&path, "old").unwrap();
    for _run in 0..2 {
        let error = in_pieces(&client).save(&path).await.unwrap_err();
        assert!(error.is_failed() && error.task_id().is_some(), "{error}");
        let piece = error.piece().unwrap();
        assert_eq!((piece.number, &BOOK[piece.bytes.clone()]), (3, failing));
        assert!(error.to_string().starts_with("piece 3, bytes "), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file_names(directory.path()), ["book.wav", "book.wav.store"]);
    }
    simulator.outcome_of(failing, TaskOutcome::completes());
    in_pieces(&client).resubmit_failed(1).save(&path).await.unwrap();
    assert_eq!(audio_data(&path), pieces().into_iter().flat_map(audio_data_of).collect::<Vec<_>>());
    assert_eq!(file_names(directory.path()), ["book.wav"]);
    // Every piece is submitted once, and the failed piece in each run.
    let spoken = simulator.spoken();
    assert_eq!(spoken.len(), pieces().len() + 2);
    assert_eq!(spoken.iter().filter(|text| *text == failing).count(), 3);
    let texts: HashSet<&str> = spoken.iter().map(String::as_str).collect();
    assert_eq!(texts, pieces().into_iter().collect());
}

#[tokio::test]
async fn long_text_resubmitted_piece_may_be_billed_for_its_failed_task() {
    let simulator = quick()
        .outcomes(Script::nth(1, TaskOutcome::fails()))
        .script(Route::Create, Script::nth(2, Fault::status(402)))
        .start()
        .await
        .unwrap();
    let (_directory, path) = temp_path();
    let pieces = in_pieces(&simulator.client()).max_in_flight(1).resubmit_failed(1);
    let error = pieces.save(&path).await.unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Rejected, Billed::Maybe), "{error}");
    assert_eq!((error.piece().unwrap().number, error.task_id()), (1, None));
    assert_eq!(simulator.creates(), 1);
}

#[tokio::test]
async fn long_text_resubmits_piece_whose_speech_the_server_has_removed_only_if_allowed() {
    let simulator = quick().start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), temp_path());
    let store = Store::at(directory.path().join("speeches")).keep_audio(false);
    // Two pieces are equal.
    let book =
        client.speak("One one one. One one one. Two two two.").in_pieces().max_characters(14).store(store);
    book.clone().save(&path).await.unwrap();
    let (removed, _) = simulator.tasks().into_iter().find(|(_, text)| text == "One one one.").unwrap();
    let failed = Fault::web_page().json(json!({"id": removed.as_str(), "status": "ERROR"}).to_string());
    simulator.script(Route::Result, Script::always(failed).for_task(&removed));
    for _run in 0..2 {
        let error = book.clone().save(&path).await.unwrap_err();
        assert!(error.is_failed() && error.piece().unwrap().number < 3, "{error}");
    }
    assert_eq!(simulator.creates(), 2);
    for _run in 0..2 {
        book.clone().resubmit_failed(1).save(&path).await.unwrap();
        assert_eq!(simulator.creates(), 3);
    }
    // A run that speaks a piece again, and ends before it is complete.
    let narration = book.clone().redo([3]).start(&path).await.unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    narration.await.unwrap_err();
    fs::remove_dir(&path).unwrap();
    let (removed, _) = simulator.tasks().into_iter().rfind(|(_, text)| text == "Two two two.").unwrap();
    let failed = Fault::web_page().json(json!({"id": removed.as_str(), "status": "ERROR"}).to_string());
    simulator.script(Route::Result, Script::always(failed).for_task(&removed));
    assert!(book.clone().redo([3]).save(&path).await.unwrap_err().is_failed());
    assert_eq!(simulator.creates(), 4);
    book.redo([3]).resubmit_failed(1).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 5);
}

#[tokio::test]
async fn long_text_whose_file_cannot_be_written_at_the_end_is_billed() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let narration = in_pieces(&simulator.client()).start(&path).await.unwrap();
    // The file cannot replace a directory.
    fs::create_dir(&path).unwrap();
    let error = narration.await.unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Io, Billed::Yes), "{error}");
    assert_eq!((error.piece(), error.task_id()), (None, None));
    assert_eq!(simulator.creates(), pieces().len() as u64);
}

#[tokio::test]
async fn long_text_in_doubt_is_reported_until_resubmission_is_allowed() {
    let simulator = quick().script(Route::Create, Script::nth(2, Fault::reset().after_accepting()));
    let (simulator, (directory, path)) = (simulator.start().await.unwrap(), temp_path());
    let client = simulator.client();
    let mut created = Vec::new();
    for _run in 0..2 {
        let error = in_pieces(&client).max_in_flight(2).save(&path).await.unwrap_err();
        assert!(error.is_in_doubt() && error.piece().is_some(), "{error}");
        assert_eq!(file_names(directory.path()), ["book.wav.store"]);
        created.push(simulator.creates());
    }
    assert_eq!(created, [2, 2], "the second run has nothing to submit before the doubt");
    let speak = client.speak(BOOK).resubmit_in_doubt(1);
    speak.in_pieces().max_characters(50).save(&path).await.unwrap();
    assert_eq!(
        audio_data(&path).len(),
        pieces().into_iter().map(|text| audio_data_of(text).len()).sum::<usize>()
    );
    assert_eq!(simulator.creates(), pieces().len() as u64 + 1);
}

#[tokio::test]
async fn long_text_stopped_is_finished_by_next_run_without_double_billing() {
    let simulator = quick().running(Duration::from_millis(200)).start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), temp_path());
    let mut narration = in_pieces(&client).max_in_flight(2).start(&path).await.unwrap();
    let mut progress = narration.progress();
    tokio::select! {
        _ = &mut narration => panic!("the narration is stopped before it completes"),
        _ = progress.changed() => {}
    }
    assert!(narration.stop().await.unwrap().is_none());
    assert_eq!(file_names(directory.path()), ["book.wav.store"]);
    assert!((2..pieces().len() as u64).contains(&simulator.creates()));

    // The second run may use other settings and a partly different text.
    let text = BOOK.replace("in my soul", "in his soul");
    client
        .speak(&text)
        .in_pieces()
        .max_characters(50)
        .pause(Duration::from_millis(1))
        .save(&path)
        .await
        .unwrap();
    let expected: Vec<_> = split(&text).at_most(50).map(|(_, piece)| piece).collect();
    assert_eq!(simulator.creates(), expected.len() as u64);
    assert_eq!(file_names(directory.path()), ["book.wav"]);
}

/// The first one to finish must not take the store away from the other.
#[tokio::test]
async fn long_texts_saved_to_one_path_at_the_same_time_are_billed_once() {
    let simulator = quick().start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), temp_path());
    let other = BOOK.to_uppercase();
    let short = in_pieces(&client).start(&path).await.unwrap();
    let long =
        client.speak(&other).in_pieces().max_characters(50).max_in_flight(1).start(&path).await.unwrap();
    let (short, long) = tokio::join!(short, long);
    for narration in [short, long] {
        assert_eq!(narration.unwrap().pieces().len(), pieces().len());
    }
    assert_eq!(simulator.creates(), 2 * pieces().len() as u64);
    assert_eq!(file_names(directory.path()), ["book.wav"]);
}

/// Otherwise a program would be run again, and all pieces would be billed again.
#[tokio::test]
async fn long_text_that_is_stopped_after_its_last_piece_returns_its_outcome() {
    let simulator = quick().start().await.unwrap();
    let client = simulator.client();
    for fails in [false, true] {
        let (directory, path) = temp_path();
        let mut narration = in_pieces(&client).start(&path).await.unwrap();
        let mut progress = narration.progress();
        while progress.borrow_and_update().saved < BOOK.chars().count() {
            tokio::select! {
                biased;
                changed = progress.changed() => changed.unwrap(),
                _ = &mut narration => panic!("the narration is stopped before it returns"),
            }
        }
        if fails {
            fs::create_dir(&path).unwrap();
            let error = narration.stop().await.unwrap_err();
            assert!(error.is_io() && error.billed() == Billed::Yes, "{error:?}");
        } else {
            let recording = narration.stop().await.unwrap().expect("the narration is complete");
            assert_eq!(recording.bytes(), fs::metadata(&path).unwrap().len());
            assert_eq!(file_names(directory.path()), ["book.wav"]);
        }
    }
}

#[tokio::test]
async fn long_text_stopped_before_start_sends_nothing() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let narration = in_pieces(&simulator.client()).start(&path).await.unwrap();
    assert!(narration.stop().await.unwrap().is_none());
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn long_text_with_own_store_keeps_it_and_resubmits_nothing() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let store = directory.path().join("mine");
    for _run in 0..2 {
        in_pieces(&simulator.client()).store(&store).save(&path).await.unwrap();
    }
    assert_eq!(simulator.creates(), pieces().len() as u64);
    assert_eq!(file_names(directory.path()), ["book.wav", "mine"]);
}

#[tokio::test]
async fn long_text_with_invalid_input_is_rejected_before_sending_or_writing() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let client = simulator.client();
    let book = || in_pieces(&client);
    #[rustfmt::skip]
    let table = [
        (client.speak("").in_pieces(),                        "input: contains only white space and invisible characters"),
        (client.speak(" \n ").in_pieces(),                    "input: contains only white space and invisible characters"),
        (client.speak("x").in_pieces(),                       "input: length 1 is too short, expected at least 2 characters"),
        (client.speak(BOOK).temperature(7.0).in_pieces(),     "temperature: 7 is out of range, expected 0 to 1"),
        (book().max_characters(2),                            "max_characters: 2 is out of range, expected 3 to 4096"),
        (book().max_characters(4097),                         "max_characters: 4097 is out of range, expected 3 to 4096"),
        (book().max_in_flight(0),                             "max_in_flight: 0 is too small, expected at least 1"),
        (book().requests_per_second(0.0),                     "requests_per_second: "),
        (book().max_seconds(-1.0),                            "max_seconds: -1 is invalid, expected a number from 0"),
        (book().redo([2]),                                    "redo: the other pieces are not in a store and would be billed again"),
        (book().redo([6, 7]).store(directory.path()),         "redo: piece 7 does not exist, expected 1 to 6"),
        (book().redo([0]).store(directory.path()),            "redo: piece 0 does not exist, expected 1 to 6"),
    ];
    for (pieces, expected) in table {
        let error = pieces.save(&path).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().starts_with(expected), "{error}");
        assert!(file_names(directory.path()).is_empty(), "{error}");
    }
    let error = book().save(directory.path()).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn long_text_with_journal_of_earlier_version_is_refused() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let journal = path.with_extension("wav.journal");
    fs::write(&journal, "{\"journal\":\"distribute-ai batch\",\"version\":1}\n").unwrap();
    let error = in_pieces(&simulator.client()).save(&path).await.unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Invalid, Billed::Maybe), "{error}");
    assert!(error.to_string().contains("book.wav.journal is the journal of an earlier version"), "{error}");
    fs::remove_file(&journal).unwrap();
    in_pieces(&simulator.client()).save(&path).await.unwrap();
}

#[tokio::test]
async fn long_text_speaks_pieces_again_and_keeps_the_others() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let (client, count) = (simulator.client(), pieces().len() as u64);
    let book = || in_pieces(&client).store(directory.path().join("mine"));
    book().save(&path).await.unwrap();
    let ids = |text: &str| simulator.tasks().into_iter().filter(|(_, spoken)| spoken == text).count();
    for run in 1..=2 {
        book().redo([2]).save(&path).await.unwrap();
        assert_eq!((simulator.creates(), ids(pieces()[1])), (count + run, 1 + usize::try_from(run).unwrap()));
    }
    book().save(&path).await.unwrap();
    assert_eq!(simulator.creates(), count + 2, "a later run uses the new speech");
}

#[tokio::test]
async fn long_text_spoken_again_and_interrupted_is_not_billed_a_third_time() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let (client, count) = (simulator.client(), pieces().len() as u64);
    let book = || in_pieces(&client).store(directory.path().join("mine"));
    // Piece 2 is spoken for the first time.
    assert!(book().max_submissions(1).save(&path).await.unwrap_err().is_stopped());
    for creates in [count, count + 1] {
        let narration = book().redo([2]).start(&path).await.unwrap();
        // The file cannot replace a directory.
        fs::create_dir(&path).unwrap();
        narration.await.unwrap_err();
        assert_eq!(simulator.creates(), creates);
        fs::remove_dir(&path).unwrap();
        book().redo([2]).save(&path).await.unwrap();
        assert_eq!(simulator.creates(), creates);
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn long_text_spoken_again_and_interrupted_is_not_billed_a_third_time_after_another_text() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let client = simulator.client();
    let book = |end: &str| {
        let text = client.speak(format!("One one one. {end}")).in_pieces().max_characters(14);
        text.store(directory.path().join("mine"))
    };
    book("Two two two.").save(&path).await.unwrap();
    let narration = book("Two two two.").redo([1]).start(&path).await.unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    narration.await.unwrap_err();
    fs::remove_dir(&path).unwrap();
    book("Six six six.").save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 4);
    book("Two two two.").redo([1]).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 4);
    // The other text has not asked for it yet.
    book("Six six six.").redo([1]).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 5);
}

#[tokio::test]
async fn long_text_speaks_equal_pieces_again_together() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let text = simulator.client().speak("One one one. Two two two. One one one.").in_pieces();
    let text = text.max_characters(14).store(Store::at(directory.path().join("mine")).keep_audio(false));
    text.clone().save(&path).await.unwrap();
    let (old, _) = simulator.tasks().into_iter().find(|(_, text)| text == "One one one.").unwrap();
    let failed = Fault::web_page().json(json!({"id": old.as_str(), "status": "ERROR"}).to_string());
    simulator.script(Route::Result, Script::always(failed).for_task(&old));
    assert_eq!(text.clone().redo([3]).plan().await.unwrap().new, 1);
    text.redo([1]).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 3);
}

#[tokio::test]
async fn long_text_with_equal_pieces_does_not_submit_a_failed_text_again() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    simulator.outcome_of("Two two two.", TaskOutcome::fails());
    // The first piece is still downloaded when the second has failed.
    simulator.script(Route::Audio, Script::always(Fault::slow_drip(64, Duration::from_millis(4))));
    let client = simulator.client_builder().poll_every(Duration::from_millis(1)).build().unwrap();
    let text = client.speak("One one one. Two two two. Two two two.").in_pieces().max_characters(14);
    let error = text.requests_per_second(5.0).save(&path).await.unwrap_err();
    assert!(error.is_failed() && error.piece().unwrap().number == 2, "{error}");
    assert_eq!(simulator.creates(), 2);
}

#[tokio::test]
async fn long_text_piece_that_is_a_task_id_is_spoken() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let text = format!("First part.\n\n{ID}\n\nLast part.");
    simulator.client().speak(text).in_pieces().paragraph_pause(Duration::ZERO).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), 3);
}

#[tokio::test]
async fn long_text_spoken_again_is_complete_after_any_later_run() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), temp_path());
    let (client, count) = (simulator.client(), pieces().len() as u64);
    let book = || in_pieces(&client).store(directory.path().join("mine"));
    book().save(&path).await.unwrap();
    let narration = book().redo([2]).start(&path).await.unwrap();
    // The file cannot replace a directory.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    narration.await.unwrap_err();
    fs::remove_dir(&path).unwrap();
    book().save(&path).await.unwrap();
    assert_eq!(simulator.creates(), count + 1);
    book().redo([2]).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), count + 2);
}

#[tokio::test]
async fn long_text_ends_before_it_exceeds_a_limit_and_continues_with_a_higher_one() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let client = simulator.client();
    let error = in_pieces(&client).max_submissions(3).save(&path).await.unwrap_err();
    assert!(error.is_stopped() && error.piece().unwrap().number == 4, "{error}");
    assert!(error.to_string().contains("max_submissions of 3 is reached"), "{error}");
    assert_eq!(simulator.creates(), 3);
    let error = in_pieces(&client).max_seconds(2.0).save(&path).await.unwrap_err();
    assert!(
        error.is_stopped() && error.to_string().contains("max_seconds of 2 s would be exceeded"),
        "{error}"
    );
    in_pieces(&client).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), pieces().len() as u64);
}

#[tokio::test]
async fn long_text_rejected_by_server_names_first_piece() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    let error = simulator.client().speak(BOOK).voice("nobody").in_pieces().save(&path).await.unwrap_err();
    assert!(error.is_rejected(), "{error}");
    assert_eq!(error.piece().unwrap().number, 1);
}

#[tokio::test]
async fn long_text_with_400_pieces_is_complete() {
    let text = (0..400).map(|number| format!("Sentence number {number}.")).collect::<Vec<_>>().join(" ");
    let simulator = quick().start().await.unwrap();
    let (_directory, path) = temp_path();
    let pieces = simulator.client().speak(&text).in_pieces().max_characters(24);
    pieces.max_in_flight(64).save(&path).await.unwrap();
    let expected: Vec<&str> = split(&text).at_most(24).map(|(_, piece)| piece).collect();
    assert_eq!((expected.len(), simulator.creates()), (400, 400));
    assert!(audio_data(&path) == expected.into_iter().flat_map(audio_data_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn long_text_futures_are_send() {
    fn assert_send<T: Send + 'static>(value: T) -> T {
        value
    }
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    drop(assert_send(in_pieces(&simulator.client()).save(path.clone())));
    drop(assert_send(in_pieces(&simulator.client()).start(path)));
}
