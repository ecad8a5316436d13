//! `openapi/names.toml`: what the schemas are called that the pages leave without a name.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    failure::{ExitClass, Failure},
    transaction,
    workspace::Workspace,
};

/// The names by table (an operation's id) and place within it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Names(BTreeMap<String, BTreeMap<String, Name>>);

/// What a schema is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub(crate) enum Name {
    One(String),
    /// A type that admits any value, and the one of the values known today.
    Open(TwoNames),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwoNames {
    pub(crate) open: String,
    pub(crate) known: String,
}

impl Names {
    /// The committed table; an empty one where there is none.
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
            .flat_map(|(table, place, name)| name.name_parts().map(move |word| (table, place, word)))
            .filter(|(.., word)| !is_type_name(word))
            .map(|(table, place, word)| {
                format!("{file}: [{table}] {place:?}: expected a name such as SpeechResult, found {word:?}")
            })
            .collect();
        crate::spec::diagnostics::fail_on(wrong)?;
        Ok(names)
    }

    pub(super) fn get(&self, table: &str, place: &str) -> Option<&Name> {
        self.0.get(table)?.get(place)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str, &Name)> {
        self.0.iter().flat_map(|(table, places)| {
            let places = places.iter();
            places.map(move |(place, name)| (table.as_str(), place.as_str(), name))
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

/// The generator would bend any other name into this form, and two into one.
fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}
