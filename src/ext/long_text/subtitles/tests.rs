use super::{super::wav::joiner::WavFile, *};

const RATE: u32 = 24_000;

/// Returns a recording of pieces, each with its duration in milliseconds and the pause before it.
fn recording(pieces: &[(&str, u64, u64)]) -> Recording {
    let (mut text, mut frames, mut positions) = (String::new(), 0, Vec::new());
    for (piece, duration, pause) in pieces {
        let (start, first) = (text.len(), frames + pause * 24);
        text.push_str(piece);
        frames = first + duration * 24;
        positions.push((start..text.len(), first..frames));
        text.push_str("\n\n");
    }
    Recording::new(WavFile { bytes: 1, frames, sample_rate: RATE }, text, positions)
}

/// A subtitle: start and end in milliseconds, and the lines.
type Subtitle = (u64, u64, Vec<String>);

/// Reads subtitles as SRT.
fn parse(srt: &str) -> Vec<Subtitle> {
    let time = |text: &str| {
        let (clock, milliseconds) = text.split_once(',').unwrap();
        let seconds = clock.split(':').fold(0, |total, part| total * 60 + part.parse::<u64>().unwrap());
        seconds * 1000 + milliseconds.parse::<u64>().unwrap()
    };
    let blocks = srt.split_terminator("\n\n").enumerate();
    let subtitles = blocks.map(|(index, block)| {
        let mut lines = block.lines();
        assert_eq!(lines.next().unwrap(), (index + 1).to_string());
        let (start, end) = lines.next().unwrap().split_once(" --> ").unwrap();
        (time(start), time(end), lines.map(str::to_owned).collect())
    });
    subtitles.collect()
}

fn subtitles(pieces: &[(&str, u64, u64)]) -> Vec<Subtitle> {
    parse(&Format::Srt.subtitles(&recording(pieces)))
}

#[test]
fn subtitles_have_numbers_and_times_of_their_format() {
    let recording = recording(&[("One.", 1500, 0), ("Two.", 2000, 250)]);
    let srt = "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n00:00:01,750 --> 00:00:03,750\nTwo.\n\n";
    assert_eq!(Format::Srt.subtitles(&recording), srt);
    let vtt = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne.\n\n00:00:01.750 --> 00:00:03.750\nTwo.\n\n";
    assert_eq!(Format::WebVtt.subtitles(&recording), vtt);
}

#[test]
fn markup_in_text_is_escaped() {
    let piece = [("Ask <i>me</i> & {\\an8} --> 3 < 4.", 2000, 0)];
    let vtt = Format::WebVtt.subtitles(&recording(&piece));
    assert!(vtt.ends_with("\nAsk &lt;i&gt;me&lt;/i&gt; &amp; {\\an8} --&gt; 3 &lt; 4.\n\n"), "{vtt}");
    let srt = Format::Srt.subtitles(&recording(&piece));
    let expected = "\nAsk <\u{2060}i>me<\u{2060}/i> & {\u{2060}\\an8} --\u{2060}> 3 <\u{2060} 4.\n\n";
    assert!(srt.ends_with(expected), "{srt}");
}

#[test]
fn empty_lines_and_control_characters_are_not_shown() {
    let found = subtitles(&[("One\0 two\t\n\n\u{85}three \u{1b}[1m four\u{a0}5", 2000, 0)]);
    assert_eq!(found, [(0, 2000, vec!["One two three [1m four\u{a0}5".to_owned()])]);
}

#[test]
fn hours_have_more_than_two_digits_from_100_on() {
    assert_eq!(Format::Srt.timestamp(36_000_001), "10:00:00,001");
    assert_eq!(Format::WebVtt.timestamp(359_999_999), "99:59:59.999");
    assert_eq!(Format::WebVtt.timestamp(360_000_000), "100:00:00.000");
}

#[test]
fn long_sentence_is_divided_at_clauses_into_two_lines_each() {
    let text = "Some years ago, never mind how long precisely, having little or no money in my purse, and \
                nothing particular to interest me on shore, I thought I would sail about a little.";
    let lines: Vec<_> = subtitles(&[(text, 11_000, 0)]).into_iter().map(|(.., lines)| lines).collect();
    let expected: [&[&str]; 4] = [
        &["Some years ago,", "never mind how long precisely,"],
        &["having little or no money in my purse,"],
        &["and nothing particular", "to interest me on shore,"],
        &["I thought I would sail about a little."],
    ];
    assert_eq!(lines, expected);
}

