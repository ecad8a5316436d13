//! The target that the text of a reference names.

use crate::json::percent_decoded;

/// The file and the part of the file to which a reference leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The path relative to the file with the reference, or `None` for that file itself.
    pub(super) path: Option<String>,
    /// The part after `#`, as the reference writes it.
    pub(super) fragment: String,
}

impl Target {
    /// Reads a reference.
    ///
    /// # Errors
    ///
    /// Returns a message unless the reference has a relative path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (path, fragment) = text.split_once('#').unwrap_or((text, ""));
        let fragment = fragment.to_owned();
        if path.is_empty() {
            return Ok(Self { path: None, fragment });
        }
        let scheme = path.split('/').next().and_then(|first| first.split_once(':'));
        if let Some((scheme, _)) = scheme {
            let message = if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
                "a reference to an address is not followed, so that a document cannot decide what is downloaded"
            } else {
                "expected a reference with a relative path"
            };
            return Err(format!("{message}; save the file in the directory of the document"));
        }
        if path.starts_with('/') {
            return Err("expected a reference with a relative path, found an absolute path".to_owned());
        }
        let path = percent_decoded(path).filter(|path| !path.contains(char::is_control));
        let path = path.ok_or("expected a path in UTF-8 without control characters")?;
        // A separator on Windows only: the same document would lead to different files.
        if path.contains('\\') {
            return Err("expected a path with `/` between its names, found `\\`".to_owned());
        }
        Ok(Self { path: Some(path), fragment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_has_a_path_and_a_fragment() {
        for (text, path, fragment) in [
            ("./a%20b/pet.yaml#/Pet~1x%25", Some("./a b/pet.yaml"), "/Pet~1x%25"),
            ("pet.json", Some("pet.json"), ""),
            ("a/b:c.json#", Some("a/b:c.json"), ""),
            ("#/a", None, "/a"),
            ("", None, ""),
        ] {
            let expected = Target { path: path.map(str::to_owned), fragment: fragment.to_owned() };
            assert_eq!(Target::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn reference_without_a_relative_path_is_an_error() {
        for (text, expected) in [
            ("https://example.com/a.json#/A", "a reference to an address is not followed"),
            ("HTTP://example.com", "a reference to an address is not followed"),
            ("file:///etc/passwd", "expected a reference with a relative path"),
            ("C:/a.json", "expected a reference with a relative path"),
            ("/etc/passwd", "expected a reference with a relative path, found an absolute path"),
            ("//example.com/a", "expected a reference with a relative path, found an absolute path"),
            ("..%5Ca.json", "expected a path with `/` between its names"),
            ("a%00", "expected a path in UTF-8 without control characters"),
            ("%ff", "expected a path in UTF-8 without control characters"),
        ] {
            let error = Target::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
