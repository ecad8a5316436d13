//! Finds the positions at which a text may be split: after a paragraph, a sentence, a clause or a word.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::abbreviations::ends_with_abbreviation;

/// A position at which a text may be split. The white space from `end` to `start` belongs to neither side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boundary {
    /// The byte index at which the text before ends.
    pub(super) end: usize,
    /// The byte index at which the text after starts.
    pub(super) start: usize,
    pub(super) kind: Kind,
}

/// The part of a text that ends at a boundary. A later kind is a better boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An abbreviation or an ordinal number, which belongs to the next word: `Dr.`, `z. B.`, `29.`
    Abbreviation,
    /// A part of a word, after a hyphen, or a word in a script without spaces.
    WordPart,
    Word,
    /// A line, which in prose is set in the middle of a sentence.
    Line,
    /// A sentence, or only an abbreviation such as `Tom.` or a quotation as in `“Stop!” he said`.
    DoubtfulSentence,
    Clause,
    Sentence,
    Paragraph,
}

/// Returns `true` for a bracket or quotation mark that belongs to the text before it.
fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | '›' | ')' | ']' | '}') || is_wide_closing(c)
}

fn is_wide_closing(c: char) -> bool {
    matches!(c, '」' | '』' | '）' | '》' | '〉' | '】' | '〕' | '］' | '｝')
}

/// Returns `true` for a bracket or quotation mark that belongs to the text after it. `“` closes a quotation in some
/// languages, but is then followed by white space.
fn is_opening(c: char) -> bool {
    matches!(c, '“' | '‘' | '«' | '‹' | '„' | '‚' | '(' | '[' | '{' | '¿' | '¡')
        || matches!(c, '「' | '『' | '（' | '《' | '〈' | '【' | '〔' | '［' | '｛')
}

/// Returns `true` for a mark after which a clause ends without white space.
fn is_unspaced_clause_end(c: char) -> bool {
    matches!(c, '—' | '，' | '、' | '；' | '：')
}

/// The number of bytes that are searched for the quotation mark that a straight `"` closes.
const MAX_QUOTATION_BYTES: usize = 2000;

/// Returns the boundaries in a text, in order.
pub(super) fn boundaries(text: &str) -> Vec<Boundary> {
    // A single line break does not end a sentence, because books are set in short lines. The replacement keeps
    // the length, so that byte indices stay valid.
    let single_line = text.replace(['\n', '\r'], " ");
    let sentences: Vec<usize> = single_line.split_sentence_bound_indices().map(|(at, _)| at).collect();
    let mut found = after_whitespace(text, &sentences);
    found.extend(sentences.iter().filter_map(|at| after_unspaced_sentence(text, *at)));
    found.extend(unspaced_clauses(text));
    let words = text.split_word_bound_indices().filter(|(_, word)| word.starts_with(char::is_alphanumeric));
    found.extend(words.filter_map(|(at, _)| unspaced(text, at, Kind::WordPart)));
    found.retain(|boundary| is_valid(text, boundary));
    found.sort_unstable_by_key(|boundary| (boundary.start, std::cmp::Reverse(boundary.kind)));
    found.dedup_by_key(|boundary| boundary.start);
    found
}

fn after_whitespace(text: &str, sentences: &[usize]) -> Vec<Boundary> {
    let mut ends_sentence = false;
    let boundaries = whitespace_runs(text).map(|space| {
        let (before, after) = (&text[..space.start], &text[space.end..]);
        ends_sentence |= sentences.binary_search(&space.end).is_ok();
        let kind = match space.line_breaks {
            _ if space.ends_paragraph() => Kind::Paragraph,
            _ if ends_with_abbreviation(before, after) => Kind::Abbreviation,
            _ if ends_sentence && may_continue(before, after) => Kind::DoubtfulSentence,
            _ if ends_sentence => Kind::Sentence,
            _ if ends_clause(before) => Kind::Clause,
            1 => Kind::Line,
            _ => Kind::Word,
        };
        // The end of a sentence in `« Non ! » Puis` is after the closing mark.
        ends_sentence &= starts_with_closing(after);
        Boundary { end: space.start, start: space.end, kind }
    });
    boundaries.collect()
}

/// Returns the end of a sentence in a script without spaces. Other marks without a space after them are a part of a
/// word, such as a URL.
fn after_unspaced_sentence(text: &str, at: usize) -> Option<Boundary> {
    let before = text[..at].trim_end_matches(is_opening).trim_end_matches(is_closing);
    if before.is_empty() || before.ends_with(|c: char| c.is_ascii() || c.is_whitespace() || c == '…') {
        return None;
    }
    let mut boundary = unspaced(text, at, Kind::Sentence)?;
    // In Japanese, `と` and other particles after a quotation continue the sentence.
    let is_quotation = text[..boundary.end].ends_with(is_closing);
    if is_quotation && text[boundary.start..].starts_with(|c| ('ぁ'..='ゟ').contains(&c)) {
        boundary.kind = Kind::DoubtfulSentence;
    }
    Some(boundary)
}

