//! `openapi/names.toml`: names for the inline schemas of the pages.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    failure::{ExitClass, Failure},
    transaction,
    workspace::Workspace,
};

/// The names, by section (usually an operation id) and path.
#[derive(Debug, Default, Deserialize)]
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
        if !path.exists() {
            return Ok(Self::default());
        }
        let file = root.relative(&path);
        let names: Self = toml::from_str(&transaction::read(&path, ExitClass::Document)?)
            .map_err(|error| Failure::document(format!("{file}: {error}")))?;
        let wrong: Vec<_> = names
            .entries()
            .flat_map(|(section, path, name)| name.name_parts().map(move |part| (section, path, part)))
            .filter(|(.., part)| !is_type_name(part))
            .map(|(section, path, part)| {
                format!("{file}: [{section}] {path:?}: invalid name {part:?}, expected a name such as SpeechResult")
            })
            .collect();
        crate::spec::diagnostics::fail_on(wrong)?;
        Ok(names)
    }

    pub(super) fn get(&self, section: &str, path: &str) -> Option<&Name> {
        self.0.get(section)?.get(path)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str, &Name)> {
        self.0.iter().flat_map(|(section, paths)| {
            let paths = paths.iter();
            paths.map(move |(path, name)| (section.as_str(), path.as_str(), name))
        })
    }
}

impl Name {
    fn name_parts(&self) -> impl Iterator<Item = &str> {
        let (one, other) = match self {
            Self::One(name) => (name, None),
            Self::Open(TwoNames { open, known }) => (open, Some(known)),
        };
        std::iter::once(one).chain(other).map(String::as_str)
    }
}

/// Returns `true` if the name is valid. The generator changes any other name, and may change two names to the
/// same.
fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}
