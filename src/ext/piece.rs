use std::ops::Range;

/// Which part of a long text an error is about, by [`Error::piece`](crate::Error::piece).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Counted from 1.
    pub number: usize,
    /// Where it stands in the text.
    pub bytes: Range<usize>,
}
