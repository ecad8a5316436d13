//! Long texts: what is submitted, what is joined, and what is left when it goes wrong.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use distribute_ai::{
    Client, Error,
    long_text::{InPieces, split},
    testing::{Fault, Route, Script, Simulator, SimulatorBuilder, TaskOutcome},
};
use serde_json::json;

use crate::support::{Act, ID, Socket, client, example, serving, setting};

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

/// A directory with a place for a file in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.wav");
    (directory, path)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// What is heard in a file of ours, behind its head.
fn sound(path: &Path) -> Vec<u8> {
    let file = fs::read(path).unwrap();
    assert_eq!((&file[..4], &file[8..12], &file[72..76]), (&b"RIFF"[..], &b"WAVE"[..], &b"data"[..]));
    let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((length(4), length(76)), (file.len() - 8, file.len() - 80));
    file[80..].to_vec()
}

fn sound_of(text: &str) -> Vec<u8> {
    Simulator::audio_of(text)[44..].to_vec()
}

#[tokio::test]
async fn all_of_it_is_in_one_file_in_its_order() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), place());
    let bytes = in_pieces(&simulator.client()).save(&path).await.unwrap();
    assert_eq!(bytes, fs::metadata(&path).unwrap().len());
    assert!(pieces().len() > 4, "{:?}", pieces());
    assert_eq!(sound(&path), pieces().into_iter().flat_map(sound_of).collect::<Vec<_>>());
    assert_eq!(simulator.creates(), pieces().len() as u64);
    assert_eq!(names(directory.path()), ["book.wav"]);
}

#[tokio::test]
async fn settings_are_those_of_each_piece_and_a_pause_stands_between_two() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), place());
    let speak = simulator.client().speak("One one one. Two two two.").voice(Simulator::VOICE_FILE);
    speak.in_pieces().max_characters(14).pause(Duration::from_millis(250)).save(&path).await.unwrap();
    let pause = vec![0; 12_000];
    assert_eq!(sound(&path), [sound_of("One one one."), pause, sound_of("Two two two.")].concat());
}

#[tokio::test]
async fn the_progress_ends_with_all_of_the_text() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), place());
    let mut narration = in_pieces(&simulator.client()).start(&path).await.unwrap();
    assert_eq!(simulator.creates(), 0, "nothing is sent before it is awaited");
    let bytes = (&mut narration).await.unwrap();
    let end = narration.progress().borrow().clone();
    let characters = BOOK.chars().count();
    assert_eq!((end.characters, end.spoken, end.saved), (characters, characters, characters));
    assert_eq!((end.pieces, end.bytes), (pieces().len(), bytes));
    narration.stop().await;
}

#[tokio::test]
async fn no_more_is_begun_than_may_be_under_way_until_it_is_in_the_file() {
    let first = pieces()[0];
    let simulator = quick().outcome_of(first, TaskOutcome::never_ends()).start().await.unwrap();
    let (_directory, path) = place();
    let narration = in_pieces(&simulator.client()).max_in_flight(3).start(&path).await.unwrap();
    let mut progress = narration.progress();
    let work = tokio::spawn(narration);
    // Two are done, and wait for the first.
    while progress.borrow_and_update().spoken == 0 {
        progress.changed().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(simulator.creates(), 3);
    work.abort();
}

#[tokio::test]
async fn a_piece_that_failed_is_named_and_the_rest_is_fetched_by_another_run() {
    let lost = pieces()[2];
    let simulator = quick().outcome_of(lost, TaskOutcome::fails()).start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), place());
    fs::write(&path, "old").unwrap();
    for _run in 0..2 {
        let error = in_pieces(&client).save(&path).await.unwrap_err();
        assert!(error.is_failed() && error.task_id().is_some(), "{error}");
        let piece = error.piece().unwrap();
        assert_eq!((piece.number, &BOOK[piece.bytes.clone()]), (3, lost));
        assert!(error.to_string().starts_with("piece 3, bytes "), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(directory.path()), ["book.wav", "book.wav.journal"]);
    }
    simulator.outcome_of(lost, TaskOutcome::completes());
    in_pieces(&client).resubmit_failed(1).save(&path).await.unwrap();
    assert_eq!(sound(&path), pieces().into_iter().flat_map(sound_of).collect::<Vec<_>>());
    assert_eq!(names(directory.path()), ["book.wav"]);
    // Everything once, but for the one that was to be submitted again.
    let mut spoken = simulator.spoken();
    spoken.remove(spoken.iter().position(|text| text == lost).unwrap());
    assert_eq!(spoken.len(), pieces().len());
    let texts: HashSet<&str> = spoken.iter().map(String::as_str).collect();
    assert_eq!(texts, pieces().into_iter().collect());
}