#[test]
fn short_sentences_share_a_subtitle_and_slow_ones_do_not() {
    let text = "Never. Why? I will not go any further.";
    let texts = |milliseconds| -> Vec<String> {
        subtitles(&[(text, milliseconds, 0)]).into_iter().map(|(.., lines)| lines.join("|")).collect()
    };
    assert_eq!(texts(2500), [text]);
    assert_eq!(texts(9000), ["Never.", "Why?", "I will not go any further."]);
    // A subtitle of more than 7 seconds is divided.
    assert_eq!(texts(16_000), ["Never.", "Why?", "I will not go", "any further."]);
}

/// Returns texts of several scripts, with and without spaces.
fn scripts() -> [String; 8] {
    [
        "It was the best of times, it was the worst of times. “Stop!” he said; then, nothing. ".repeat(20),
        "今日は晴れです。明日は雨が降るでしょう、たぶん。「そうですか」と彼は言った。".repeat(12),
        "我们今天要去公园吃一顿非常丰盛的午餐然后再去看一场很长很长的电影最后回家睡觉".repeat(12),
        "كيف حالك اليوم؟ أنا بخير، شكرا جزيلا لك يا صديقي العزيز. ".repeat(20),
        "שלום לכולם, מה שלומכם היום? הכול בסדר גמור. ".repeat(20),
        "👩\u{200d}👩\u{200d}👧🇩🇪e\u{301}".repeat(60),
        "क्या हाल है? मैं ठीक हूँ और आप कैसे हैं, मेरे दोस्त। ".repeat(15),
        "Supercalifragilistic".repeat(12) + " -->\r\n\r\n<b>" + &"x ".repeat(70),
    ]
}

#[test]
fn subtitles_of_every_script_have_readable_length_and_whole_text() {
    for text in scripts() {
        let text = text.trim();
        // 12 columns per second.
        let columns: usize = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        let duration = columns as u64 * 80;
        let recording = recording(&[(text, duration, 3)]);
        let screens = layout::screens(recording.text(), &recording.pieces()[0]);
        assert!(screens.len() > 2, "{text}");
        for screen in &screens {
            assert!((1..=2).contains(&screen.lines.len()), "{screen:?}");
            assert!(screen.cue.duration() <= Duration::from_millis(7001), "{screen:?}");
            for line in &screen.lines {
                assert!(
                    (1..=42).contains(&line.chars().filter(|c| c.is_alphanumeric() || c.is_ascii()).count())
                );
                assert!(!line.starts_with(['\u{301}', '\u{200d}', ' ']) && !line.ends_with(' '), "{line:?}");
                assert_eq!(line.matches('\u{1f1e9}').count(), line.matches('\u{1f1ea}').count(), "{line:?}");
            }
        }
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let shown: String =
            screens.iter().flat_map(|screen| &screen.lines).map(|line| letters(line)).collect();
        assert_eq!(shown, letters(text));
        let short =
            screens.iter().filter(|screen| screen.cue.duration() < Duration::from_millis(900)).count();
        assert!(short * 10 <= screens.len(), "{short} of {}: {screens:?}", screens.len());
    }
}

#[test]
fn wide_characters_take_two_columns() {
    let text = "我们今天要去公园吃一顿非常丰盛的午餐然后再去看一场很长很长的电影最后回家睡觉";
    let lines: Vec<_> = subtitles(&[(text, 6000, 0)]).into_iter().flat_map(|(.., lines)| lines).collect();
    assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 21), "{lines:?}");
}

