use super::*;

#[test]
fn time_of_frames_is_rounded_down_without_accumulated_error() {
    assert_eq!(frames_to_time(0, 44_100), Duration::ZERO);
    assert_eq!(frames_to_time(1, 44_100), Duration::from_nanos(22_675));
    assert_eq!(frames_to_time(44_100 * 36_000, 44_100), Duration::from_secs(36_000));
    // One frame more than 1,000 hours.
    let expected = Duration::from_secs(3_600_000) + Duration::from_nanos(20_833);
    assert_eq!(frames_to_time(48_000 * 3_600_000 + 1, 48_000), expected);
    assert_eq!(frames_to_time(u64::MAX, 1), Duration::from_secs(u64::MAX));
}

#[test]
fn pieces_without_pause_have_no_gap_and_no_overlap() {
    let rate = 44_100;
    let positions: Vec<_> = (0..1000_u64).map(|at| (0..0, at * 12_347..(at + 1) * 12_347)).collect();
    let file = WavFile { bytes: 1, frames: 12_347_000, sample_rate: rate };
    let recording = Recording::new(file, String::new(), positions);
    for pair in recording.pieces().windows(2) {
        assert_eq!(pair[0].end(), pair[1].start());
    }
    assert_eq!(recording.pieces().last().unwrap().end(), recording.duration());
}

#[test]
fn sentences_divide_time_by_characters_and_add_up_to_piece() {
    let text = "Before. Äöü! 你好吗。\u{200b}Then \u{feff}what? I…";
    let start = text.find('Ä').unwrap();
    let (piece, second) = (start..text.len(), 1_000_000_007);
    let piece = Cue {
        bytes: piece,
        start: Duration::from_secs(7),
        duration: Duration::from_nanos(second),
        estimated: false,
    };
    let recording = Recording {
        text: text.to_owned(),
        bytes: 0,
        duration: Duration::from_secs(9),
        pieces: vec![piece.clone()],
    };
    let cues: Vec<_> = recording.sentences().collect();
    let texts: Vec<_> = cues.iter().map(|cue| text[cue.bytes()].trim_matches('\u{200b}')).collect();
    assert_eq!(texts, ["Äöü!", "你好吗。", "Then \u{feff}what?", "I…"]);
    // 4, 4, 9 and 2 of 19 characters.
    assert_eq!(cues[0].start(), piece.start());
    assert_eq!(cues[1].start(), piece.start() + Duration::from_nanos(second * 4 / 19));
    assert_eq!(cues[3].start(), piece.start() + Duration::from_nanos(second * 17 / 19));
    assert!(cues.iter().all(Cue::is_estimated));
    assert_eq!(cues.iter().map(Cue::duration).sum::<Duration>(), piece.duration());
    assert!(cues.windows(2).all(|pair| pair[0].end() == pair[1].start()));
}

#[test]
fn sentence_that_is_whole_piece_is_exact() {
    let file = WavFile { bytes: 1, frames: 24_000, sample_rate: 24_000 };
    let recording = Recording::new(file, "One, two.".to_owned(), vec![(0..9, 0..24_000)]);
    assert_eq!(recording.sentences().collect::<Vec<_>>(), recording.pieces());
    assert!(!recording.pieces()[0].is_estimated());
}

#[test]
fn piece_without_audio_is_cue_of_zero_duration() {
    let positions = vec![(0..4, 0..10), (5..9, 10..10), (10..14, 20..30)];
    let file = WavFile { bytes: 1, frames: 30, sample_rate: 10 };
    let recording = Recording::new(file, "One. Two. Six.".to_owned(), positions);
    let times: Vec<_> = recording.sentences().map(|cue| (cue.start().as_secs(), cue.duration())).collect();
    let second = Duration::from_secs(1);
    assert_eq!(times, [(0, second), (1, Duration::ZERO), (2, second)]);
}

#[test]
fn debug_output_of_recording_omits_text() {
    let file = WavFile { bytes: 1, frames: 1, sample_rate: 1 };
    let recording = Recording::new(file, "private".to_owned(), vec![(0..7, 0..1)]);
    assert!(!format!("{recording:?}").contains("private"));
}

#[test]
fn cue_has_documented_size() {
    assert_eq!(size_of::<Cue>(), 56);
}
