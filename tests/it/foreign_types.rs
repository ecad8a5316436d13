//! The other crates whose items are part of the public API. A new major version of one of them breaks users of this
//! crate.

use std::collections::BTreeMap;

use crate::{public_items::public_items, repository::read};

/// Returns the crates in the README's table, each with its version.
fn promised() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Versions\n").expect("README.md has a section `Versions`");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned())).collect()
}

/// Returns the version of a dependency in `Cargo.toml`.
fn manifest_version(name: &str) -> Option<String> {
    let manifest = read("Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n")?;
    let line = dependencies.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
    let version = line.split('"').nth(1)?;
    Some(version.trim_start_matches('=').to_owned())
}

#[test]
fn readme_lists_every_crate_in_public_signatures_with_its_version() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, file) in public_items().foreign {
        found.entry(name.replace('_', "-")).or_default().push(file);
    }
    let promised = promised();
    for (name, files) in &found {
        assert!(
            promised.contains_key(name),
            "README.md does not list `{name}`, which is public in {files:?}"
        );
    }
    for (name, version) in &promised {
        assert!(found.contains_key(name), "README.md lists `{name}`, which is in no public signature");
        let used = manifest_version(name).unwrap_or_else(|| panic!("`{name}` is no dependency"));
        assert!(
            used == *version || used.starts_with(&format!("{version}.")),
            "{name}: {used} is not {version}"
        );
    }
}