#[tokio::test]
async fn a_doubt_is_told_and_told_again_until_somebody_decides() {
    let simulator = quick().script(Route::Create, Script::nth(2, Fault::reset().after_accepting()));
    let (simulator, (directory, path)) = (simulator.start().await.unwrap(), place());
    let client = simulator.client();
    let mut created = Vec::new();
    for _run in 0..2 {
        let error = in_pieces(&client).max_in_flight(2).save(&path).await.unwrap_err();
        assert!(error.is_in_doubt() && error.piece().is_some(), "{error}");
        assert_eq!(names(directory.path()), ["book.wav.journal"]);
        created.push(simulator.creates());
    }
    assert_eq!(created, [2, 2], "the second run has nothing to submit before the doubt");
    let speak = client.speak(BOOK).resubmit_in_doubt(1);
    speak.in_pieces().max_characters(50).save(&path).await.unwrap();
    assert_eq!(sound(&path).len(), pieces().into_iter().map(|text| sound_of(text).len()).sum::<usize>());
    assert_eq!(simulator.creates(), pieces().len() as u64 + 1);
}

#[tokio::test]
async fn stopped_it_is_finished_by_another_run_that_pays_for_nothing_twice() {
    let simulator = quick().running(Duration::from_millis(200)).start().await.unwrap();
    let (client, (directory, path)) = (simulator.client(), place());
    let mut narration = in_pieces(&client).max_in_flight(2).start(&path).await.unwrap();
    let mut progress = narration.progress();
    tokio::select! {
        _ = &mut narration => panic!("it was stopped before its end"),
        _ = progress.changed() => {}
    }
    narration.stop().await;
    assert_eq!(names(directory.path()), ["book.wav.journal"]);
    assert!((2..pieces().len() as u64).contains(&simulator.creates()));

    // The second run may have changed its mind about how, and in part about what.
    let text = BOOK.replace("in my soul", "in his soul");
    client
        .speak(&text)
        .in_pieces()
        .max_characters(50)
        .pause(Duration::from_millis(1))
        .save(&path)
        .await
        .unwrap();
    let now: Vec<_> = split(&text).at_most(50).map(|(_, piece)| piece).collect();
    assert_eq!(simulator.creates(), now.len() as u64);
    assert_eq!(names(directory.path()), ["book.wav"]);
}

#[tokio::test]
async fn stopped_before_it_began_it_sends_nothing() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), place());
    in_pieces(&simulator.client()).start(&path).await.unwrap().stop().await;
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn a_journal_of_ones_own_stays_and_saves_again_for_nothing() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), place());
    let journal = directory.path().join("mine");
    for _run in 0..2 {
        in_pieces(&simulator.client()).journal(&journal).save(&path).await.unwrap();
    }
    assert_eq!(simulator.creates(), pieces().len() as u64);
    assert_eq!(names(directory.path()), ["book.wav", "mine"]);
}

#[tokio::test]
async fn bad_input_is_said_before_anything_is_sent_or_written() {
    let (simulator, (directory, path)) = (quick().start().await.unwrap(), place());
    let client = simulator.client();
    let long = || in_pieces(&client);
    #[rustfmt::skip]
    let table = [
        (client.speak("").in_pieces(),                        "input: there is nothing in it but white space"),
        (client.speak(" \n ").in_pieces(),                    "input: there is nothing in it but white space"),
        (client.speak("x").in_pieces(),                       "input: shorter than 2 characters (it has 1)"),
        (client.speak(BOOK).temperature(7.0).in_pieces(),     "temperature: 7 is not between 0 and 1"),
        (long().max_characters(2),                            "max_characters: 2 is not between 3 and 4096"),
        (long().max_characters(4097),                         "max_characters: 4097 is not between 3 and 4096"),
        (long().max_in_flight(0),                             "max_in_flight: is 0"),
        (long().requests_per_second(0.0),                     "requests_per_second: "),
        (long().journal(directory.path()),                    "journal: "),
    ];
    for (pieces, expected) in table {
        let error = pieces.save(&path).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().starts_with(expected), "{error}");
        assert!(names(directory.path()).is_empty(), "{error}");
    }
    let error = long().save(directory.path()).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn a_refusal_by_the_server_is_of_the_first_piece() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), place());
    let error = simulator.client().speak(BOOK).voice("nobody").in_pieces().save(&path).await.unwrap_err();
    assert!(error.is_rejected(), "{error}");
    assert_eq!(error.piece().unwrap().number, 1);
}

fn wav(samples_per_second: u32) -> Act {
    let mut head = Simulator::audio_of("Hello")[..44].to_vec();
    head[24..28].copy_from_slice(&samples_per_second.to_le_bytes());
    head[40..44].copy_from_slice(&4_u32.to_le_bytes());
    let body = [&head[..], b"abcd"].concat();
    let reply = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Act::Say([reply.as_bytes(), &body].concat())
}

/// Two pieces, of which each is answered with the next of these.
async fn save_from(acts: impl IntoIterator<Item = Act>, path: &Path) -> Result<u64, Error> {
    let host = Socket::play(acts).await;
    let mut result = crate::support::completed(&format!("{}/a.wav", host.url));
    result["id"] = json!(ID);
    let server = serving(result);
    let speak = client(&server.base_url()).speak("One one one. Two two two.");
    speak.in_pieces().max_characters(14).save(path).await
}

