//! The time line of a long text, its subtitles and its chapters, in readers of other authors.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use distribute_ai::{
    long_text::{Cue, InPieces, Recording},
    testing::{Simulator, SimulatorBuilder},
};
use subtp::{
    srt::SubRip,
    vtt::{VttBlock, WebVtt},
};

use crate::support::example_path;

/// The length of the header of a file of this library, in bytes.
const HEADER: usize = 80;

/// The number of bytes of audio of the simulator per second.
const BYTES_PER_SECOND: u128 = 48_000;

fn quick() -> SimulatorBuilder {
    Simulator::builder().waiting(Duration::from_millis(5)).running(Duration::from_millis(15))
}

/// Returns a text with chapters, paragraphs, several scripts and markup.
fn book(characters: usize) -> String {
    let mut random = fastrand::Rng::with_seed(15);
    let sentences = [
        "It was the best of times, it was the worst of times, it was the age of wisdom.",
        "Stop!",
        "“No,” she said; “I will not go any further, because the road is long --> and dark.”",
        "Ask <i>me</i> & them {again}.",
        "今日は晴れです。明日は雨が降るでしょう、たぶん。",
        "كيف حالك اليوم؟ أنا بخير، شكرا جزيلا لك يا صديقي العزيز.",
        "👩\u{200d}👩\u{200d}👧 Yes 🇩🇪.",
    ];
    let (mut text, mut length, mut chapter) = (String::new(), 0, 0);
    while length < characters {
        let start = text.len();
        if random.u8(..40) == 0 {
            chapter += 1;
            let _ = write!(text, "\n\n# Chapter {chapter} & <more>\n\n");
        }
        text.push_str(random.choice(sentences).unwrap());
        text.push_str(if random.u8(..6) == 0 { "\n\n" } else { " " });
        length += text[start..].chars().count();
    }
    text
}

fn in_pieces(simulator: &Simulator, text: &str) -> InPieces {
    let pieces = simulator.client().speak(text).in_pieces().max_characters(700).max_in_flight(64);
    pieces
        .pause(Duration::from_micros(70_070))
        .paragraph_pause(Duration::from_micros(333_333))
        .chapter_pause(Duration::from_millis(900))
}

/// The times in milliseconds and the lines of each subtitle.
type Subtitles = Vec<(u128, u128, Vec<String>)>;

fn millis(hours: u8, minutes: u8, seconds: u8, milliseconds: u16) -> u128 {
    let seconds = (u128::from(hours) * 60 + u128::from(minutes)) * 60 + u128::from(seconds);
    seconds * 1000 + u128::from(milliseconds)
}

fn read_vtt(path: &Path) -> Subtitles {
    let file = WebVtt::parse(&fs::read_to_string(path).unwrap()).unwrap();
    let cues = file.blocks.into_iter().map(|block| {
        let VttBlock::Que(cue) = block else { panic!("expected only cues, found {block:?}") };
        let times = [cue.timings.start, cue.timings.end];
        let [start, end] = times.map(|at| millis(at.hours, at.minutes, at.seconds, at.milliseconds));
        (start, end, cue.payload)
    });
    cues.collect()
}

fn read_srt(path: &Path) -> Subtitles {
    let file = SubRip::parse(&fs::read_to_string(path).unwrap()).unwrap();
    let subtitles = file.subtitles.into_iter().enumerate().map(|(index, subtitle)| {
        assert_eq!(subtitle.sequence as usize, index + 1);
        let times = [subtitle.start, subtitle.end];
        let [start, end] = times.map(|at| millis(at.hours, at.minutes, at.seconds, at.milliseconds));
        (start, end, subtitle.text)
    });
    subtitles.collect()
}

/// Checks in the samples that the audio of each piece is where its cue is, with silence before it.
fn assert_pieces_are_in_samples(recording: &Recording, text: &str, audio: &[u8]) {
    let mut end = 0;
    for cue in recording.pieces() {
        let tone = &Simulator::audio_of(&text[cue.bytes()])[44..];
        // The exact position, from the samples before it. The time is rounded down to nanoseconds.
        let silence = audio[end..].chunks(2).take_while(|sample| *sample == [0, 0]).count() * 2;
        let leading = tone.chunks(2).take_while(|sample| *sample == [0, 0]).count() * 2;
        let start = end + silence - leading;
        assert!(&audio[start..start + tone.len()] == tone, "{cue:?}");
        let nanos = |bytes: usize| bytes as u128 * 1_000_000_000 / BYTES_PER_SECOND;
        end = start + tone.len();
        assert_eq!((cue.start().as_nanos(), cue.end().as_nanos()), (nanos(start), nanos(end)));
        assert!(!cue.is_estimated());
    }
    assert_eq!(end, audio.len());
}

