//! Where a text is cut: behind a paragraph, a sentence, a clause, a word, and only then anywhere else.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// How far beyond the last place for a cut the text is read: what follows decides whether a sentence has ended.
const LOOKAHEAD_CHARS: usize = 64;

/// How many characters a piece has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) min: usize,
    /// At least twice `least` less one: else there are lengths that can't be cut.
    pub(super) max: usize,
}

/// Where the next piece of a text ends and another begins, in bytes; white space around the place belongs to neither.
/// The text begins and ends with something other than white space.
pub(super) fn find_boundary(text: &str, limits: Limits) -> usize {
    let Some(limit) = byte_index(text, limits.max) else { return text.len() };
    let seen = &text[..lookahead_end(text, limit)];
    let place = Candidates { text, limit, limits };
    let gaps: Vec<Whitespace> = whitespace_runs(seen).collect();
    let half = byte_index(text, limits.max / 2).unwrap_or(limit);

    // A paragraph that ends early would leave a short piece, where another sentence or two may fit. It counts as one.
    let late = gaps.iter().filter(|gap| gap.is_paragraph() && gap.start >= half).map(|gap| gap.end);
    let sentences = || sentence_starts(seen, &gaps).into_iter();
    place
        .last_allowed(late)
        .or_else(|| place.last_allowed(sentences().filter(|at| !may_continue(seen, *at))))
        .or_else(|| place.last_allowed(sentences()))
        .or_else(|| place.last_allowed(clause_starts(seen, &gaps)))
        .or_else(|| place.last_allowed(gaps.iter().map(|gap| gap.end)))
        .or_else(|| place.last_allowed(word_starts(seen)))
        .or_else(|| place.last_allowed(seen.grapheme_indices(true).map(|(at, _)| at)))
        .or_else(|| place.at_counted_whitespace())
        .or_else(|| place.at_any_char())
        .unwrap_or(limit)
}

/// The byte at which a character stands; none if the text has no more than `index`.
fn byte_index(text: &str, index: usize) -> Option<usize> {
    text.char_indices().nth(index).map(|(at, _)| at)
}

/// How far to read for a cut before `limit`.
fn lookahead_end(text: &str, limit: usize) -> usize {
    let next = text.len() - text[limit..].trim_start().len();
    byte_index(&text[next..], LOOKAHEAD_CHARS).map_or(text.len(), |more| next + more)
}

/// Where a text may be cut.
struct Candidates<'a> {
    text: &'a str,
    limit: usize,
    limits: Limits,
}

impl Candidates<'_> {
    fn last_allowed(&self, cuts: impl IntoIterator<Item = usize>) -> Option<usize> {
        let cuts: Vec<usize> = cuts.into_iter().collect();
        cuts.into_iter().rev().find(|at| self.is_allowed(*at) && self.is_grapheme_boundary(*at))
    }

    /// For what is hardly anything but white space, which has to count for once.
    fn at_counted_whitespace(&self) -> Option<usize> {
        let Limits { min: least, .. } = self.limits;
        let cuts = self.text[..self.limit].char_indices().skip(least).map(|(at, _)| at).chain([self.limit]);
        let is_space = char::is_whitespace;
        let suits = |at: &usize| {
            let (piece, rest) = self.text.split_at(*at);
            (piece.ends_with(is_space) || rest.starts_with(is_space)) && byte_index(rest, least - 1).is_some()
        };
        cuts.filter(suits).last()
    }

    /// For what is one grapheme cluster and longer than a piece may be.
    fn at_any_char(&self) -> Option<usize> {
        let cuts: Vec<usize> = self.text[..self.limit].char_indices().map(|(at, _)| at).collect();
        cuts.into_iter().chain([self.limit]).rev().find(|at| self.is_allowed(*at))
    }

    /// Whether what stands on either side is long enough, and what is before it no longer than a piece may be. Before white
    /// space and within it is the same as behind it, where it is looked at only once.
    fn is_allowed(&self, at: usize) -> bool {
        if self.text[at..].starts_with(char::is_whitespace) {
            return false;
        }
        let (piece, rest) = (self.text[..at].trim_end(), &self.text[at..]);
        let enough = |part: &str| byte_index(part, self.limits.min - 1).is_some();
        piece.len() <= self.limit && enough(piece) && enough(rest)
    }

    fn is_grapheme_boundary(&self, at: usize) -> bool {
        // A mark may sit on a space, which would be cut away with the others.
        GraphemeCursor::new(at, self.text.len(), true).is_boundary(self.text, 0).unwrap_or(false)
    }
}

/// White space at which a line may end.
struct Whitespace {
    start: usize,
    end: usize,
    lines: usize,
}

impl Whitespace {
    fn is_paragraph(&self) -> bool {
        self.lines > 1
    }
}

fn whitespace_runs(text: &str) -> impl Iterator<Item = Whitespace> {
    let is_fixed = |c| matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
    let mut from = 0;
    let spaces = std::iter::from_fn(move || {
        let start = from + text[from..].find(char::is_whitespace)?;
        let space = &text[start..];
        from = start + space.find(|c: char| !c.is_whitespace()).unwrap_or(space.len());
        Some(start..from)
    });
    spaces.filter(move |space| !text[space.clone()].chars().all(is_fixed)).map(|space| {
        let ends = text[space.clone()].chars().map(|c| match c {
            '\n' | '\u{2028}' => 1,
            '\u{2029}' | '\u{c}' => 2,
            _ => 0,
        });
        Whitespace { start: space.start, end: space.end, lines: ends.sum() }
    })
}

