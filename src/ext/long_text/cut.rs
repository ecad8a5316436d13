//! Where a text is cut: behind a paragraph, a sentence, a clause, a word, and only then anywhere else.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// How far beyond the last place for a cut the text is read: what follows decides whether a sentence has ended.
const AHEAD: usize = 64;

/// How many characters a piece has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) least: usize,
    /// At least twice `least` less one: else there are lengths that can't be cut.
    pub(super) most: usize,
}

/// Where the next piece of a text ends and another begins, in bytes; white space around the place belongs to neither.
/// The text begins and ends with something other than white space.
pub(super) fn cut(text: &str, limits: Limits) -> usize {
    let Some(limit) = byte_of(text, limits.most) else { return text.len() };
    let seen = &text[..ahead_of(text, limit)];
    let place = Place { text, limit, limits };
    let gaps: Vec<Gap> = gaps(seen).collect();
    let half = byte_of(text, limits.most / 2).unwrap_or(limit);

    // A paragraph that ends early would leave a piece too short; a sentence that does may be all there is to end.
    let paragraphs = gaps.iter().filter(|gap| gap.is_paragraph() && gap.start >= half).map(|gap| gap.end);
    place
        .last_of(paragraphs)
        .or_else(|| place.last_of(sentences(seen).filter(|at| !may_be_short_for_more(&seen[..*at]))))
        .or_else(|| place.last_of(sentences(seen)))
        .or_else(|| place.last_of(clauses(seen, &gaps)))
        .or_else(|| place.last_of(gaps.iter().map(|gap| gap.end)))
        .or_else(|| place.last_of(words(seen)))
        .or_else(|| place.last_of(seen.grapheme_indices(true).map(|(at, _)| at)))
        .or_else(|| place.anywhere())
        .unwrap_or_else(|| place.with_space())
}

/// The byte at which a character stands; none if the text has no more than `index`.
fn byte_of(text: &str, index: usize) -> Option<usize> {
    text.char_indices().nth(index).map(|(at, _)| at)
}

/// How far to read for a cut before `limit`.
fn ahead_of(text: &str, limit: usize) -> usize {
    let next = text.len() - text[limit..].trim_start().len();
    byte_of(&text[next..], AHEAD).map_or(text.len(), |more| next + more)
}

/// Where a text may be cut.
struct Place<'a> {
    text: &'a str,
    limit: usize,
    limits: Limits,
}

impl Place<'_> {
    fn last_of(&self, cuts: impl Iterator<Item = usize>) -> Option<usize> {
        let cuts: Vec<usize> = cuts.collect();
        cuts.into_iter().rev().find(|at| self.suits(*at) && self.parts_no_cluster(*at))
    }

    /// For what is one grapheme cluster and longer than a piece may be.
    fn anywhere(&self) -> Option<usize> {
        let cuts: Vec<usize> = self.text[..self.limit].char_indices().map(|(at, _)| at).collect();
        cuts.into_iter().chain([self.limit]).rev().find(|at| self.suits(*at))
    }

    /// For what is hardly anything but white space, which has to count for once.
    fn with_space(&self) -> usize {
        let Limits { least, .. } = self.limits;
        let cuts = self.text[..self.limit].char_indices().skip(least).map(|(at, _)| at).chain([self.limit]);
        let enough = |at: &usize| byte_of(&self.text[*at..], least - 1).is_some();
        cuts.filter(enough).last().unwrap_or(self.limit)
    }

    /// Whether what stands on either side is long enough, and what is before it no longer than a piece may be. Before white
    /// space and within it is the same as behind it, where it is looked at only once.
    fn suits(&self, at: usize) -> bool {
        if self.text[at..].starts_with(char::is_whitespace) {
            return false;
        }
        let (piece, rest) = (self.text[..at].trim_end(), &self.text[at..]);
        let enough = |part: &str| byte_of(part, self.limits.least - 1).is_some();
        piece.len() <= self.limit && enough(piece) && enough(rest)
    }

    fn parts_no_cluster(&self, at: usize) -> bool {
        // A mark may sit on a space, which would be cut away with the others.
        GraphemeCursor::new(at, self.text.len(), true).is_boundary(self.text, 0).unwrap_or(false)
    }
}

/// White space.
struct Gap {
    start: usize,
    end: usize,
    lines: usize,
}

impl Gap {
    fn is_paragraph(&self) -> bool {
        self.lines > 1
    }
}

fn gaps(text: &str) -> impl Iterator<Item = Gap> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(char::is_whitespace)?;
        let space = &text[start..];
        let end = start + space.find(|c: char| !c.is_whitespace()).unwrap_or(space.len());
        let lines = text[start..end]
            .chars()
            .map(|c| match c {
                '\n' | '\u{2028}' => 1,
                '\u{2029}' | '\u{c}' => 2,
                _ => 0,
            })
            .sum();
        from = end;
        Some(Gap { start, end, lines })
    })
}

/// Where sentences begin. A single end of line is none of a sentence: books are set in short lines.
fn sentences(text: &str) -> impl Iterator<Item = usize> {
    // As long as before, so that places are the same in both.
    let flat = text.replace(['\n', '\r'], " ");
    let starts: Vec<usize> = flat.split_sentence_bound_indices().map(|(at, _)| at).skip(1).collect();
    starts.into_iter()
}

/// Whether a text ends like `Mr.`, `St.` or `J.`, and so perhaps in the middle of a sentence. `Tom.` does as well, which
/// only means that another sentence is preferred.
fn may_be_short_for_more(text: &str) -> bool {
    let Some(text) = text.trim_end().strip_suffix('.') else { return false };
    let word = text.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    word.starts_with(char::is_uppercase) && word.chars().count() <= 4
}

/// Behind a comma and the like, and at the ends of lines.
fn clauses(text: &str, gaps: &[Gap]) -> impl Iterator<Item = usize> {
    let spaced = gaps.iter().filter(|gap| gap.lines > 0 || ends_clause(&text[..gap.start]));
    // Where it is written without a space behind it.
    let tight =
        text.char_indices().filter(|(_, c)| "—，、；：".contains(*c)).map(|(at, c)| at + c.len_utf8());
    let mut cuts: Vec<usize> = spaced.map(|gap| gap.end).chain(tight).collect();
    cuts.sort_unstable();
    cuts.into_iter()
}

fn ends_clause(text: &str) -> bool {
    let text = text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '}']);
    text.ends_with([',', ';', ':', '–', '—', '…', '،', '؛', '\u{37e}', '·'])
}

/// Where a word begins without a space before it: behind a hyphen, or in a script that has none.
fn words(text: &str) -> impl Iterator<Item = usize> {
    text.split_word_bound_indices()
        .filter(|(_, word)| word.starts_with(char::is_alphanumeric))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn first(text: &str, most: usize, expected: &str) {
        let at = cut(text, Limits { least: 2, most });
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
        first("今日は晴れ。明日は雨。", 8, "今日は晴れ。");
        first("क्या हाल है। मैं ठीक हूँ।", 16, "क्या हाल है।");
    }

    #[test]
    fn clauses_end_with_a_mark_and_a_space_or_a_mark_of_their_own() {
        first("a (that is, one), or 10:30 or 1,000 or so", 34, "a (that is, one),");
        first("wait—no—never again", 12, "wait—no—");
        first("春、夏、秋冬春夏秋冬", 6, "春、夏、");
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
