//! Matching the operations of two documents by path and method.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    context::OperationContext,
    node::{Pair, ResolvedNode, matched},
    operation,
    recorder::{Recorder, nearest_pointer},
    rules::DocumentChange,
    security,
};
use crate::spec::traverse::{METHODS, template_names, without_parameter_names};

const KEY: &str = "paths";

pub(super) fn compare(recorder: &mut Recorder, document: &Pair, schemes: &security::SchemeNames) {
    let (base, revision) = (Paths::of(&document.base), Paths::of(&document.revision));
    // Equal paths are matched first. Other paths match if they differ only in the names of their parameters.
    let same: BTreeSet<_> =
        base.items.keys().filter(|path| revision.items.contains_key(*path)).cloned().collect();
    let (old, new) = (base.names(&same), revision.names(&same));
    let matched = matched(base.keyed(&same), revision.keyed(&same));
    let parents = (nearest_pointer(&document.base, KEY), nearest_pointer(&document.revision, KEY));
    for (key, item) in matched.removed {
        for (method, operation) in operations(&item) {
            recorder.operation = Some(operation_name(method, &old[&key]));
            let rule = if operation.flag("deprecated") {
                DocumentChange::ApiPathRemovedWithDeprecation
            } else {
                DocumentChange::ApiPathRemovedWithoutDeprecation
            };
            recorder.report(rule, (&operation.at, &parents.1), "");
        }
    }
    for (key, item) in matched.added {
        for (method, operation) in operations(&item) {
            recorder.operation = Some(operation_name(method, &new[&key]));
            recorder.report(DocumentChange::EndpointAdded, (&parents.0, &operation.at), "");
        }
    }
    for (key, item) in matched.both {
        compare_path_item(recorder, document, &item, (&old[&key], &new[&key]), schemes);
    }
    compare_extensions(recorder, document);
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
    fn names(&self, same: &BTreeSet<String>) -> BTreeMap<String, String> {
        self.items.iter().map(|(path, (written, _))| (self.key(path, same), (*written).clone())).collect()
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

fn compare_path_item(
    recorder: &mut Recorder,
    document: &Pair,
    item: &Pair,
    (old, new): (&str, &str),
    schemes: &security::SchemeNames,
) {
    let renamed: Vec<_> =
        template_names(old).zip(template_names(new)).filter(|(old, new)| old != new).collect();
    for method in METHODS {
        recorder.operation = Some(operation_name(method, old));
        match item.sides(method) {
            (Some(base), Some(revision)) => {
                let operation = Pair { base, revision };
                let context = OperationContext { document, item, operation, schemes, renamed: &renamed };
                operation::compare(recorder, &context);
            }
            (Some(base), None) => {
                let rule = if base.flag("deprecated") {
                    DocumentChange::ApiRemovedWithDeprecation
                } else {
                    DocumentChange::ApiRemovedWithoutDeprecation
                };
                recorder.report(rule, (&base.at, &item.revision.at), "");
            }
            (None, Some(revision)) => {
                recorder.operation = Some(operation_name(method, new));
                recorder.report(DocumentChange::EndpointAdded, (&item.base.at, &revision.at), "");
            }
            (None, None) => {}
        }
    }
    recorder.operation = None;
    let known: Vec<_> = METHODS.into_iter().chain(["parameters", "servers"]).collect();
    recorder.report_other_members(item, &format!("path {old}"), &known);
}

fn operations<'a>(item: &ResolvedNode<'a>) -> impl Iterator<Item = (&'static str, ResolvedNode<'a>)> {
    METHODS.into_iter().filter_map(move |method| Some((method, item.get(method)?)))
}

/// Compares the members of `paths` that are not paths.
fn compare_extensions(recorder: &mut Recorder, document: &Pair) {
    recorder.operation = None;
    let Some(paths) = document.get(KEY) else { return };
    recorder.report_members_where(&paths, KEY, |key| !key.starts_with('/'));
}

fn operation_name(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}