fn unspaced_clauses(text: &str) -> impl Iterator<Item = Boundary> {
    text.char_indices().filter(|(_, c)| is_unspaced_clause_end(*c)).filter_map(|(at, mark)| {
        let after = &text[at + mark.len_utf8()..];
        let mut end = text.len() - after.len();
        for closing in after.chars().take_while(|c| is_closing(*c)) {
            if closing == '"' && opens_quotation(text, end) {
                break;
            }
            end += closing.len_utf8();
        }
        unspaced(text, end, Kind::Clause)
    })
}

/// Returns the boundary at `at`, or before the opening marks there. Returns `None` next to white space.
fn unspaced(text: &str, at: usize, kind: Kind) -> Option<Boundary> {
    let mut before = &text[..at];
    while let Some(mark) = before.chars().next_back() {
        let start = before.len() - mark.len_utf8();
        let opens = is_opening(mark) || (mark == '"' && opens_quotation(text, start));
        if !opens {
            break;
        }
        before = &before[..start];
    }
    let (start, is_space) = (before.len(), char::is_whitespace);
    let is_inside = !before.is_empty() && !before.ends_with(is_space) && !text[start..].starts_with(is_space);
    (is_inside && start < text.len()).then_some(Boundary { end: start, start, kind })
}

/// Returns `true` if a straight quotation mark opens a quotation: it is the first or third one in its line.
fn opens_quotation(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[at.saturating_sub(MAX_QUOTATION_BYTES)..at];
    let line = before.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    // As many marks open as close, if the parts between them are odd in number.
    line.split(|byte| *byte == b'"').count() % 2 == 1
}

/// Returns `false` if punctuation would be separated from its word, or a combining mark from its base.
fn is_valid(text: &str, boundary: &Boundary) -> bool {
    let (before, after) = (&text[..boundary.end], &text[boundary.start..]);
    if before.is_empty() || after.is_empty() || starts_with_closing(after) {
        return false;
    }
    let word = before.trim_end_matches(is_opening);
    let ends_with_opening =
        word.len() < before.len() && (word.is_empty() || word.ends_with(char::is_whitespace));
    // A combining mark may belong to a space, which would be dropped at the boundary.
    let is_grapheme = after.as_bytes()[0].is_ascii()
        || GraphemeCursor::new(boundary.start, text.len(), true).is_boundary(text, 0).unwrap_or(false);
    !ends_with_opening && is_grapheme
}

/// Returns `true` if a text starts with punctuation that belongs to the text before it.
fn starts_with_closing(text: &str) -> bool {
    let is_wide = |c| matches!(c, '。' | '、' | '，' | '；' | '：' | '！' | '？') || is_wide_closing(c);
    if text.starts_with(is_wide) {
        return true;
    }
    // `»Ja«` and `.NET` start with an opening mark or a letter, but `» dit-il` starts with a closing mark.
    let is_mark = |c| matches!(c, ',' | '.' | ';' | ':' | '!' | '?' | '…' | '%') || is_closing(c);
    let rest = text.trim_start_matches(is_mark);
    rest.len() < text.len() && !rest.starts_with(|c: char| c.is_alphanumeric() || is_opening(c))
}

/// A run of white space at which a line may be broken.
pub(super) struct Whitespace {
    start: usize,
    pub(super) end: usize,
    /// The number of line breaks. A paragraph separator or form feed counts as two.
    line_breaks: usize,
}

impl Whitespace {
    pub(super) fn ends_paragraph(&self) -> bool {
        self.line_breaks >= 2
    }
}

pub(super) fn whitespace_runs(text: &str) -> impl Iterator<Item = Whitespace> {
    let is_non_breaking = |c| matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
    let mut position = 0;
    let runs = std::iter::from_fn(move || {
        let start = position + text[position..].find(char::is_whitespace)?;
        let rest = &text[start..];
        position = start + rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        Some(start..position)
    });
    runs.filter(move |run| !text[run.clone()].chars().all(is_non_breaking)).map(|run| Whitespace {
        start: run.start,
        end: run.end,
        line_breaks: line_breaks(&text[run]),
    })
}

/// Returns the number of line breaks in white space. `\r` before `\n` is a part of the same line break, also if there are
/// several, as some editors write where they wrap a line.
fn line_breaks(space: &str) -> usize {
    let mut before_line_feed = false;
    let line_breaks = space.chars().rev().map(|c| {
        if c == '\r' && before_line_feed {
            return 0;
        }
        before_line_feed = c == '\n';
        match c {
            '\n' | '\r' | '\u{2028}' => 1,
            '\u{2029}' | '\u{c}' => 2,
            _ => 0,
        }
    });
    line_breaks.sum()
}

/// Returns `true` if a sentence may continue after an apparent end. The end may be an abbreviation or a number such
/// as `Abt.` or `XIV.`, or a lower-case letter may follow, as in `“Stop!” he said`. A false positive such as `Tom.`
/// only means that another boundary is preferred.
fn may_continue(before: &str, after: &str) -> bool {
    if after.starts_with(char::is_lowercase) {
        return true;
    }
    let Some(before) = before.strip_suffix('.') else { return false };
    let word = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    word.starts_with(char::is_uppercase) && word.chars().count() <= 4
}

fn ends_clause(text: &str) -> bool {
    let text = text.trim_end_matches(is_closing);
    text.ends_with([',', ';', ':', '–', '—', '…', '،', '؛', '\u{37e}', '·'])
}

#[cfg(test)]
mod tests;
