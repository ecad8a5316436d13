//! Finds anchors: boundaries that depend only on the text around them.
//!
//! Each anchor ends a piece. A change of the text therefore affects only the pieces between two anchors.

use super::{
    candidate::{Candidate, byte_index, candidates, with_lookahead},
    piece_end::Limits,
};

/// The distances that are searched for an anchor, in pieces. The second one is rarely needed.
const SEARCHED_PIECES: [usize; 2] = [3, 6];

/// The minimum distance of an anchor from both ends of the text, in pieces. Without it, a short text would have more
/// pieces than needed.
const EDGE_PIECES: usize = 2;

/// The smallest maximum length of a piece for which there are anchors. Shorter pieces are about as long as a clause.
const MIN_PIECE_CHARS: usize = 32;

/// Returns the byte index of the next anchor after `position`, which is 0 or the start of a piece. Returns the length
/// of the text if no anchor comes before its end, and `None` if there is no boundary at all within some pieces.
pub(super) fn next_anchor(text: &str, position: usize, limits: Limits) -> Option<usize> {
    let max = limits.max;
    let rest = &text[position..];
    if max < MIN_PIECE_CHARS {
        return Some(text.len());
    }
    let radius = radius(max);
    let context = text[..position].char_indices().rev().nth(radius).map_or(0, |(at, _)| at);
    let context_chars = text[context..position].chars().count();
    // Without the first distance, the start of the text would be followed by a short piece.
    let nearest = if position == 0 { EDGE_PIECES * max } else { max / 4 };
    for pieces in SEARCHED_PIECES {
        let farthest = pieces * max;
        let is_near_end = byte_index(rest, farthest + EDGE_PIECES * max).is_none();
        let length = position - context + with_lookahead(rest, farthest + radius).len();
        let candidates = candidates(&text[context..context + length]);
        let distances = context_chars + nearest..=context_chars + farthest;
        let is_far_from_end = |anchor: &&Candidate| {
            byte_index(&text[context + anchor.boundary.start..], EDGE_PIECES * max).is_some()
        };
        let mut anchors =
            local_maxima(&candidates, radius).filter(|anchor| distances.contains(&anchor.start_chars));
        if let Some(anchor) = anchors.find(is_far_from_end) {
            return Some(context + anchor.boundary.start);
        }
        if is_near_end {
            return Some(text.len());
        }
        if pieces == SEARCHED_PIECES[1] {
            // The text repeats itself, or has hardly any boundary.
            let last = candidates.iter().filter(|candidate| {
                distances.contains(&candidate.start_chars)
                    && candidate.start_chars + radius > *distances.end()
            });
            return last.max_by_key(|candidate| candidate.rank()).map(|best| context + best.boundary.start);
        }
    }
    None
}

/// Returns the distance in which no boundary is better than an anchor, in characters. Anchors are at least this far
/// apart, and twice as far on average.
///
/// With a smaller distance, a change affects fewer pieces, but there are more pieces. Where pieces are short, an
/// inserted sentence is a large part of a piece, so the distance is smaller in relation to the pieces. The numbers
/// were found by experiment with 400 to 4,096 characters.
fn radius(max: usize) -> usize {
    (max * 12 / 10).saturating_sub(370).max(max / 2)
}

/// Returns the candidates that are better than all before them, and not worse than any after them, within a radius.
fn local_maxima(candidates: &[Candidate], radius: usize) -> impl Iterator<Item = &Candidate> {
    let mut next = 0;
    // `true` if the next candidate is better than all before it.
    let mut is_better = true;
    std::iter::from_fn(move || {
        loop {
            let current = candidates.get(next)?;
            let rest = &candidates[next + 1..];
            let after =
                &rest[..rest.partition_point(|other| other.start_chars <= current.start_chars + radius)];
            let best = after.iter().map(Candidate::rank).max();
            let is_maximum = is_better && best <= Some(current.rank());
            let is_best = |other: &Candidate| Some(other.rank()) == best;
            // The candidates in between are not better than all before them, so none of them is a maximum.
            (next, is_better) = if best > Some(current.rank()) {
                (next + 1 + after.iter().position(is_best).unwrap_or_default(), true)
            } else {
                (next + 1 + after.iter().rposition(is_best).unwrap_or_default(), after.is_empty())
            };
            if is_maximum {
                return Some(current);
            }
        }
    })
}
