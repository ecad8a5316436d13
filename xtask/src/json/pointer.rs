//! JSON pointers (RFC 6901).

use std::fmt::{self, Write as _};

use serde_json::Value;

/// A JSON pointer: the location of a value in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pointer(String);

impl Pointer {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the pointer of a reference within the document, percent-decoded as in any URL. Returns `None`
    /// for a reference to another document, or if the decoded pointer is not UTF-8.
    pub(crate) fn of_reference(reference: &str) -> Option<Self> {
        percent_decoded(reference.strip_prefix('#')?).map(Self)
    }

    /// Returns the pointer of a member or item of the value at this pointer.
    pub(crate) fn child(&self, token: impl fmt::Display) -> Self {
        let mut text = String::with_capacity(self.0.len() + 24);
        text.push_str(&self.0);
        text.push('/');
        let start = text.len();
        let _ = write!(text, "{token}");
        // Few tokens need escapes, and a traversal creates a pointer for every value.
        if text[start..].contains(['~', '/']) {
            let escaped = text[start..].replace('~', "~0").replace('/', "~1");
            text.replace_range(start.., &escaped);
        }
        Self(text)
    }

    /// Returns the pointer as text, as `Value::pointer` expects it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the unescaped tokens.
    pub(crate) fn tokens(&self) -> impl DoubleEndedIterator<Item = String> + '_ {
        let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
        let tokens = self.0.strip_prefix('/').map(|rest| rest.split('/'));
        tokens.into_iter().flatten().map(unescape)
    }

    /// Returns the pointer of the value, or of its nearest parent that exists.
    pub(crate) fn nearest_in(&self, document: &Value) -> Self {
        let mut text = self.as_str();
        while document.pointer(text).is_none() {
            text = text.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        Self::new(text)
    }

    /// Returns `true` if this pointer is `other` or lies within `other`.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Returns a part of a URL without its percent-encoding. Returns `None` if the result is not UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
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
    String::from_utf8(bytes).ok()
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pointer of the whole document is the empty string, which a reader would overlook.
        f.write_str(if self.0.is_empty() { "(root)" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointer_escapes_and_unescapes_tokens() {
        let pointer = Pointer::default().child("paths").child("/a~b").child(0);
        assert_eq!(pointer.as_str(), "/paths/~1a~0b/0");
        assert_eq!(pointer.tokens().collect::<Vec<_>>(), ["paths", "/a~b", "0"].map(String::from));
    }

    #[test]
    fn of_reference_accepts_only_references_within_the_document() {
        let pointer = |reference| Pointer::of_reference(reference).map(|p| p.0);
        assert_eq!(pointer("#/a/~1b%7Bc%7D%"), Some("/a/~1b{c}%".to_owned()));
        assert_eq!(pointer("other.json#/a"), None);
    }

    #[test]
    fn nearest_pointer_is_that_of_a_parent() {
        let document = json!({"a": [{"b/c": 1}]});
        let nearest = |text: &str| Pointer::new(text).nearest_in(&document).0;
        for (text, expected) in
            [("/a/0/b~1c", "/a/0/b~1c"), ("/a/0/x/y", "/a/0"), ("/a/1/b", "/a"), ("/x/y", ""), ("", "")]
        {
            assert_eq!(nearest(text), expected);
        }
    }

    #[test]
    fn is_within_compares_whole_tokens() {
        let pointer = Pointer::new("/a/b");
        assert!(pointer.is_within(&Pointer::new("/a")));
        assert!(pointer.is_within(&pointer));
        assert!(!Pointer::new("/ab").is_within(&Pointer::new("/a")));
    }
}
