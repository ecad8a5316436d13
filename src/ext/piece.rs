use std::ops::Range;

/// The piece of a long text that an error is about. [`Error::piece`](crate::Error::piece) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The number of the piece, counted from 1.
    pub number: usize,
    /// The byte range of the piece in the text.
    pub bytes: Range<usize>,
}
