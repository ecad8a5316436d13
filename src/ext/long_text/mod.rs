//! Long texts.

mod cut;
mod split;

pub use self::split::{Pieces, split};
