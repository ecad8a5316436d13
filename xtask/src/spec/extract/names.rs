//! `openapi/names.toml`: names for the inline schemas of the pages.

use std::collections::BTreeMap;

use heck::ToPascalCase;
use serde::Deserialize;
use serde_json::json;

use crate::{failure::Failure, spec::diagnostics::fail_on, workspace::Workspace};

/// The names, by section (usually an operation id) and path.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Names(BTreeMap<String, BTreeMap<String, Name>>);

/// The name of a schema, or the two names of an open schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub(crate) enum Name {
    One(String),
    /// The names of the type that accepts any value and of the type of the known values.
    Open(TwoNames),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwoNames {
    pub(crate) open: String,
    pub(crate) known: String,
}

impl Names {
    /// Reads the committed table. Returns an empty one if the file does not exist.
    pub(crate) fn read(root: &Workspace) -> Result<Self, Failure> {
        let path = root.names();
        let names: Self = root.read_toml(&path)?;
        let file = root.relative(&path);
        fail_on(names.invalid().into_iter().map(|error| format!("{file}: {error}")).collect())?;
        Ok(names)
    }

    /// Adds the names of another table for paths without one.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        for (section, path, name) in other.entries() {
            if self.get(section, path).is_none() {
                self.insert(section, path, name.clone());
            }
        }
        self
    }

    /// Returns an error for each name that the generator would change.
    pub(super) fn invalid(&self) -> Vec<String> {
        let parts = self.entries().flat_map(|(section, path, name)| {
            // A component keeps its name.
            let own = section.strip_prefix("#/schemas/").filter(|_| path == ".");
            let changed =
                name.name_parts().filter(move |part| Some(*part) != own && *part != type_name(part));
            changed.map(move |part| (section, path, part))
        });
        let error = |(section, path, part)| {
            let expected = type_name(part);
            format!("[{section}] {path:?}: invalid name {part:?}, expected a name such as {expected}")
        };
        parts.map(error).collect()
    }

    pub(super) fn get(&self, section: &str, path: &str) -> Option<&Name> {
        self.0.get(section)?.get(path)
    }

    pub(super) fn insert(&mut self, section: &str, path: &str, name: Name) {
        self.0.entry(section.to_owned()).or_default().insert(path.to_owned(), name);
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &str, &Name) -> bool) {
        for (section, paths) in &mut self.0 {
            paths.retain(|path, name| keep(section, path, name));
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str, &Name)> {
        self.0.iter().flat_map(|(section, paths)| {
            let paths = paths.iter();
            paths.map(move |(path, name)| (section.as_str(), path.as_str(), name))
        })
    }
}

impl Name {
    pub(super) fn name_parts(&self) -> impl Iterator<Item = &str> {
        let (one, other) = match self {
            Self::One(name) => (name, None),
            Self::Open(TwoNames { open, known }) => (open, Some(known)),
        };
        std::iter::once(one).chain(other).map(String::as_str)
    }

    pub(super) fn one(&self) -> Option<&str> {
        match self {
            Self::One(name) => Some(name),
            Self::Open(_) => None,
        }
    }

    /// Returns the name in the syntax of the table.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::One(name) => format!("{name:?}"),
            Self::Open(TwoNames { open, known }) => format!("{{ open = {open:?}, known = {known:?} }}"),
        }
    }
}

/// Returns a text as the name of a type that the generator does not change.
///
/// The generator changes the case of other names, and may then give one name to two types.
pub(super) fn type_name(text: &str) -> String {
    let ascii = text.replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    // The first pass can put capitals next to each other, and the second pass keeps only the first of them.
    let name = ascii.to_pascal_case().to_pascal_case();
    if name.starts_with(|c: char| c.is_ascii_uppercase()) { name } else { format!("Schema{name}") }
}

/// Returns a key in the syntax of a table, quoted if TOML requires it.
pub(crate) fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_bare { key.to_owned() } else { json!(key).to_string() }
}