#[tokio::test]
async fn what_can_not_be_joined_is_named_with_both_values() {
    let (_directory, path) = place();
    let error = save_from([wav(24_000), wav(16_000)], &path).await.unwrap_err();
    assert!(error.is_download(), "{error}");
    let expected = "piece 2, bytes 13..25 of the text: the audio can't be joined: it has 16000 samples per second, and what \
        comes before it 24000 [task ";
    assert!(error.to_string().starts_with(expected), "{error}");

    let error = save_from([Act::reply("200 OK", "", "ID3 is no WAV file")], &path).await.unwrap_err();
    assert!(error.to_string().contains("it is no WAV file (it begins with \"ID3 \")"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn an_address_that_has_expired_is_asked_for_again_once() {
    let (_directory, path) = place();
    let expired = || Act::reply("403 Forbidden", "", "expired");
    save_from([wav(24_000), expired(), wav(24_000)], &path).await.unwrap();
    assert_eq!(sound(&path), b"abcdabcd");
    let error = save_from([expired()], &path).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
}

#[tokio::test]
async fn hundreds_of_pieces_are_as_good_as_a_few() {
    let text = (0..400).map(|number| format!("Sentence number {number}.")).collect::<Vec<_>>().join(" ");
    let simulator = quick().start().await.unwrap();
    let (_directory, path) = place();
    let pieces = simulator.client().speak(&text).in_pieces().max_characters(24);
    pieces.max_in_flight(64).save(&path).await.unwrap();
    let expected: Vec<&str> = split(&text).at_most(24).map(|(_, piece)| piece).collect();
    assert_eq!((expected.len(), simulator.creates()), (400, 400));
    assert!(sound(&path) == expected.into_iter().flat_map(sound_of).collect::<Vec<_>>());
}

/// The example speaks a file by this simulator.
fn speak(simulator: &Simulator, text: &Path, path: &Path, args: &[&str]) -> Child {
    Command::new(example("speak"))
        .args(["--file".as_ref(), text.as_os_str(), "--out".as_ref(), path.as_os_str()])
        .args(args)
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A signal is how a terminal says Ctrl-C.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_the_example_notes_what_it_has_submitted_and_goes_on_when_run_again() {
    let simulator = quick().running(Duration::from_secs(2)).start().await.unwrap();
    let (directory, path) = place();
    let file = directory.path().join("book.txt");
    let text = "It was the best of times. ".repeat(800);
    fs::write(&file, &text).unwrap();
    let child = speak(&simulator, &file, &path, &[]);
    while simulator.creates() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, told) = said(child);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("error: interrupted; run the same command again to go on"), "{told}");
    assert_eq!(names(directory.path()), ["book.txt", "book.wav.journal"]);

    let (code, told) = said(speak(&simulator, &file, &path, &[]));
    assert_eq!(code, Some(0), "{told}");
    let mut spoken = simulator.spoken();
    spoken.sort_unstable();
    let mut expected: Vec<&str> = split(&text).map(|(_, piece)| piece).collect();
    expected.sort_unstable();
    assert_eq!(spoken, expected);
    assert_eq!(names(directory.path()), ["book.txt", "book.wav"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_pays_again_for_what_is_in_doubt_only_when_told_to() {
    let lost = Script::nth(1, Fault::reset().after_accepting());
    let simulator = quick().script(Route::Create, lost).start().await.unwrap();
    let (directory, path) = place();
    let text = directory.path().join("book.txt");
    fs::write(&text, BOOK).unwrap();
    for _run in 0..2 {
        let (code, told) = said(speak(&simulator, &text, &path, &[]));
        assert_eq!((code, simulator.creates()), (Some(1), 1), "{told}");
        assert!(told.contains("error: piece 1, bytes 0..") && told.contains(": in doubt: "), "{told}");
        assert!(told.contains("hint: that piece begins in line 1\nhint: run it with --again"), "{told}");
    }
    let (code, told) = said(speak(&simulator, &text, &path, &["--again"]));
    assert_eq!((code, simulator.creates()), (Some(0), 2), "{told}");
}

#[tokio::test]
async fn its_futures_cross_threads() {
    fn crosses<T: Send + 'static>(value: T) -> T {
        value
    }
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), place());
    drop(crosses(in_pieces(&simulator.client()).save(path.clone())));
    drop(crosses(in_pieces(&simulator.client()).start(path)));
}

/// By default a small one; `LONG_TEXT=1000000` makes it a book of 17 hours.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_that_it_takes_does_not_grow_with_the_sound() {
    let characters = setting("LONG_TEXT", 20_000);
    let simulator = quick().start().await.unwrap();
    let (directory, path) = place();
    let (text, sentence) =
        (directory.path().join("book.txt"), "It was the best of times and the worst of them. ");
    fs::write(&text, sentence.repeat(characters.div_ceil(sentence.len()))).unwrap();
    let mut child = speak(&simulator, &text, &path, &[]);
    let mut peak = 0;
    let status = loop {
        let told = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let length = fs::metadata(&path).unwrap().len();
    eprintln!(
        "{} requests, a file of {} MB, {peak} kB of memory at the most",
        simulator.creates(),
        length / 1_000_000
    );
    assert!(status.success() && length > 2_800 * characters as u64);
    assert!((1..64 * 1024).contains(&peak), "{peak} kB");
}
