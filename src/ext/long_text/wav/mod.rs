//! WAV files: a streaming reader, and a joiner that writes several files into one.

pub(in crate::ext::long_text) mod format;
pub(in crate::ext::long_text) mod header;
pub(in crate::ext::long_text) mod joiner;
pub(in crate::ext::long_text) mod reader;
