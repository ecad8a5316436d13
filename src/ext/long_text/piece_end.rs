//! Finds the end of a piece.

use std::ops::RangeInclusive;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::{
    boundary::Kind,
    candidate::{Candidate, byte_index, candidates, with_lookahead},
};

/// The kinds of boundaries, from the best to the worst.
const KINDS: [Kind; 8] = [
    Kind::Paragraph,
    Kind::Sentence,
    Kind::Clause,
    Kind::DoubtfulSentence,
    Kind::Line,
    Kind::Word,
    Kind::WordPart,
    Kind::Abbreviation,
];

/// The largest number of pieces into which a text is divided evenly.
const MAX_PIECES: usize = 16;

/// The minimum and maximum length of a piece, in characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) min: usize,
    /// At least `2 * min - 1`. With a smaller maximum, some lengths cannot be split.
    pub(super) max: usize,
}

/// Returns the byte index at which the first piece of a text ends. White space around the boundary belongs to
/// neither piece. The text must not start or end with white space.
pub(super) fn find_piece_end(text: &str, limits: Limits) -> usize {
    let Some(limit) = byte_index(text, limits.max) else { return text.len() };
    let candidates: Vec<_> = candidates(with_lookahead(text, limits.max))
        .into_iter()
        .filter(|candidate| is_allowed(text, candidate, limits))
        .collect();
    let range = preferred_lengths(text.chars().take(MAX_PIECES * limits.max).count(), limits.max);
    let selected = KINDS.into_iter().find_map(|kind| select(&candidates, kind, &range));
    let fallback = Fallback { text, limit, limits };
    selected
        .map(|candidate| candidate.boundary.start)
        .or_else(|| fallback.at_grapheme())
        .or_else(|| fallback.at_counted_whitespace())
        .or_else(|| fallback.at_any_char())
        .unwrap_or(limit)
}

/// Returns the lengths of a piece with which the text needs as few pieces as possible, and with which the pieces have
/// similar lengths.
fn preferred_lengths(chars: usize, max: usize) -> RangeInclusive<usize> {
    let count = chars.div_ceil(max);
    // Without the 3 % that are left, no boundary might be in the range of a later piece.
    let shortest = chars.saturating_sub((count - 1) * max * 97 / 100);
    let (even, quarter) = (chars / count, max / 4);
    shortest.max(quarter).max(even.saturating_sub(quarter))..=max.min(chars - quarter).min(even + quarter)
}

/// Selects a boundary of this or a better kind. If several have a preferred length, the text around them decides.
/// Else selects the last one. The end of a paragraph must have a preferred length; otherwise it counts as the end of
/// a sentence.
fn select<'a>(
    candidates: &'a [Candidate],
    kind: Kind,
    lengths: &RangeInclusive<usize>,
) -> Option<&'a Candidate> {
    let of_kind = || candidates.iter().filter(|candidate| candidate.boundary.kind >= kind);
    let preferred = of_kind().filter(|candidate| lengths.contains(&candidate.end_chars));
    let last = of_kind().next_back().filter(|_| kind < Kind::Paragraph);
    preferred.max_by_key(|candidate| candidate.rank()).or(last)
}

/// Returns `true` if both sides are long enough and the piece is not too long.
fn is_allowed(text: &str, candidate: &Candidate, limits: Limits) -> bool {
    let Limits { min, max } = limits;
    (min..=max).contains(&candidate.end_chars)
        && byte_index(&text[candidate.boundary.start..], min - 1).is_some()
}

/// Selects a position in a text without a suitable boundary.
struct Fallback<'a> {
    text: &'a str,
    limit: usize,
    limits: Limits,
}

