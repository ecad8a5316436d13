//! Reads WAV files.

pub(crate) mod format;
pub(crate) mod reader;