/// Where sentences and paragraphs begin. A single end of line is no end of a sentence: books are set in short lines.
fn sentence_starts(text: &str, gaps: &[Whitespace]) -> Vec<usize> {
    // As long as before, so that places are the same in both.
    let flat = text.replace(['\n', '\r'], " ");
    let sentences = flat.split_sentence_bound_indices().map(|(at, _)| at).skip(1);
    let paragraphs = gaps.iter().filter(|gap| gap.is_paragraph()).map(|gap| gap.end);
    sorted(sentences.chain(paragraphs))
}

/// Whether what looks like the end of a sentence may be in the middle of one: behind `Mr.`, `St.` or `J.`, or before
/// a small letter, as in `“Stop!” he said`. `Tom.` looks the same, which only means that another end is preferred.
fn may_continue(text: &str, at: usize) -> bool {
    if text[at..].starts_with(char::is_lowercase) {
        return true;
    }
    let Some(text) = text[..at].trim_end().strip_suffix('.') else { return false };
    let word = text.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    word.starts_with(char::is_uppercase) && word.chars().count() <= 4
}

/// What may stand between a mark and the space behind it.
const CLOSING: [char; 11] = ['"', '\'', '”', '’', '»', ')', ']', '}', '」', '』', '）'];

/// Behind a comma and the like, and at the ends of lines.
fn clause_starts(text: &str, gaps: &[Whitespace]) -> Vec<usize> {
    let spaced = gaps.iter().filter(|gap| gap.lines > 0 || ends_clause(&text[..gap.start]));
    // Marks that are written without a space behind them.
    let tight = text.char_indices().filter(|(_, c)| "—，、；：".contains(*c)).map(|(at, c)| {
        let rest = text[at + c.len_utf8()..].trim_start_matches(CLOSING);
        text.len() - rest.len()
    });
    sorted(spaced.map(|gap| gap.end).chain(tight))
}

fn ends_clause(text: &str) -> bool {
    let text = text.trim_end_matches(CLOSING);
    text.ends_with([',', ';', ':', '–', '—', '…', '،', '؛', '\u{37e}', '·'])
}

fn sorted(places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places
}

/// Where a word begins without a space before it: behind a hyphen, or in a script that has none.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    text.split_word_bound_indices()
        .filter(|(_, word)| word.starts_with(char::is_alphanumeric))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn first(text: &str, most: usize, expected: &str) {
        let at = find_boundary(text, Limits { min: 2, max: most });
        assert_eq!(text[..at].trim_end(), expected);
    }

    #[test]
    fn takes_all_that_fits() {
        first("One. Two.", 9, "One. Two.");
        first("äöü", 3, "äöü");
    }

    #[test]
    fn prefers_paragraphs_to_sentences_to_clauses_to_words() {
        first("One two six.\n\nThree. Four five.", 20, "One two six.");
        first("One two. Three, four five", 20, "One two.");
        first("one two, three four five", 20, "one two,");
        first("one two three four five", 20, "one two three four");
        first("onetwo-threefour-fivesix", 20, "onetwo-threefour-");
        first("onetwothreefourfivesixseven", 20, "onetwothreefourfives");
    }

    #[test]
    fn a_paragraph_that_ends_early_is_no_end() {
        first("I\n\nOne two three. Four five six.", 20, "I\n\nOne two three.");
    }

    #[test]
    fn a_line_that_ends_is_no_sentence_that_does() {
        first("One. Two three\nfour five six seven", 22, "One.");
        first("To be or not to be\nthat is the question", 22, "To be or not to be");
    }

    #[test]
    fn sentences_end_as_people_end_them() {
        first("“Stop!” he said. “No, I won’t.” And on he went.", 36, "“Stop!” he said. “No, I won’t.”");
        first("It costs 3.50 a piece. Or more", 24, "It costs 3.50 a piece.");
        first("Wait for it. Then meet Mr. Jones", 30, "Wait for it.");
        first("We met Mr. Jones of Chicago", 20, "We met Mr.");
        first("A sign. “Stop!” he said to them", 25, "A sign.");
        first("CHAPTER I\n\nCall me, if you like, Ishmael", 34, "CHAPTER I");
        first("今日は晴れ。明日は雨。", 8, "今日は晴れ。");
        first("क्या हाल है। मैं ठीक हूँ।", 16, "क्या हाल है।");
    }

    #[test]
    fn clauses_end_with_a_mark_and_a_space_or_a_mark_of_their_own() {
        first("a (that is, one), or 10:30 or 1,000 or so", 34, "a (that is, one),");
        first("wait—no—never again", 12, "wait—no—");
        first("春、夏、秋冬春夏秋冬", 6, "春、夏、");
        first("“No—” and she went away", 12, "“No—”");
    }

    #[test]
    fn a_space_that_holds_together_does() {
        first("a walk of 10\u{a0}km and", 14, "a walk of");
    }

    #[test]
    fn what_people_see_as_one_character_stays_one() {
        first("👩\u{200d}👩\u{200d}👧👩\u{200d}👩\u{200d}👧", 9, "👩\u{200d}👩\u{200d}👧");
        first("abcde\u{301}fg", 5, "abcd");
        // Marks without end have to be parted somewhere.
        first(&format!("a{}", "\u{301}".repeat(9)), 5, &format!("a{}", "\u{301}".repeat(4)));
    }

    #[test]
    fn nothing_too_short_is_left_on_either_side() {
        first("a bcdefghij", 5, "a bcd");
        first("abcde f", 6, "abcd");
        first("ab. c", 4, "ab");
        first("abcdef", 5, "abcd");
    }
}
