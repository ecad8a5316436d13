//! RFC 6901: the place of a value in a document.

use std::fmt::{self, Write as _};

/// A JSON pointer that grows as a walk goes down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pointer(String);

impl Pointer {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pointer of a reference within the document, percent escapes undone as in any URL.
    pub(crate) fn of_reference(reference: &str) -> Option<Self> {
        let fragment = reference.strip_prefix('#')?;
        let mut bytes = Vec::with_capacity(fragment.len());
        let mut rest = fragment.as_bytes();
        while let [first, after @ ..] = rest {
            let hex = after.get(..2).and_then(|hex| str::from_utf8(hex).ok());
            let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
            if let Some(byte) = escaped.filter(|_| *first == b'%') {
                bytes.push(byte);
                rest = &after[2..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8(bytes).ok().map(Self)
    }

    /// The place of a member or item below this one.
    pub(crate) fn child(&self, token: impl fmt::Display) -> Self {
        let mut text = String::with_capacity(self.0.len() + 24);
        text.push_str(&self.0);
        text.push('/');
        let start = text.len();
        let _ = write!(text, "{token}");
        // Few tokens need it, and a walk makes one of these for every value.
        if text[start..].contains(['~', '/']) {
            let escaped = text[start..].replace('~', "~0").replace('/', "~1");
            text.replace_range(start.., &escaped);
        }
        Self(text)
    }

    /// As `Value::pointer` takes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens, escapes undone.
    pub(crate) fn tokens(&self) -> impl DoubleEndedIterator<Item = String> + '_ {
        let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
        let tokens = self.0.strip_prefix('/').map(|rest| rest.split('/'));
        tokens.into_iter().flatten().map(unescape)
    }

    /// Whether this place is the other or lies within it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pointer of the whole document is the empty string, which no reader would see.
        f.write_str(if self.0.is_empty() { "(root)" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_unescapes_tokens() {
        let place = Pointer::default().child("paths").child("/a~b").child(0);
        assert_eq!(place.as_str(), "/paths/~1a~0b/0");
        assert_eq!(place.tokens().collect::<Vec<_>>(), ["paths", "/a~b", "0"].map(String::from));
    }

    #[test]
    fn reads_references_within_the_document_only() {
        let place = |reference| Pointer::of_reference(reference).map(|p| p.0);
        assert_eq!(place("#/a/~1b%7Bc%7D%"), Some("/a/~1b{c}%".to_owned()));
        assert_eq!(place("other.json#/a"), None);
    }

    #[test]
    fn within_means_whole_tokens() {
        let place = Pointer::new("/a/b");
        assert!(place.is_within(&Pointer::new("/a")));
        assert!(place.is_within(&place));
        assert!(!Pointer::new("/ab").is_within(&Pointer::new("/a")));
    }
}
