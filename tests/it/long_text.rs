//! Long texts: what is submitted, what is joined, and what remains after a failure.

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
    narration.stop().await;
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
    narration.stop().await;
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

#[tokio::test]
async fn long_text_stopped_before_start_sends_nothing() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    in_pieces(&simulator.client()).start(&path).await.unwrap().stop().await;
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
    book().save(&path).await.unwrap();
    let narration = book().redo([2]).start(&path).await.unwrap();
    // The file cannot replace a directory.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    narration.await.unwrap_err();
    fs::remove_dir(&path).unwrap();
    book().redo([2]).save(&path).await.unwrap();
    assert_eq!(simulator.creates(), count + 1);
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

fn wav(samples_per_second: u32) -> Action {
    let mut head = Simulator::audio_of("Hello")[..44].to_vec();
    head[24..28].copy_from_slice(&samples_per_second.to_le_bytes());
    head[40..44].copy_from_slice(&4_u32.to_le_bytes());
    let body = [&head[..], b"abcd"].concat();
    let response_head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Action::SendRaw([response_head.as_bytes(), &body].concat())
}

/// Saves a text of two pieces. Each download performs the next of these actions.
async fn save_from(actions: impl IntoIterator<Item = Action>, path: &Path) -> Result<Recording, Error> {
    let host = ScriptedServer::start(actions).await;
    let mut result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    result["id"] = json!(ID);
    let server = serve_result(result);
    let speak = client(&server.base_url()).speak("One one one. Two two two.");
    speak.in_pieces().max_characters(14).save(path).await
}

#[tokio::test]
async fn long_text_audio_that_cannot_be_joined_names_both_values() {
    let (_directory, path) = temp_path();
    let error = save_from([wav(24_000), wav(16_000)], &path).await.unwrap_err();
    assert!(error.is_download(), "{error}");
    let expected = "piece 2, bytes 13..25 of the text: could not join the audio: sample rate is 16000, \
        expected 24000 as in the audio before [task ";
    assert!(error.to_string().starts_with(expected), "{error}");

    let error = save_from([Action::response("200 OK", "", "ID3 is no WAV file")], &path).await.unwrap_err();
    assert!(error.to_string().contains("not a WAV file, starts with \"ID3 \""), "{error}");
    assert!(!path.exists());
}

const OTHER_ID: &str = "2c671a64-40d5-491e-99b0-da01ff1f3342";

/// Returns a response of the audio host with this body.
fn audio_response(body: &[u8]) -> Action {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Action::SendRaw([head.as_bytes(), body].concat())
}

/// Returns a WAV file without samples.
fn wav_without_samples() -> Vec<u8> {
    [&Simulator::audio_of("Hello")[..40], b"\0\0\0\0LIST\x04\0\0\0INFO"].concat()
}

/// Starts an API that completes two pieces in order, with these results.
async fn api_of(results: [serde_json::Value; 2]) -> ScriptedServer {
    let responses = [ID, OTHER_ID].into_iter().zip(results).flat_map(|(id, mut result)| {
        result["id"] = json!(id);
        [json!({"id": id}), result].map(|body| Action::json("200 OK", &body))
    });
    ScriptedServer::start(responses).await
}

