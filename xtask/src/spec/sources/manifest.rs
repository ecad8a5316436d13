//! `openapi/sources.toml`: the name and address of each page.

use std::collections::BTreeMap;

use reqwest::Url;

use super::http;
use crate::{
    failure::{ExitClass, Failure},
    transaction,
    workspace::Workspace,
};

/// The addresses of the pages by name, sorted so that the order of lines has no effect.
pub(crate) type Sources = BTreeMap<String, Url>;

pub(crate) fn read(root: &Workspace) -> Result<Sources, Failure> {
    let path = root.sources();
    parse(&transaction::read(&path, ExitClass::Usage)?).map_err(|errors| {
        let file = root.relative(&path);
        let lines = errors.iter().map(|error| format!("{file}: {error}"));
        Failure::new(ExitClass::Usage, lines.collect())
    })
}

fn parse(text: &str) -> Result<Sources, Vec<String>> {
    let lines: BTreeMap<String, String> = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
    if lines.is_empty() {
        return Err(vec!["file is empty, expected at least one page".to_owned()]);
    }
    let mut sources = Sources::new();
    let mut errors = Vec::new();
    for (name, address) in lines {
        if !is_page_name(&name) {
            errors.push(format!(
                "invalid page name `{name}`, expected lower-case words joined by `-`, as in `speech-create`"
            ));
        }
        match http::parse_address(&address) {
            Ok(address) => drop(sources.insert(name, address)),
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
            ("", "expected at least one page"),
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
