use unicode_segmentation::UnicodeSegmentation;

use super::*;

/// Generates random texts of many or few kinds of parts.
pub(in crate::ext::long_text) fn texts() -> impl Iterator<Item = String> {
    const PARTS: [&str; 28] = [
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\n\n",
        "\u{a0}",
        "\u{2029}",
        ".",
        "!”",
        ",",
        ";",
        "—",
        "。",
        "a",
        "B",
        "word",
        "Mr.",
        "3.5",
        "e\u{301}",
        "\u{301}",
        "👩\u{200d}👧",
        "🇩🇪",
        "日本",
        "न्ही",
        "supercalifragilistic",
        "\u{200d}",
    ];
    let mut random = fastrand::Rng::with_seed(6);
    (0..4000).map(move |_| {
        let parts = random.usize(..120);
        let kinds = random.usize(1..=PARTS.len());
        let mut text: String = (0..parts).map(|_| PARTS[random.usize(..kinds)]).collect();
        if random.u8(..10) == 0 {
            text.insert_str(0, &" ".repeat(random.usize(..30)));
            text.push_str(&" ".repeat(random.usize(..30)));
        }
        text
    })
}

fn without_whitespace(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn pieces_of_random_texts_cover_text_and_have_valid_lengths() {
    for (number, text) in texts().enumerate() {
        let max = 3 + number % 50;
        let pieces: Vec<_> = split(&text).at_most(max).collect();
        let mut end = 0;
        for (start, piece) in &pieces {
            assert!(
                *start >= end && &text[*start..start + piece.len()] == *piece,
                "{text:?} {max} {pieces:?}"
            );
            end = start + piece.len();
            let characters = piece.chars().count();
            let total = text.chars().count();
            assert!((2.min(total)..=max).contains(&characters), "{text:?} {max} {pieces:?}");
        }
        let joined: String = pieces.iter().map(|(_, piece)| *piece).collect();
        assert_eq!(without_whitespace(&joined), without_whitespace(&text), "{text:?} {max}");
    }
}

#[test]
fn grapheme_clusters_of_random_texts_are_not_split() {
    const PARTS: [&str; 7] = ["e\u{301}", "👩\u{200d}👧", "🇩🇪", "न्ही", "a", "\r\n", " "];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let text: String = (0..80).map(|_| PARTS[random.usize(..PARTS.len())]).collect();
        let boundaries: Vec<usize> =
            text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        for (at, piece) in split(&text).at_most(12) {
            let (start, end) = (at + piece.len() - piece.trim_start().len(), at + piece.trim_end().len());
            assert!(boundaries.contains(&start) && boundaries.contains(&end), "{text:?}: {piece:?}");
        }
    }
}

#[test]
fn piece_count_is_near_minimum() {
    let text = "It was the best of times, it was the worst of times. ".repeat(2000);
    let characters = text.chars().count();
    for max in [250, 1000, 4096] {
        let count = split(&text).at_most(max).count();
        assert!(count <= 1 + characters * 5 / 4 / max, "{count} pieces of at most {max} characters");
    }
}

#[test]
fn remainder_shorter_than_minimum_joins_neighbour() {
    let pieces = |text| split(text).at_most(5).map(|(_, piece)| piece).collect::<Vec<_>>();
    assert_eq!(pieces("abcdef"), ["abcd", "ef"]);
    assert_eq!(pieces("a bcdefghi"), ["a bcd", "efghi"]);
    // Without a neighbour to join, a piece is padded with white space.
    assert_eq!(pieces("a       b"), ["a ", " b"]);
}

#[test]
fn piece_ends_neither_with_abbreviation_nor_with_opening_mark() {
    const WRONG: [&str; 10] = ["Dr.", "29.", "z.", "B.", "Mrs.", "bzw.", "e.g.", "No.", "(", "«"];
    let text = "Am 29. Juli kam Dr. Meier, z. B. Mit Mrs. Jones bzw. Kind, e.g. Anna, to (very old) No. 5 or « La Cave » \
        at https://example.com/?q=Tea!Time then. "
        .repeat(10);
    for max in 40..200 {
        for (_, piece) in split(&text).at_most(max) {
            let last = piece.split_whitespace().next_back().unwrap();
            assert!(!WRONG.contains(&last) && !piece.ends_with(['?', '!', '(']), "{max}: {piece:?}");
        }
    }
}

#[test]
fn empty_and_white_space_texts_have_no_pieces() {
    assert_eq!(split("").count(), 0);
    assert_eq!(split(" \n\u{3000} ").count(), 0);
    assert_eq!(split("x").collect::<Vec<_>>(), [(0, "x")]);
}

#[test]
fn piece_length_bounds_are_those_of_the_spec() {
    assert_eq!((max_characters_range(), *INPUT_LENGTH.start()), (3..=4096, 2));
    let long = "x".repeat(10_000);
    let lengths = |max| split(&long).at_most(max).map(|(_, piece)| piece.len()).collect::<Vec<_>>();
    assert_eq!(lengths(usize::MAX), [4096, 4096, 1808]);
    assert_eq!(lengths(0)[0], 3);
}

#[test]
fn maximum_length_of_a_piece_has_a_range_without_a_minimum_of_the_api() {
    for (start, expected) in [(0, 1..=9), (1, 1..=9), (2, 3..=9)] {
        assert_eq!((range_of_maximum(&(start..=9)), shortest_piece(&(start..=9))), (expected, start.max(1)));
    }
}

#[test]
fn million_character_texts_are_split_in_linear_time() {
    for text in
        ["x".repeat(1_000_000), "x ".repeat(500_000), "\u{301}".repeat(1_000_000), " ".repeat(1_000_000)]
    {
        let text = format!("a{text}b");
        let length: usize = split(&text).map(|(_, piece)| without_whitespace(piece).len()).sum();
        assert_eq!(without_whitespace(&text).len(), length);
    }
}

#[test]
fn piece_of_invisible_characters_is_dropped() {
    let invisible = "\u{200b}\u{feff} ".repeat(100);
    let text = format!("One two.\n\n{invisible}\n\nThree.");
    let pieces: Vec<_> = split(&text).at_most(20).map(|(_, piece)| piece).collect();
    assert!(pieces.iter().all(|piece| is_speakable(piece)), "{pieces:?}");
    let is_invisible = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    assert_eq!(pieces.concat().replace(is_invisible, ""), "Onetwo.Three.");
    assert_eq!(split(&invisible).count(), 0);
}
