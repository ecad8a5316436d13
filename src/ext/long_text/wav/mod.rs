//! Writes several WAV files into one.

pub(in crate::ext::long_text) mod header;
pub(in crate::ext::long_text) mod joiner;
