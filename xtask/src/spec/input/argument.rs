//! The forms of an argument that names a document.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use reqwest::Url;

use crate::spec::sources::http::{parse_address, without_secrets};

/// A document, as an argument names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// `-`
    StandardInput,
    Address(Url),
    /// `REV:path`, as git reads it.
    Revision {
        revision: String,
        path: String,
    },
    File(PathBuf),
}

impl Argument {
    /// Reads an argument. `exists` returns `true` for the path of a file.
    pub(super) fn parse(text: &OsStr, exists: impl Fn(&Path) -> bool) -> Result<Self, String> {
        let file = || Self::File(PathBuf::from(text));
        let Some(text) = text.to_str() else { return Ok(file()) };
        if text == "-" {
            return Ok(Self::StandardInput);
        }
        if has_scheme(text) {
            return parse_address(text).map(Self::Address);
        }
        match split(text) {
            Some((revision, path)) if !exists(text.as_ref()) => {
                if revision.starts_with('-') {
                    return Err(format!(
                        "{text}: revision begins with `-`, expected a commit, branch or tag"
                    ));
                }
                Ok(Self::Revision { revision: revision.to_owned(), path: path.to_owned() })
            }
            _ => Ok(file()),
        }
    }

    /// Returns the name of the document in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::StandardInput => "standard input".to_owned(),
            Self::Address(address) => without_secrets(address),
            Self::Revision { revision, path } => format!("{revision}:{path}"),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Returns the path whose extension names the format.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::StandardInput => "",
            Self::Address(address) => address.path(),
            Self::Revision { path, .. } => path,
            Self::File(path) => path.to_str().unwrap_or_default(),
        }
    }
}

/// Returns `true` for text such as `https://…`.
fn has_scheme(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_part)
    })
}

/// Splits at the first colon outside of braces, because a revision can be `main@{10:00}` or `main^{/fix: it}`.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut braces = 0_usize;
    let colon = text.char_indices().find(|(_, c)| {
        match c {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
        *c == ':' && braces == 0
    });
    let (revision, path) = text.split_at(colon?.0);
    let path = &path[1..];
    let is_drive = revision.len() == 1 && (cfg!(windows) || path.starts_with(['/', '\\']));
    (!revision.is_empty() && !is_drive).then_some((revision, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Argument, String> {
        Argument::parse(OsStr::new(text), |path| path == Path::new("there:api.yaml"))
    }

    #[test]
    fn argument_has_the_form_of_its_text() {
        let revision =
            |revision: &str, path: &str| Argument::Revision { revision: revision.into(), path: path.into() };
        for (text, expected) in [
            ("-", Argument::StandardInput),
            ("./-", Argument::File("./-".into())),
            ("api.yaml", Argument::File("api.yaml".into())),
            ("there:api.yaml", Argument::File("there:api.yaml".into())),
            (":api.yaml", Argument::File(":api.yaml".into())),
            (r"C:\api.yaml", Argument::File(r"C:\api.yaml".into())),
            ("C:/api.yaml", Argument::File("C:/api.yaml".into())),
            ("main:api.yaml", revision("main", "api.yaml")),
            ("HEAD~1:./api.yaml", revision("HEAD~1", "./api.yaml")),
            ("main@{2026-01-31 10:00}:a:b", revision("main@{2026-01-31 10:00}", "a:b")),
            ("main^{/fix: it}:a", revision("main^{/fix: it}", "a")),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert!(matches!(parse("https://example.com/a"), Ok(Argument::Address(_))));
    }

    #[test]
    fn argument_that_is_not_allowed_is_an_error() {
        for (text, expected) in [
            (
                "--upload-pack=x:y",
                "--upload-pack=x:y: revision begins with `-`, expected a commit, branch or tag",
            ),
            ("http://example.com/a", "address `http://example.com/a` is not allowed, expected https://"),
            ("file:///etc/passwd", "address `file:` is not allowed, expected https://"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn name_of_an_address_has_no_secrets() {
        let argument = parse("https://user:secret@example.com/api.yaml?token=secret").unwrap();
        assert_eq!(argument.name(), "https://example.com/api.yaml");
        assert_eq!(argument.path(), "/api.yaml");
    }
}
