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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> SpeechRequest {
        SpeechRequest::new(text.parse().unwrap())
    }

    #[test]
    fn label_is_the_key_or_the_fingerprint_of_the_request() {
        let request = request("A private text.");
        let fingerprint = fingerprint(&request);
        for (label, expected) in
            [(Label::Key("line 7".into()), "line 7"), (Label::Request(Arc::new(request)), &*fingerprint)]
        {
            assert_eq!((label.to_string(), format!("{label:?}")), (expected.to_owned(), expected.to_owned()));
        }
    }

    #[test]
    fn fingerprint_depends_on_the_request_only() {
        assert_eq!(fingerprint(&request("Hello.")), fingerprint(&request("Hello.")));
        let requests = [request("Hello."), request("Hello!"), request("Hello.").voice("nora")];
        let mut fingerprints = requests.each_ref().map(fingerprint).to_vec();
        assert!(fingerprints.iter().all(|text| text.len() == 16), "{fingerprints:?}");
        fingerprints.sort_unstable();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), 3, "{fingerprints:?}");
    }
}
