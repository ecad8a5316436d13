use std::ops::{Range, RangeInclusive};

use super::{
    anchor::next_anchor,
    piece_end::{Limits, find_piece_end},
};
use crate::{ext::speakable::is_speakable, generated::facts::INPUT_LENGTH};

/// Splits a text of any length into pieces that fit into one request each, as [`InPieces`](super::InPieces)
/// does without its settings for paragraphs and chapters.
///
/// ```
/// use distribute_ai::long_text::split;
///
/// let book = "Call me Ishmael. Some years ago, never mind how long precisely, \
///             I thought I would sail about a little.";
/// let pieces: Vec<_> = split(book).at_most(64).collect();
/// assert_eq!(pieces, [
///     (0, "Call me Ishmael."),
///     (17, "Some years ago, never mind how long precisely,"),
///     (64, "I thought I would sail about a little."),
/// ]);
/// ```
///
/// A piece ends at a boundary of the best possible kind, in this order:
///
/// 1. after a paragraph, if the piece then has a suitable length
/// 2. after a sentence
/// 3. after a clause
/// 4. after an apparent sentence, such as `Tom.` or `“Stop!” he said`
/// 5. after a line or a word
/// 6. within a word, after a hyphen or in a script without spaces
/// 7. after an abbreviation or a number, such as `Dr.`, `z. B.` or `29.`
/// 8. within a word that is longer than a piece, between grapheme clusters (user-perceived characters)
///
/// An empty line ends a paragraph. A single line break counts as a space, because books are set in short
/// lines. A line ends with `\n`, `\r\n` or `\r`.
///
/// **A small change of the text changes few pieces.** The text near a boundary decides whether a piece ends there,
/// not the number of characters before it. After an inserted, deleted or changed word or sentence, most pieces are
/// the same as before. In a test of 1,000 random changes, at most 3 pieces are new after 95 % of them, and at most 8
/// after any. In exchange, a long text has up to 1.3 times as many pieces as if each piece were filled. In a text of
/// up to four pieces, and for pieces of less than 32 characters, the distance from the start decides as well.
///
/// # Languages
///
/// The ends of sentences, words and characters are those of Unicode (UAX #29). Brackets and quotation marks stay
/// with their text, and a short list has common abbreviations of English, German, French, Spanish, Italian and
/// Russian. The rules do not know the grammar: an unknown abbreviation before a capital letter ends a sentence. A
/// number of one or two digits never does. Greek questions end a clause. Thai, Lao, Khmer and Burmese have no spaces
/// between words, and Thai has no mark at the end of a sentence: there, a piece ends at a space if there is one, and
/// possibly within a word if there is none.
///
/// Splitting drops white space at the boundaries, and keeps everything else in order. A remainder that is
/// shorter than the minimum of the API joins a neighbouring piece. A piece of only invisible characters, such as
/// zero-width spaces, is dropped. A text of only white space and invisible characters yields zero pieces. A text of a single character has one piece, which the API rejects as too short.
///
/// The iterator splits lazily. It reads at most eight pieces ahead.
pub fn split(text: &str) -> Pieces<'_> {
    Pieces { text, splitter: Splitter::new(*INPUT_LENGTH.end()) }
}

/// An iterator over the pieces of a text, from [`split`]. Each item is the byte index of a piece and the
/// piece.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless taken from"]
pub struct Pieces<'a> {
    text: &'a str,
    splitter: Splitter,
}

impl Pieces<'_> {
    /// Sets the maximum length of a piece, from 3 to 4,096 characters. Values outside this range are clamped.
    ///
    /// The default is 4,096, the maximum of the API.
    pub fn at_most(mut self, characters: usize) -> Self {
        let (min, max) = max_characters_range().into_inner();
        self.splitter.limits.max = characters.clamp(min, max);
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

/// Returns the valid range of the maximum length of a piece. With a smaller maximum, some texts cannot be
/// split into pieces of the API's minimum length.
pub(super) fn max_characters_range() -> RangeInclusive<usize> {
    range_of_maximum(&INPUT_LENGTH)
}

fn range_of_maximum(lengths: &RangeInclusive<usize>) -> RangeInclusive<usize> {
    2 * shortest_piece(lengths) - 1..=*lengths.end()
}

/// Returns the minimum length of a piece. An empty piece is never sent, even if the API accepts an empty text.
fn shortest_piece(lengths: &RangeInclusive<usize>) -> usize {
    (*lengths.start()).max(1)
}

/// The position up to which a text is split, and the limits of a piece.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    position: usize,
    /// The byte index of the next anchor, at which a piece ends.
    anchor: usize,
    limits: Limits,
}

impl Splitter {
    /// Creates a splitter. `max` must be in [`max_characters_range`].
    pub(super) fn new(max: usize) -> Self {
        Self { position: 0, anchor: 0, limits: Limits { min: shortest_piece(&INPUT_LENGTH), max } }
    }

    /// Returns the byte range of the next piece. `text` must be the same in each call.
    ///
    /// A piece of invisible characters only is skipped: a request for it would be refused.
    pub(super) fn next(&mut self, text: &str) -> Option<Range<usize>> {
        std::iter::from_fn(|| self.next_range(text)).find(|piece| is_speakable(&text[piece.clone()]))
    }

    fn next_range(&mut self, text: &str) -> Option<Range<usize>> {
        let text_end = text.trim_end().len();
        let rest = text.get(self.position..text_end)?.trim_start();
        if rest.is_empty() {
            return None;
        }
        let start = text_end - rest.len();
        if self.anchor <= start {
            let text_start = text.len() - text.trim_start().len();
            let anchor = next_anchor(&text[text_start..text_end], start - text_start, self.limits);
            self.anchor = text_start + anchor.unwrap_or_default();
        }
        // Without an anchor, only the length limits the piece.
        let end = if self.anchor > start { self.anchor } else { text_end };
        let rest = text[start..end].trim_end();
        let piece = &rest[..find_piece_end(rest, self.limits)];
        self.position = start + piece.len();
        Some(self.pad_to_minimum(text, start..start + piece.trim_end().len()))
    }

    /// Extends a piece that is too short with the white space around it.
    fn pad_to_minimum(&mut self, text: &str, mut piece: Range<usize>) -> Range<usize> {
        while text[piece.clone()].chars().count() < self.limits.min {
            if let Some(next) = text[piece.end..].chars().next().filter(|c| c.is_whitespace()) {
                piece.end += next.len_utf8();
                self.position = self.position.max(piece.end);
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
pub(super) mod tests;

#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod edit_tests;
