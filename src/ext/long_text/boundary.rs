//! Finds the end of a piece: after a paragraph, a sentence, a clause or a word, else after any character.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// The number of characters that are read after the limit. They show whether a sentence ends at the limit.
const LOOKAHEAD_CHARS: usize = 64;

/// The minimum and maximum length of a piece, in characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) min: usize,
    /// At least `2 * min - 1`. With a smaller maximum, some lengths cannot be split.
    pub(super) max: usize,
}

/// Returns the byte index at which the first piece of a text ends. White space around the boundary belongs to
/// neither piece. The text must not start or end with white space.
pub(super) fn find_boundary(text: &str, limits: Limits) -> usize {
    let Some(limit) = byte_index(text, limits.max) else { return text.len() };
    let window = &text[..lookahead_end(text, limit)];
    let candidates = Candidates { text, limit, limits };
    let spaces: Vec<Whitespace> = whitespace_runs(window).collect();
    let half = byte_index(text, limits.max / 2).unwrap_or(limit);

    // A paragraph that ends in the first half would leave a short piece. It is treated as a sentence instead.
    let late_paragraphs =
        spaces.iter().filter(|space| space.is_paragraph() && space.start >= half).map(|space| space.end);
    let sentences = || sentence_starts(window, &spaces).into_iter();
    candidates
        .last_allowed(late_paragraphs)
        .or_else(|| candidates.last_allowed(sentences().filter(|at| !may_continue(window, *at))))
        .or_else(|| candidates.last_allowed(sentences()))
        .or_else(|| candidates.last_allowed(clause_starts(window, &spaces)))
        .or_else(|| candidates.last_allowed(spaces.iter().map(|space| space.end)))
        .or_else(|| candidates.last_allowed(word_starts(window)))
        .or_else(|| candidates.last_allowed(window.grapheme_indices(true).map(|(at, _)| at)))
        .or_else(|| candidates.at_counted_whitespace())
        .or_else(|| candidates.at_any_char())
        .unwrap_or(limit)
}

/// Returns the byte index of a character, or `None` if the text has at most `index` characters.
fn byte_index(text: &str, index: usize) -> Option<usize> {
    text.char_indices().nth(index).map(|(at, _)| at)
}

/// Returns the end of the text that must be read to find a boundary before `limit`.
fn lookahead_end(text: &str, limit: usize) -> usize {
    let next = text.len() - text[limit..].trim_start().len();
    byte_index(&text[next..], LOOKAHEAD_CHARS).map_or(text.len(), |length| next + length)
}

/// Selects a boundary from candidate byte indices.
struct Candidates<'a> {
    text: &'a str,
    limit: usize,
    limits: Limits,
}

impl Candidates<'_> {
    fn last_allowed(&self, candidates: impl IntoIterator<Item = usize>) -> Option<usize> {
        let candidates: Vec<usize> = candidates.into_iter().collect();
        candidates.into_iter().rev().find(|at| self.is_allowed(*at) && self.is_grapheme_boundary(*at))
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

/// A run of white space at which a line may be broken.
struct Whitespace {
    start: usize,
    end: usize,
    /// The number of line breaks. A paragraph separator or form feed counts as two.
    line_breaks: usize,
}

impl Whitespace {
    fn is_paragraph(&self) -> bool {
        self.line_breaks > 1
    }
}

fn whitespace_runs(text: &str) -> impl Iterator<Item = Whitespace> {
    let is_non_breaking = |c| matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
    let mut position = 0;
    let runs = std::iter::from_fn(move || {
        let start = position + text[position..].find(char::is_whitespace)?;
        let rest = &text[start..];
        position = start + rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        Some(start..position)
    });
    runs.filter(move |run| !text[run.clone()].chars().all(is_non_breaking)).map(|run| {
        let line_breaks = text[run.clone()].chars().map(|c| match c {
            '\n' | '\u{2028}' => 1,
            '\u{2029}' | '\u{c}' => 2,
            _ => 0,
        });
        Whitespace { start: run.start, end: run.end, line_breaks: line_breaks.sum() }
    })
}

/// Returns the starts of sentences and paragraphs. A single line break does not end a sentence, because books
/// are set in short lines.
fn sentence_starts(text: &str, spaces: &[Whitespace]) -> Vec<usize> {
    // The replacement keeps the length, so that byte indices stay valid.
    let single_line = text.replace(['\n', '\r'], " ");
    let sentences = single_line.split_sentence_bound_indices().map(|(at, _)| at).skip(1);
    let paragraphs = spaces.iter().filter(|space| space.is_paragraph()).map(|space| space.end);
    sorted(sentences.chain(paragraphs))
}

/// Returns `true` if a sentence may continue after an apparent end. The end may be an abbreviation such as
/// `Mr.`, `St.` or `J.`, or a lower-case letter may follow, as in `“Stop!” he said`. A false positive such as
/// `Tom.` only means that another boundary is preferred.
fn may_continue(text: &str, at: usize) -> bool {
    if text[at..].starts_with(char::is_lowercase) {
        return true;
    }
    let Some(text) = text[..at].trim_end().strip_suffix('.') else { return false };
    let word = text.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    word.starts_with(char::is_uppercase) && word.chars().count() <= 4
}

/// The characters that may stand between a punctuation mark and the following space.
const CLOSING: [char; 11] = ['"', '\'', '”', '’', '»', ')', ']', '}', '」', '』', '）'];

/// Returns the positions after a comma or a similar mark, and after a line break.
fn clause_starts(text: &str, spaces: &[Whitespace]) -> Vec<usize> {
    let before_space =
        spaces.iter().filter(|space| space.line_breaks > 0 || ends_clause(&text[..space.start]));
    // Marks that are written without a following space.
    let without_space = text.char_indices().filter(|(_, c)| "—，、；：".contains(*c)).map(|(at, c)| {
        let rest = text[at + c.len_utf8()..].trim_start_matches(CLOSING);
        text.len() - rest.len()
    });
    sorted(before_space.map(|space| space.end).chain(without_space))
}

fn ends_clause(text: &str) -> bool {
    let text = text.trim_end_matches(CLOSING);
    text.ends_with([',', ';', ':', '–', '—', '…', '،', '؛', '\u{37e}', '·'])
}

fn sorted(positions: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut positions: Vec<usize> = positions.collect();
    positions.sort_unstable();
    positions
}

/// Returns the starts of words, including words without a space before them: after a hyphen, or in scripts
/// without spaces.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    text.split_word_bound_indices()
        .filter(|(_, word)| word.starts_with(char::is_alphanumeric))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_first_piece(text: &str, max: usize, expected: &str) {
        let at = find_boundary(text, Limits { min: 2, max });
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
        assert_first_piece("one two three four five", 20, "one two three four");
        assert_first_piece("onetwo-threefour-fivesix", 20, "onetwo-threefour-");
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
        assert_first_piece("We met Mr. Jones of Chicago", 20, "We met Mr.");
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
        assert_first_piece("a walk of 10\u{a0}km and", 14, "a walk of");
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
