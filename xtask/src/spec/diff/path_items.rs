//! Matching the path items of two documents.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Matched, Pair, ResolvedNode, matched};
use crate::spec::traverse::without_parameter_names;

/// The path items of two documents, by the paths as each document writes them.
pub(super) struct PathItems<'a> {
    pub(super) removed: Vec<(&'a str, ResolvedNode<'a>)>,
    pub(super) added: Vec<(&'a str, ResolvedNode<'a>)>,
    pub(super) both: Vec<((&'a str, &'a str), Pair<'a>)>,
}

/// Matches equal paths first. Other paths match if they differ only in the names of their parameters.
pub(super) fn matched_items<'a>(document: &Pair<'a>) -> PathItems<'a> {
    let (base, revision) = (Paths::of(&document.base), Paths::of(&document.revision));
    let same: BTreeSet<_> =
        base.items.keys().filter(|path| revision.items.contains_key(*path)).cloned().collect();
    let (old, new) = (base.names(&same), revision.names(&same));
    let Matched { removed, added, both } = matched(base.keyed(&same), revision.keyed(&same));
    PathItems {
        removed: removed.into_iter().map(|(key, item)| (old[&key], item)).collect(),
        added: added.into_iter().map(|(key, item)| (new[&key], item)).collect(),
        both: both.into_iter().map(|(key, pair)| ((old[&key], new[&key]), pair)).collect(),
    }
}

/// The path items of one document, by path.
struct Paths<'a> {
    /// Each with its path as written.
    items: BTreeMap<String, (&'a String, ResolvedNode<'a>)>,
    /// The number of paths that match the same URLs.
    counts: BTreeMap<String, usize>,
}

impl<'a> Paths<'a> {
    fn of(document: &ResolvedNode<'a>) -> Self {
        let items = document.path_items();
        let mut counts = BTreeMap::new();
        for path in items.keys() {
            *counts.entry(without_parameter_names(path)).or_default() += 1;
        }
        Self { items, counts }
    }

    /// Returns the paths as written, by the keys that they are matched by.
    fn names(&self, same: &BTreeSet<String>) -> BTreeMap<String, &'a str> {
        self.items.iter().map(|(path, (written, _))| (self.key(path, same), written.as_str())).collect()
    }

    fn keyed(&self, same: &BTreeSet<String>) -> Vec<(String, ResolvedNode<'a>)> {
        self.items.iter().map(|(path, (_, item))| (self.key(path, same), item.clone())).collect()
    }

    /// Returns what a path is matched by: the path without the names of its parameters, if that is unique.
    fn key(&self, path: &str, same: &BTreeSet<String>) -> String {
        let template = without_parameter_names(path);
        if same.contains(path) || self.counts.get(&template) > Some(&1) { path.to_owned() } else { template }
    }
}
