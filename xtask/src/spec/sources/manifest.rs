//! `openapi/sources.toml`: the name and address of each page, and the origins that receive the API key.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde::Deserialize;

use super::http;
use crate::{
    failure::{ExitClass, Failure},
    transaction,
    workspace::Workspace,
};

/// The addresses of the pages by name, sorted so that the order of lines does not matter.
pub(crate) type Sources = BTreeMap<String, Url>;

/// The key of the list of origins. All other keys are names of pages.
const ORIGINS: &str = "key-origins";

#[derive(Debug, Deserialize)]
struct Manifest {
    /// The origins that receive the API key.
    #[serde(default, rename = "key-origins")]
    origins: Option<BTreeSet<String>>,
    #[serde(flatten)]
    pages: BTreeMap<String, String>,
}

pub(crate) fn read(root: &Workspace) -> Result<Sources, Failure> {
    read_with(root, |manifest| parse(&manifest))
}

/// Returns the origins that receive the API key, if the file lists them.
pub(crate) fn key_origins(root: &Workspace) -> Result<Option<BTreeSet<String>>, Failure> {
    read_with(root, |manifest| Ok(manifest.origins))
}

/// Returns the line that adds an origin to those that receive the API key.
pub(crate) fn key_origins_line(origins: &BTreeSet<String>) -> String {
    format!("{ORIGINS} = {:?}", origins.iter().collect::<Vec<_>>())
}

fn read_with<T>(
    root: &Workspace,
    parse: impl FnOnce(Manifest) -> Result<T, Vec<String>>,
) -> Result<T, Failure> {
    let path = root.sources();
    let text = transaction::read(&path, ExitClass::Usage)?;
    let manifest = toml::from_str(&text).map_err(|error| vec![error.to_string()]);
    manifest.and_then(parse).map_err(|errors| {
        let file = root.relative(&path);
        let lines = errors.iter().map(|error| format!("{file}: {error}"));
        Failure::new(ExitClass::Usage, lines.collect())
    })
}

fn parse(manifest: &Manifest) -> Result<Sources, Vec<String>> {
    if manifest.pages.is_empty() {
        return Err(vec!["file has no page, expected at least one".to_owned()]);
    }
    let mut sources = Sources::new();
    let mut errors = Vec::new();
    for (name, address) in &manifest.pages {
        if !is_page_name(name) {
            errors.push(format!(
                "invalid page name `{name}`, expected lower-case words joined by `-`, as in `speech-create`"
            ));
        }
        match http::parse_address(address) {
            Ok(address) => drop(sources.insert(name.clone(), address)),
            Err(error) => errors.push(format!("{name}: {error}")),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

/// Returns `true` if the name is valid. It becomes a file name, so it must not contain special characters of
/// any system.
fn is_page_name(name: &str) -> bool {
    name.split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Sources, Vec<String>> {
        super::parse(&toml::from_str(text).map_err(|error| vec![error.to_string()])?)
    }

    #[test]
    fn parse_returns_pages_sorted_by_name() {
        let sources = parse("b-2 = \"https://x.y/b.md\"\na = \"http://127.0.0.1:1/a\"").unwrap();
        assert_eq!(sources.keys().collect::<Vec<_>>(), ["a", "b-2"]);
        assert_eq!(sources["b-2"].as_str(), "https://x.y/b.md");
    }

    #[test]
    fn parse_rejects_names_that_are_unsafe_as_file_names() {
        for name in ["../a", "A", "a--b", "-a", "a b", ""] {
            let errors = parse(&format!("\"{name}\" = \"https://x.y\"")).unwrap_err();
            assert!(errors[0].contains("invalid page name"), "{errors:?}");
        }
    }

    #[test]
    fn parse_rejects_empty_lists_duplicates_and_invalid_addresses() {
        for (text, expected) in [
            ("", "expected at least one"),
            ("a = 1", "invalid type"),
            ("a = \"https://x.y\"\na = \"https://x.y\"", "duplicate key"),
            ("a = \"x.y/z\"", "invalid address `x.y/z`"),
            ("a = \"ftp://x.y/z\"", "expected https"),
            ("a = \"http://x.y/z\"", "expected https"),
        ] {
            let errors = parse(text).unwrap_err();
            assert!(errors[0].contains(expected), "{errors:?}");
        }
    }
}
