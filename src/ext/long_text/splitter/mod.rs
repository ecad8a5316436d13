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
mod tests;
