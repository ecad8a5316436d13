//! A keyword of OpenAPI 3.1 that is compared only for equality, with the keywords beside it that change its meaning.

use std::collections::BTreeSet;

use super::key::Key;

/// A keyword that is compared only for equality.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Condition {
    /// The keyword, and its meaning without the schemas in it.
    pub(super) text: String,
    pub(super) keys: Vec<Key>,
    /// What `unevaluatedProperties` or `unevaluatedItems` does not apply to. More of them allow more.
    pub(super) exceptions: BTreeSet<String>,
}

impl Condition {
    pub(super) fn new(text: impl Into<String>, keys: Vec<Key>) -> Self {
        Self { text: text.into(), keys, exceptions: BTreeSet::new() }
    }

    /// Returns the schemas that apply to some of the values.
    pub(super) fn cases(&self) -> &[Key] {
        match self.text.split(' ').next() {
            Some("dependentSchemas") => &self.keys,
            Some("if") => self.keys.get(1..).unwrap_or_default(),
            _ => &[],
        }
    }
}