/// Checks the readable length and the order of subtitles, and that each piece starts with one.
fn assert_subtitles_fit(subtitles: &Subtitles, recording: &Recording) {
    for pair in subtitles.windows(2) {
        assert!(pair[0].0 < pair[0].1 && pair[0].1 <= pair[1].0, "{pair:?}");
    }
    for (start, end, lines) in subtitles {
        assert!((1..=2).contains(&lines.len()) && end - start <= 7001, "{lines:?}");
    }
    for piece in recording.pieces() {
        let start = piece.start().as_millis();
        assert!(subtitles.binary_search_by_key(&start, |subtitle| subtitle.0).is_ok(), "{piece:?}");
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{2060}').collect()
}

fn shown(subtitles: &Subtitles) -> String {
    subtitles.iter().flat_map(|(.., lines)| lines).map(|line| letters(line)).collect()
}

/// The files of a narration in a temporary directory.
fn paths() -> (tempfile::TempDir, [PathBuf; 3]) {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["book.wav", "book.vtt", "chapters.vtt"].map(|name| directory.path().join(name));
    (directory, paths)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subtitles_of_100000_characters_are_read_and_pieces_start_with_their_audio() {
    let text = book(100_000);
    let (simulator, (directory, [path, vtt, chapters])) = (quick().start().await.unwrap(), paths());
    let (store, srt) = (directory.path().join("speeches"), directory.path().join("book.srt"));
    let pieces = in_pieces(&simulator, &text).store(&store);
    let saved = pieces.clone().subtitles(&vtt).chapters(&chapters).save(&path).await.unwrap();
    let billed = simulator.creates();
    let recording = pieces.subtitles(&srt).save(&path).await.unwrap();
    assert_eq!((simulator.creates(), &recording), (billed, &saved), "the second run is free");
    assert!(text.chars().count() >= 100_000 && recording.pieces().len() > 200);

    let audio = fs::read(&path).unwrap();
    assert_eq!(recording.bytes(), audio.len() as u64);
    let duration = (audio.len() - HEADER) as u128 * 1_000_000_000 / BYTES_PER_SECOND;
    assert_eq!(recording.duration().as_nanos(), duration);
    assert_pieces_are_in_samples(&recording, &text, &audio[HEADER..]);

    let from_srt = read_srt(&srt);
    assert_subtitles_fit(&from_srt, &recording);
    assert_eq!(shown(&from_srt), letters(&text));
    let from_vtt = read_vtt(&vtt);
    assert_subtitles_fit(&from_vtt, &recording);
    let unescaped = shown(&from_vtt).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(unescaped, letters(&text));

    let found = read_vtt(&chapters);
    assert!(found.len() > 10);
    for (number, (start, _, title)) in (1..).zip(&found) {
        assert_eq!(*title, [format!("Chapter {number} &amp; &lt;more&gt;")]);
        let heading = text.find(&format!("# Chapter {number} ")).unwrap();
        let piece = recording.pieces().iter().find(|piece| piece.bytes().start == heading).unwrap();
        assert_eq!(*start, piece.start().as_millis());
    }
    assert!(found.windows(2).all(|pair| pair[0].1 == pair[1].0));
}

#[tokio::test]
async fn sentences_add_up_to_their_pieces_and_cover_text() {
    let text = book(5_000);
    let (simulator, (_directory, [path, ..])) = (quick().start().await.unwrap(), paths());
    let recording = in_pieces(&simulator, &text).save(&path).await.unwrap();
    let mut sentences = recording.sentences().peekable();
    for piece in recording.pieces() {
        let in_piece: Vec<_> =
            std::iter::from_fn(|| sentences.next_if(|cue| cue.bytes().start < piece.bytes().end)).collect();
        assert_eq!(in_piece[0].start(), piece.start());
        assert_eq!(in_piece.iter().map(Cue::duration).sum::<Duration>(), piece.duration());
        assert!(in_piece.iter().all(|cue| cue.is_estimated() == (in_piece.len() > 1)));
    }
    assert_eq!(sentences.next(), None);
    let spoken: String = recording.sentences().map(|cue| letters(&text[cue.bytes()])).collect();
    assert_eq!(spoken, letters(&text));
}

#[tokio::test]
async fn pauses_depend_on_what_they_separate() {
    let text = "Before.\n\nChapter 1\nOne one one one. Two two two two.\n\n* * *\n\nThree.";
    let (simulator, (_directory, [path, ..])) = (quick().start().await.unwrap(), paths());
    let seconds = Duration::from_secs;
    let pieces = simulator.client().speak(text).in_pieces().max_characters(28).pause(seconds(1));
    let pieces = pieces.paragraph_pause(seconds(2)).chapter_pause(seconds(3));
    let recording = pieces.save(&path).await.unwrap();
    let spoken: Vec<_> = recording.pieces().iter().map(|cue| &text[cue.bytes()]).collect();
    assert_eq!(spoken, ["Before.", "Chapter 1\nOne one one one.", "Two two two two.\n\n* * *", "Three."]);
    let pauses: Vec<_> =
        recording.pieces().windows(2).map(|pair| pair[1].start().saturating_sub(pair[0].end())).collect();
    assert_eq!(pauses, [3, 1, 2].map(seconds));
}

#[tokio::test]
async fn text_files_with_invalid_path_are_rejected_before_sending_or_writing() {
    let (simulator, (directory, [path, vtt, _])) = (quick().start().await.unwrap(), paths());
    let book = || simulator.client().speak("Call me Ishmael.").in_pieces();
    let in_directory = |name: &str| directory.path().join(name);
    let other_name = directory.path().join(".").join("book.vtt");
    #[rustfmt::skip]
    let table = [
        (book().subtitles(in_directory("book.txt")),                   "subtitles: ", "expected the ending .vtt or .srt"),
        (book().chapters(in_directory("book.srt")),                "chapters: ", "expected the ending .vtt"),
        (book().subtitles(&vtt).chapters(other_name),              "chapters: ", "is the path of another file"),
        (book().subtitles(&vtt).store(&vtt),                           "subtitles: ", "is the path of another file"),
        (book().store(&path),                                          "store: "  , "is the path of another file"),
    ];
    for (pieces, field, problem) in table {
        let error = pieces.save(&path).await.unwrap_err();
        let message = error.to_string();
        assert!(error.is_invalid() && message.starts_with(field) && message.contains(problem), "{error}");
    }
    let audio = directory.path().join("audio.vtt");
    assert!(book().subtitles(&audio).save(&audio).await.unwrap_err().is_invalid());
    let error = book().subtitles(in_directory("missing/a.vtt")).save(&path).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    fs::write(&path, "an older file").unwrap();
    let error = book().store(&path).save(&path).await.unwrap_err();
    assert_eq!(error.billed(), distribute_ai::Billed::No, "the file is not the store of an earlier run");
    assert_eq!(simulator.requests(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn text_files_that_are_one_file_through_dangling_links_are_rejected() {
    let (simulator, (directory, [path, vtt, _])) = (quick().start().await.unwrap(), paths());
    let link = directory.path().join("link.vtt");
    std::os::unix::fs::symlink("book.vtt", &link).unwrap();
    let pieces = simulator.client().speak("Call me Ishmael.").in_pieces();
    let error = pieces.subtitles(&vtt).chapters(&link).save(&path).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is the path of another file"), "{error}");
    assert_eq!((simulator.requests(), fs::read_dir(directory.path()).unwrap().count()), (0, 1));
}

#[tokio::test]
async fn text_files_whose_names_differ_in_case_are_rejected_only_if_they_are_one_file() {
    let (simulator, (directory, [path, vtt, _])) = (quick().start().await.unwrap(), paths());
    let upper = directory.path().join("BOOK.vtt");
    fs::write(&upper, "").unwrap();
    let is_one_file = vtt.exists();
    fs::remove_file(&upper).unwrap();
    let pieces = simulator.client().speak("# Loomings\n\nCall me Ishmael.").in_pieces();
    match pieces.subtitles(&vtt).chapters(&upper).save(&path).await {
        Ok(_) => assert!(!is_one_file && vtt.exists() && upper.exists()),
        Err(error) => assert!(is_one_file && error.is_invalid(), "{error}"),
    }
}

#[tokio::test]
async fn subtitles_that_cannot_be_written_leave_store_for_a_free_run() {
    let (simulator, (directory, [path, vtt, _])) = (quick().start().await.unwrap(), paths());
    let pieces = in_pieces(&simulator, "Call me Ishmael.").subtitles(&vtt);
    let narration = pieces.clone().start(&path).await.unwrap();
    // The file cannot replace a directory.
    fs::create_dir(&vtt).unwrap();
    let error = narration.await.unwrap_err();
    assert!(error.is_io() && error.billed() == distribute_ai::Billed::Yes, "{error}");
    assert!(path.exists() && directory.path().join("book.wav.store").exists());
    fs::remove_dir(&vtt).unwrap();
    pieces.save(&path).await.unwrap();
    assert_eq!((simulator.creates(), read_vtt(&vtt).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_writes_subtitles() {
    let (simulator, (directory, [path, vtt, _])) = (quick().start().await.unwrap(), paths());
    let text = directory.path().join("book.txt");
    fs::write(&text, "Call me Ishmael. Some years ago, I went to sea.").unwrap();
    let speak = |subtitles: &Path| {
        let mut command = Command::new(example_path("speak"));
        command.args(["--file".as_ref(), text.as_os_str(), "--out".as_ref(), path.as_os_str()]);
        command.arg("--subtitles").arg(subtitles).env("DISTRIBUTE_AI_API_KEY", simulator.api_key());
        command.env("DISTRIBUTE_AI_BASE_URL", simulator.base_url()).output().unwrap().status.code()
    };
    assert_eq!((speak(&directory.path().join("book.txt")), simulator.creates()), (Some(2), 0));
    assert_eq!(speak(&vtt), Some(0));
    assert_eq!(shown(&read_vtt(&vtt)), letters("Call me Ishmael. Some years ago, I went to sea."));
}
