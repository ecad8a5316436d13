use std::ops::Range;

use super::boundary::{Limits, find_boundary};
use crate::generated::facts::INPUT_LENGTH;

/// Splits a text of any length into pieces that one request each can take, as [`InPieces`](super::InPieces) does.
///
/// ```
/// use distribute_ai::long_text::split;
///
/// let book = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little.";
/// let pieces: Vec<_> = split(book).at_most(64).collect();
/// assert_eq!(pieces, [
///     (0, "Call me Ishmael."),
///     (17, "Some years ago, never mind how long precisely,"),
///     (64, "I thought I would sail about a little."),
/// ]);
/// ```
///
/// It cuts behind a paragraph, if that fills half of a piece at least; else behind a sentence; if there is none, behind a
/// clause; then a word; and only where a word is longer than a piece, within it, between characters as people see them.
/// Each piece goes as far as it may. An empty line ends a paragraph; a single end of line is taken for a space, as books
/// are set in short lines.
///
/// Nothing is lost but white space where it cuts, and nothing changes its place. No piece is shorter than the API's
/// least: what is left over joins a neighbour. A text of white space has no pieces; one of a single character has one,
/// which the API does not take.
///
/// It reads the text as it goes, and holds no more than a piece.
pub fn split(text: &str) -> Pieces<'_> {
    Pieces { text, splitter: Splitter::new(*INPUT_LENGTH.end()) }
}

/// The pieces of a text, by [`split`]: each with the byte of the text where it begins.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless taken from"]
pub struct Pieces<'a> {
    text: &'a str,
    splitter: Splitter,
}

impl Pieces<'_> {
    /// How many characters a piece has at most, instead of as many as the API takes: from 3 to 4,096, and what is outside
    /// counts as the nearest of these.
    pub fn at_most(mut self, characters: usize) -> Self {
        let (least, most) = max_characters_range().into_inner();
        self.splitter.limits.max = characters.clamp(least, most);
        self
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.splitter.next(self.text)?;
        Some((piece.start, &self.text[piece]))
    }
}

impl std::iter::FusedIterator for Pieces<'_> {}

/// What the greatest length of a piece may be. Below twice the API's least there are texts that can't be cut.
pub(super) fn max_characters_range() -> std::ops::RangeInclusive<usize> {
    2 * INPUT_LENGTH.start() - 1..=*INPUT_LENGTH.end()
}

/// How far a text is split.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    at: usize,
    limits: Limits,
}

impl Splitter {
    /// `most` is one of the [`lengths`].
    pub(super) fn new(most: usize) -> Self {
        Self { at: 0, limits: Limits { min: *INPUT_LENGTH.start(), max: most } }
    }

    /// The next piece of the text, which is the same each time.
    pub(super) fn next(&mut self, text: &str) -> Option<Range<usize>> {
        let end = text.trim_end().len();
        let rest = text.get(self.at..end)?.trim_start();
        if rest.is_empty() {
            return None;
        }
        let start = end - rest.len();
        let piece = &rest[..find_boundary(rest, self.limits)];
        self.at = start + piece.len();
        Some(self.pad_to_minimum(text, start..start + piece.trim_end().len()))
    }

    /// With white space around it, if it is too short without.
    fn pad_to_minimum(&mut self, text: &str, mut piece: Range<usize>) -> Range<usize> {
        while text[piece.clone()].chars().count() < self.limits.min {
            if let Some(next) = text[piece.end..].chars().next().filter(|c| c.is_whitespace()) {
                piece.end += next.len_utf8();
                self.at = self.at.max(piece.end);
            } else if let Some(before) = text[..piece.start].chars().next_back().filter(|c| c.is_whitespace())
            {
                piece.start -= before.len_utf8();
            } else {
                break;
            }
        }
        piece
    }
}

#[cfg(test)]
mod tests {
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
            let places: Vec<usize> =
                text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
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
            assert_eq!(
                spoken(&text).len(),
                split(&text).map(|(_, piece)| spoken(piece).len()).sum::<usize>()
            );
        }
    }
}
