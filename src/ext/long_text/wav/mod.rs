//! WAV files: read as they arrive, and joined into one.

pub(in crate::ext::long_text) mod header;
pub(in crate::ext::long_text) mod joiner;
pub(in crate::ext::long_text) mod reader;
