use unicode_segmentation::UnicodeSegmentation;

use super::*;

/// Texts that have everything in them, and hardly anything.
fn texts() -> impl Iterator<Item = String> {
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
        let parts = random.usize(..60);
        let few = random.usize(1..=PARTS.len());
        let mut text: String = (0..parts).map(|_| PARTS[random.usize(..few)]).collect();
        if random.u8(..10) == 0 {
            text.insert_str(0, &" ".repeat(random.usize(..30)));
            text.push_str(&" ".repeat(random.usize(..30)));
        }
        text
    })
}

fn spoken(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn whatever_the_text_all_of_it_is_in_pieces_that_the_api_takes() {
    for (number, text) in texts().enumerate() {
        let most = 3 + number % 17;
        let pieces: Vec<_> = split(&text).at_most(most).collect();
        let mut end = 0;
        for (at, piece) in &pieces {
            assert!(*at >= end && &text[*at..at + piece.len()] == *piece, "{text:?} {most} {pieces:?}");
            end = at + piece.len();
            let characters = piece.chars().count();
            let all = text.chars().count();
            assert!((2.min(all)..=most).contains(&characters), "{text:?} {most} {pieces:?}");
        }
        let together: String = pieces.iter().map(|(_, piece)| *piece).collect();
        assert_eq!(spoken(&together), spoken(&text), "{text:?} {most}");
    }
}

#[test]
fn no_cut_is_within_what_people_see_as_one_character() {
    const PARTS: [&str; 7] = ["e\u{301}", "👩\u{200d}👧", "🇩🇪", "न्ही", "a", "\r\n", " "];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let text: String = (0..80).map(|_| PARTS[random.usize(..PARTS.len())]).collect();
        let places: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        for (at, piece) in split(&text).at_most(12) {
            let (start, end) = (at + piece.len() - piece.trim_start().len(), at + piece.trim_end().len());
            assert!(places.contains(&start) && places.contains(&end), "{text:?}: {piece:?}");
        }
    }
}

#[test]
fn pieces_are_few() {
    let text = "It was the best of times, it was the worst of times. ".repeat(2000);
    let characters = text.chars().count();
    for most in [250, 1000, 4096] {
        let count = split(&text).at_most(most).count();
        assert!(count <= 1 + characters * 5 / 4 / most, "{count} of at most {most}");
    }
}

#[test]
fn a_leftover_joins_its_neighbour() {
    let pieces = |text| split(text).at_most(5).map(|(_, piece)| piece).collect::<Vec<_>>();
    assert_eq!(pieces("abcdef"), ["abcd", "ef"]);
    assert_eq!(pieces("a bcdefghi"), ["a bcd", "efghi"]);
    // With nothing to join, some of the white space has to.
    assert_eq!(pieces("a       b"), ["a ", " b"]);
}

#[test]
fn a_text_of_nothing_has_no_pieces() {
    assert_eq!(split("").count(), 0);
    assert_eq!(split(" \n\u{3000} ").count(), 0);
    assert_eq!(split("x").collect::<Vec<_>>(), [(0, "x")]);
}

#[test]
fn the_bounds_are_those_of_the_document() {
    assert_eq!((max_characters_range(), *INPUT_LENGTH.start()), (3..=4096, 2));
    let long = "x".repeat(10_000);
    let lengths = |most| split(&long).at_most(most).map(|(_, piece)| piece.len()).collect::<Vec<_>>();
    assert_eq!(lengths(usize::MAX), [4096, 4096, 1808]);
    assert_eq!(lengths(0)[0], 3);
}

#[test]
fn a_million_characters_take_time_in_proportion() {
    for text in
        ["x".repeat(1_000_000), "x ".repeat(500_000), "\u{301}".repeat(1_000_000), " ".repeat(1_000_000)]
    {
        let text = format!("a{text}b");
        assert_eq!(spoken(&text).len(), split(&text).map(|(_, piece)| spoken(piece).len()).sum::<usize>());
    }
}