/// Saves a text of two pieces, of which the first has this response of the audio host.
async fn save_with_first(response: Action, skip: bool, path: &Path) -> Result<Recording, Error> {
    let host = ScriptedServer::start([response, wav(24_000)]).await;
    let result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    let server = api_of([result.clone(), result]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    pieces.max_characters(14).max_in_flight(1).skip_empty_audio(skip).save(path).await
}

#[tokio::test]
async fn long_text_piece_without_audio_ends_narration_and_error_tells_what_to_do() {
    for body in [Vec::new(), wav_without_samples()] {
        let (_directory, path) = temp_path();
        let error = save_with_first(audio_response(&body), false, &path).await.unwrap_err();
        assert_eq!((error.kind(), error.billed()), (ErrorKind::Download, Billed::Yes), "{error}");
        assert_eq!(error.task_id().unwrap(), ID);
        let expected = "piece 1, bytes 0..12 of the text: audio is empty; speak the piece again with `redo([1])`, which \
            is billed again, or skip it with `skip_empty_audio(true)` [task ";
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn long_text_piece_without_audio_is_skipped_if_allowed() {
    for body in [Vec::new(), wav_without_samples()] {
        let (_directory, path) = temp_path();
        let recording = save_with_first(audio_response(&body), true, &path).await.unwrap();
        assert_eq!(audio_data(&path), b"abcd");
        let frames = |count| Duration::from_nanos(count * 1_000_000_000_u64 / 24_000);
        let times: Vec<_> = recording.pieces().iter().map(|cue| (cue.start(), cue.duration())).collect();
        assert_eq!(times, [(frames(0), frames(0)), (frames(0), frames(2))]);
    }
}

/// A lost connection looks like an empty body, if neither a length nor a chunk marks the end.
#[tokio::test]
async fn long_text_piece_whose_audio_may_be_missing_is_not_skipped() {
    let (_directory, path) = temp_path();
    let unmarked = Action::SendRaw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec());
    let error = save_with_first(unmarked, true, &path).await.unwrap_err();
    assert!(error.is_download() && error.piece().unwrap().number == 1, "{error}");
    assert!(error.to_string().contains("or the connection was lost"), "{error}");

    let truncated = &Simulator::audio_of("Hello")[..36];
    let error = save_with_first(audio_response(truncated), true, &path).await.unwrap_err();
    assert!(error.to_string().contains("file ends before the audio starts"), "{error}");

    let mut without_url = crate::support::completed_result("");
    without_url.as_object_mut().unwrap().remove("results");
    let server = api_of([without_url.clone(), without_url]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    let pieces = pieces.max_characters(14).max_in_flight(1).skip_empty_audio(true);
    let error = pieces.save(&path).await.unwrap_err();
    assert!(error.is_download() && error.to_string().contains("audio URL is missing"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn long_text_piece_without_audio_can_be_spoken_again_several_times() {
    let (_directory, path) = temp_path();
    let host = ScriptedServer::start([audio_response(b""), audio_response(b""), wav(24_000)]).await;
    let responses = [ID, OTHER_ID, "3c671a64-40d5-491e-99b0-da01ff1f3343"].into_iter().flat_map(|id| {
        let mut result = crate::support::completed_result(&format!("{}/a.wav", host.url));
        result["id"] = json!(id);
        [json!({"id": id}), result].map(|body| Action::json("200 OK", &body))
    });
    let server = ScriptedServer::start(responses).await;
    let client = client(&server.url);
    let pieces = || client.speak("One one one.").deadline(Duration::from_secs(5)).in_pieces();
    for pieces in [pieces(), pieces().redo([1])] {
        let error = pieces.save(&path).await.unwrap_err();
        assert!(error.to_string().contains("audio is empty"), "{error}");
    }
    pieces().redo([1]).save(&path).await.unwrap();
    assert_eq!(audio_data(&path), b"abcd");
    let creates = server.requests().iter().filter(|request| request.contains("/create")).count();
    assert_eq!(creates, 3);
}

#[tokio::test]
async fn long_text_without_any_audio_is_an_error_even_if_pieces_are_skipped() {
    let (_directory, path) = temp_path();
    let host = ScriptedServer::start([audio_response(b""), audio_response(&wav_without_samples())]).await;
    let result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    let server = api_of([result.clone(), result]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    let pieces = pieces.max_characters(14).max_in_flight(1).skip_empty_audio(true);
    let error = pieces.save(&path).await.unwrap_err();
    assert!(error.is_download() && error.to_string().contains("audio of all pieces is empty"), "{error}");
    assert_eq!(error.billed(), Billed::Yes);
}

#[tokio::test]
async fn long_text_expired_audio_url_is_refreshed_once() {
    let (_directory, path) = temp_path();
    let expired = || Action::response("403 Forbidden", "", "expired");
    save_from([wav(24_000), expired(), wav(24_000)], &path).await.unwrap();
    assert_eq!(audio_data(&path), b"abcdabcd");
    let error = save_from([expired()], &path).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
}

#[tokio::test]
async fn long_text_outlives_outage_of_the_audio_host() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    // An impatient download gives up after about four seconds.
    simulator.down_for(Host::Audio, Duration::from_secs(6)).await.unwrap();
    in_pieces(&simulator.client()).save(&path).await.unwrap();
    assert!(audio_data(&path) == pieces().into_iter().flat_map(audio_data_of).collect::<Vec<_>>());
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

/// Starts the `speak` example, which speaks the file `text` with this simulator and saves it at `path`.
fn start_speak(simulator: &Simulator, text: &Path, path: &Path, args: &[&str]) -> Child {
    Command::new(example_path("speak"))
        .args(["--file".as_ref(), text.as_os_str(), "--out".as_ref(), path.as_os_str()])
        .args(args)
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for_exit(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// On Ctrl-C, a terminal sends this signal.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_interrupted_continues_when_run_again() {
    let simulator = quick().running(Duration::from_secs(2)).start().await.unwrap();
    let (directory, path) = temp_path();
    let file = directory.path().join("book.txt");
    let lines: Vec<_> = (0..800).map(|number| format!("It was the best of times number {number}.")).collect();
    let text = lines.join(" ");
    fs::write(&file, &text).unwrap();
    let child = start_speak(&simulator, &file, &path, &[]);
    while simulator.creates() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, stderr) = wait_for_exit(child);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("error: interrupted; run the same command again to continue"), "{stderr}");
    assert_eq!(file_names(directory.path()), ["book.txt", "book.wav.store"]);

    let (code, stderr) = wait_for_exit(start_speak(&simulator, &file, &path, &[]));
    assert_eq!(code, Some(0), "{stderr}");
    let mut spoken = simulator.spoken();
    spoken.sort_unstable();
    let mut expected: Vec<&str> = split(&text).map(|(_, piece)| piece).collect();
    expected.sort_unstable();
    assert_eq!(spoken, expected);
    assert_eq!(file_names(directory.path()), ["book.txt", "book.wav"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_in_doubt_resubmits_only_if_allowed() {
    let lost = Script::nth(1, Fault::reset().after_accepting());
    let simulator = quick().script(Route::Create, lost).start().await.unwrap();
    let (directory, path) = temp_path();
    let text = directory.path().join("book.txt");
    fs::write(&text, BOOK).unwrap();
    for _run in 0..2 {
        let (code, stderr) = wait_for_exit(start_speak(&simulator, &text, &path, &[]));
        assert_eq!((code, simulator.creates()), (Some(1), 1), "{stderr}");
        assert!(stderr.contains("error: piece 1, bytes 0..") && stderr.contains(": in doubt: "), "{stderr}");
        assert!(stderr.contains("hint: the piece starts at line 1\nhint: run with --resubmit"), "{stderr}");
    }
    let (code, stderr) = wait_for_exit(start_speak(&simulator, &text, &path, &["--resubmit"]));
    assert_eq!((code, simulator.creates()), (Some(0), 2), "{stderr}");
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

/// The text is short by default; `LONG_TEXT=1000000` makes it a book of 17 hours.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_text_memory_does_not_grow_with_audio() {
    let characters = env_or("LONG_TEXT", 20_000);
    let simulator = quick().start().await.unwrap();
    let (directory, path) = temp_path();
    let (text, sentence) =
        (directory.path().join("book.txt"), "It was the best of times and the worst of them. ");
    fs::write(&text, sentence.repeat(characters.div_ceil(sentence.len()))).unwrap();
    let mut child = start_speak(&simulator, &text, &path, &[]);
    let mut peak = 0;
    let status = loop {
        let memory = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let length = fs::metadata(&path).unwrap().len();
    eprintln!(
        "{} requests, a file of {} MB, at most {peak} kB of memory",
        simulator.creates(),
        length / 1_000_000
    );
    assert!(status.success() && length > 2_800 * characters as u64);
    assert!((1..64 * 1024).contains(&peak), "{peak} kB");
}
