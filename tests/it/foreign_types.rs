//! The other crates whose items are part of the public API. A new major version of one of them breaks users of this
//! crate.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::read;

/// Returns the crates in the README's table, each with its version.
fn promised() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Versions\n").expect("README.md has a section `Versions`");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned())).collect()
}

/// Returns the dependencies in `Cargo.toml`, each with its version.
fn dependencies() -> BTreeMap<String, String> {
    let manifest = read("Cargo.toml");
    let (_, section) = manifest.split_once("\n[dependencies]\n").expect("Cargo.toml has dependencies");
    let section = section.split("\n[").next().unwrap();
    let lines = section.lines().filter_map(|line| line.split_once(" = "));
    let version = |value: &str| value.split('"').nth(1).unwrap().trim_start_matches('=').to_owned();
    lines.map(|(name, value)| (name.to_owned(), version(value))).collect()
}

/// Returns the dependencies that the listings of the public API name.
fn named() -> BTreeSet<String> {
    let text = read("docs/public-api.txt") + &read("openapi/surface.rs");
    // `reqwest::Client`, but not the re-export `distribute_ai::reqwest`.
    let starts_path = |name: &str| {
        let start = format!("{}::", name.replace('-', "_"));
        text.match_indices(&start).any(|(at, _)| {
            let before = &text[..at];
            let before = before.strip_suffix("::").unwrap_or(before);
            !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        })
    };
    dependencies().into_keys().filter(|name| starts_path(name)).collect()
}

#[test]
fn readme_lists_every_crate_in_public_signatures_with_its_version() {
    let (promised, dependencies) = (promised(), dependencies());
    assert_eq!(promised.keys().cloned().collect::<BTreeSet<_>>(), named(), "the table in README.md");
    for (name, version) in &promised {
        let used = &dependencies[name];
        assert!(
            used == version || used.starts_with(&format!("{version}.")),
            "{name}: {used} is not {version}"
        );
    }
}
