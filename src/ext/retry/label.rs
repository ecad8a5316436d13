//! Identifies a submission in the log.

use std::{fmt, hash::Hasher, sync::Arc};

use fnv::FnvHasher;

use crate::types::SpeechRequest;

/// The key of a request in a batch, or a fingerprint of the request. The fingerprint is computed only if it is logged.
#[derive(Clone)]
pub(crate) enum Label {
    Key(Box<str>),
    Request(Arc<SpeechRequest>),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Request(request) => f.write_str(&fingerprint(request)),
        }
    }
}

/// Omits the text, which may be private.
impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns a fingerprint of a request: the same for equal requests in every run, and another for another text or voice.
///
/// It identifies the request in a log, and detects accidental changes. It is not collision-resistant.
pub(crate) fn fingerprint(request: &SpeechRequest) -> String {
    // A `Value` sorts its keys, so the fingerprint does not depend on the order of the fields in the document.
    let canonical = serde_json::to_value(request).expect("a request is JSON").to_string();
    let mut hasher = FnvHasher::default();
    hasher.write(canonical.as_bytes());
    format!("{:016x}", hasher.finish())
}