impl Fallback<'_> {
    fn at_grapheme(&self) -> Option<usize> {
        let window = with_lookahead(self.text, self.limits.max);
        let positions: Vec<usize> = window.grapheme_indices(true).map(|(at, _)| at).collect();
        positions.into_iter().rev().find(|at| self.is_allowed(*at) && self.is_grapheme_boundary(*at))
    }

    /// Returns the last boundary next to white space, where the white space counts towards the minimum
    /// length. Used for texts that are almost only white space.
    fn at_counted_whitespace(&self) -> Option<usize> {
        let Limits { min, .. } = self.limits;
        let candidates =
            self.text[..self.limit].char_indices().skip(min).map(|(at, _)| at).chain([self.limit]);
        let is_space = char::is_whitespace;
        let is_boundary = |at: &usize| {
            let (piece, rest) = self.text.split_at(*at);
            (piece.ends_with(is_space) || rest.starts_with(is_space)) && byte_index(rest, min - 1).is_some()
        };
        candidates.filter(is_boundary).last()
    }

    /// Returns the last boundary between any two characters. Used for a grapheme cluster that is longer than
    /// a piece.
    fn at_any_char(&self) -> Option<usize> {
        let candidates: Vec<usize> = self.text[..self.limit].char_indices().map(|(at, _)| at).collect();
        candidates.into_iter().chain([self.limit]).rev().find(|at| self.is_allowed(*at))
    }

    /// Returns `true` if both sides are long enough and the piece is not too long. Rejects positions before
    /// or inside white space, because they are equivalent to the position after the white space.
    fn is_allowed(&self, at: usize) -> bool {
        if self.text[at..].starts_with(char::is_whitespace) {
            return false;
        }
        let (piece, rest) = (self.text[..at].trim_end(), &self.text[at..]);
        let is_long_enough = |part: &str| byte_index(part, self.limits.min - 1).is_some();
        piece.len() <= self.limit && is_long_enough(piece) && is_long_enough(rest)
    }

    fn is_grapheme_boundary(&self, at: usize) -> bool {
        // A combining mark may belong to a space, which would be trimmed at the boundary.
        GraphemeCursor::new(at, self.text.len(), true).is_boundary(self.text, 0).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_first_piece(text: &str, max: usize, expected: &str) {
        let at = find_piece_end(text, Limits { min: 2, max });
        assert_eq!(text[..at].trim_end(), expected);
    }

    #[test]
    fn text_within_limit_is_one_piece() {
        assert_first_piece("One. Two.", 9, "One. Two.");
        assert_first_piece("äöü", 3, "äöü");
    }

    #[test]
    fn boundary_prefers_paragraph_then_sentence_then_clause_then_word() {
        assert_first_piece("One two six.\n\nThree. Four five.", 20, "One two six.");
        assert_first_piece("One two. Three, four five", 20, "One two.");
        assert_first_piece("one two, three four five", 20, "one two,");
        assert_first_piece("one two three four five", 20, "one two");
        assert_first_piece("onetwo-threefour-fivesix", 20, "onetwo-");
        assert_first_piece("onetwothreefourfivesixseven", 20, "onetwothreefourfives");
    }

    #[test]
    fn paragraph_ending_in_first_half_is_skipped() {
        assert_first_piece("I\n\nOne two three. Four five six.", 20, "I\n\nOne two three.");
    }

    #[test]
    fn single_line_break_does_not_end_sentence() {
        assert_first_piece("One. Two three\nfour five six seven", 22, "One.");
        assert_first_piece("To be or not to be\nthat is the question", 22, "To be or not to be");
    }

    #[test]
    fn sentence_boundaries_respect_quotes_abbreviations_and_scripts() {
        assert_first_piece(
            "“Stop!” he said. “No, I won’t.” And on he went.",
            36,
            "“Stop!” he said. “No, I won’t.”",
        );
        assert_first_piece("It costs 3.50 a piece. Or more", 24, "It costs 3.50 a piece.");
        assert_first_piece("Wait for it. Then meet Mr. Jones", 30, "Wait for it.");
        assert_first_piece("We met Mr. Jones of Chicago", 20, "We met Mr. Jones");
        assert_first_piece("So Tom. He, and others", 14, "So Tom. He,");
        assert_first_piece("A sign. “Stop!” he said to them", 25, "A sign.");
        assert_first_piece("CHAPTER I\n\nCall me, if you like, Ishmael", 34, "CHAPTER I");
        assert_first_piece("今日は晴れ。明日は雨。", 8, "今日は晴れ。");
        assert_first_piece("क्या हाल है। मैं ठीक हूँ।", 16, "क्या हाल है।");
    }

    #[test]
    fn clause_boundary_requires_space_or_unspaced_mark() {
        assert_first_piece("a (that is, one), or 10:30 or 1,000 or so", 34, "a (that is, one),");
        assert_first_piece("wait—no—never again", 12, "wait—no—");
        assert_first_piece("春、夏、秋冬春夏秋冬", 6, "春、夏、");
        assert_first_piece("“No—” and she went away", 12, "“No—”");
    }

    #[test]
    fn non_breaking_space_is_not_split() {
        assert_first_piece("a walk of 10\u{a0}km and", 14, "a walk");
    }

    #[test]
    fn grapheme_cluster_is_split_only_if_longer_than_piece() {
        assert_first_piece("👩\u{200d}👩\u{200d}👧👩\u{200d}👩\u{200d}👧", 9, "👩\u{200d}👩\u{200d}👧");
        assert_first_piece("abcde\u{301}fg", 5, "abcd");
        // A cluster that is longer than a piece must be split.
        assert_first_piece(&format!("a{}", "\u{301}".repeat(9)), 5, &format!("a{}", "\u{301}".repeat(4)));
    }

    #[test]
    fn boundary_leaves_minimum_length_on_both_sides() {
        assert_first_piece("a bcdefghij", 5, "a bcd");
        assert_first_piece("abcde f", 6, "abcd");
        assert_first_piece("ab. c", 4, "ab");
        assert_first_piece("abcdef", 5, "abcd");
    }
}
