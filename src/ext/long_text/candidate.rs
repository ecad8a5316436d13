//! Boundaries with their positions in characters, and with a hash of the text before each.

use std::hash::Hasher;

use fnv::FnvHasher;

use super::boundary::{Boundary, Kind, boundaries};

/// The number of characters before a boundary that its hash depends on.
const CONTEXT_CHARS: usize = 16;

/// The number of characters that are read after the last boundary that is used. They show whether a sentence ends
/// there.
pub(super) const LOOKAHEAD_CHARS: usize = 64;

/// A boundary that may be selected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) boundary: Boundary,
    /// The numbers of characters before the end and the start of the boundary.
    pub(super) end_chars: usize,
    pub(super) start_chars: usize,
    hash: u64,
}

impl Candidate {
    /// Orders candidates by quality. Among equals, the order depends only on the text around them, so that a change
    /// elsewhere does not affect it.
    pub(super) fn rank(&self) -> (Kind, u64) {
        (self.boundary.kind, self.hash)
    }
}

/// Returns the boundaries in a text, in order.
pub(super) fn candidates(text: &str) -> Vec<Candidate> {
    let (mut position, mut chars) = (0, 0);
    let mut chars_until = |at: usize| {
        chars += text[position..at].chars().count();
        position = at;
        chars
    };
    let candidates = boundaries(text).into_iter().map(|boundary| Candidate {
        boundary,
        end_chars: chars_until(boundary.end),
        start_chars: chars_until(boundary.start),
        hash: hash_context(&text[..boundary.end]),
    });
    candidates.collect()
}

/// Hashes the last letters and digits of a text. The text after the boundary is left out, because an inserted
/// sentence would change the boundaries on both of its sides.
///
/// The result is the same on every machine and in every version, because it decides which pieces are billed again
/// after a change.
fn hash_context(before: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    for letter in before.chars().rev().take(CONTEXT_CHARS).filter(|c| c.is_alphanumeric()) {
        hasher.write(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    // FNV mixes the high bits badly, and they decide comparisons. These are the steps of SplitMix64.
    let mut hash = hasher.finish();
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Returns the byte index of a character, or `None` if the text has at most `index` characters.
pub(super) fn byte_index(text: &str, index: usize) -> Option<usize> {
    text.char_indices().nth(index).map(|(at, _)| at)
}

/// Returns the start of a text of `chars` characters, with the text that is needed to judge its last boundaries.
pub(super) fn with_lookahead(text: &str, chars: usize) -> &str {
    let Some(limit) = byte_index(text, chars) else { return text };
    let next = text.len() - text[limit..].trim_start().len();
    byte_index(&text[next..], LOOKAHEAD_CHARS).map_or(text, |length| &text[..next + length])
}