#[test]
fn times_in_10_hours_never_overlap_and_start_with_their_piece() {
    let text =
        "It was the best of times, it was the worst of times. Stop! And then, nothing happened. ".repeat(4);
    // 1,234,567 is not a whole number of milliseconds.
    let mut frames = 0;
    let mut all = String::new();
    let mut positions = Vec::new();
    for _ in 0..1600 {
        let start = all.len();
        all.push_str(text.trim());
        positions.push((start..all.len(), frames + 7..frames + 1_234_567));
        all.push(' ');
        frames += 1_234_567;
    }
    let recording = Recording::new(WavFile { bytes: 1, frames, sample_rate: 44_100 }, all, positions);
    assert!(recording.duration() > Duration::from_secs(36_000));
    let found = parse(&Format::Srt.subtitles(&recording));
    for pair in found.windows(2) {
        assert!(pair[0].0 < pair[0].1 && pair[0].1 <= pair[1].0, "{pair:?}");
    }
    for piece in 0..1600_u64 {
        let start = (piece * 1_234_567 + 7) * 1000 / 44_100;
        assert!(found.binary_search_by_key(&start, |subtitle| subtitle.0).is_ok(), "{piece}");
    }
}

#[test]
fn piece_without_audio_has_no_subtitle_and_short_one_is_whole() {
    let found = subtitles(&[("One. Two. Three.", 2, 0), ("Nothing.", 0, 0), ("Four.", 1000, 500)]);
    let texts: Vec<_> = found.iter().map(|(start, end, lines)| (*start, *end, lines.join("|"))).collect();
    assert_eq!(texts, [(0, 2, "One. Two. Three.".to_owned()), (502, 1502, "Four.".to_owned())]);
}

#[test]
fn chapters_start_at_their_headings_and_end_at_the_next() {
    let recording = recording(&[
        ("Preface.", 1000, 0),
        ("# One & <all>\nText.", 2000, 500),
        ("More.", 1000, 100),
        ("## Silent", 0, 0),
        ("## Two", 1000, 300),
    ]);
    let headings: Vec<_> = recording.text().match_indices("# ").map(|(at, _)| at).collect();
    let starts = [headings[0], headings[1] - 1, headings[2] - 1];
    let expected = "WEBVTT\n\n00:00:01.500 --> 00:00:04.600\nOne &amp; &lt;all&gt;\n\n\
                    00:00:04.600 --> 00:00:04.900\nSilent\n\n00:00:04.900 --> 00:00:05.900\nTwo\n\n";
    assert_eq!(chapters(&recording, &starts), expected);
    assert_eq!(chapters(&recording, &[]), "WEBVTT\n\n");
}

#[test]
fn title_of_a_chapter_ends_at_every_line_separator() {
    let recording = recording(&[("# One\u{2029}Text.", 1000, 0), ("# Two\u{c}More.", 1000, 0)]);
    let second = recording.text().rfind('#').unwrap();
    let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne\n\n00:00:01.000 --> 00:00:02.000\nTwo\n\n";
    assert_eq!(chapters(&recording, &[0, second]), expected);
}

#[test]
fn heading_within_a_piece_does_not_end_the_chapter_before() {
    let recording = recording(&[("A\nText of a.\nB", 1000, 0)]);
    let last = recording.text().rfind('B').unwrap();
    assert_eq!(chapters(&recording, &[0, last]), "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nA\n\n");
}

#[test]
fn long_word_before_white_space_and_punctuation_is_divided() {
    for text in [
        "x".repeat(90) + "\n\n\n!",
        "-".repeat(100) + "   .....",
        "x".repeat(500) + " \u{1b} \u{1b} \u{2028}?",
    ] {
        let recording = recording(&[(&text, 6_000, 0)]);
        for format in [Format::WebVtt, Format::Srt] {
            let file = format.subtitles(&recording);
            assert!(file.matches(" --> ").count() > 1 || text.len() < 110, "{file}");
            assert!(!file.contains("\n \n"), "{file}");
        }
    }
}

#[test]
fn format_is_that_of_the_ending() {
    assert_eq!(Format::of_path(Path::new("a.b/c.vtt")).unwrap(), Format::WebVtt);
    assert_eq!(Format::of_path(Path::new("c.SRT")).unwrap(), Format::Srt);
    for path in ["vtt", "a.vtt/b", "a.txt", ""] {
        let error = Format::of_path(Path::new(path)).unwrap_err();
        assert!(
            error.is_invalid() && error.to_string().contains("expected the ending .vtt or .srt"),
            "{error}"
        );
    }
}
