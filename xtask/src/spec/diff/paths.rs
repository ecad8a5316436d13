//! Comparing the operations of two documents.

use super::{
    context::OperationContext,
    node::{Pair, ResolvedNode},
    operation,
    path_items::{PathItems, matched_items},
    recorder::{Recorder, nearest_pointer},
    rules::DocumentChange,
    security,
};
use crate::spec::traverse::{METHODS, template_names};

const KEY: &str = "paths";

pub(super) fn compare(recorder: &mut Recorder, document: &Pair, schemes: &security::SchemeNames) {
    let PathItems { removed, added, both } = matched_items(document);
    let parents = (nearest_pointer(&document.base, KEY), nearest_pointer(&document.revision, KEY));
    for (path, item) in removed {
        for (method, operation) in operations(&item) {
            recorder.operation = Some(operation_name(method, path));
            let rule = if operation.flag("deprecated") {
                DocumentChange::ApiPathRemovedWithDeprecation
            } else {
                DocumentChange::ApiPathRemovedWithoutDeprecation
            };
            recorder.report(rule, (&operation.at, &parents.1), "");
        }
    }
    for (path, item) in added {
        for (method, operation) in operations(&item) {
            recorder.operation = Some(operation_name(method, path));
            recorder.report(DocumentChange::EndpointAdded, (&parents.0, &operation.at), "");
        }
    }
    for (names, item) in both {
        compare_path_item(recorder, document, &item, names, schemes);
    }
    compare_extensions(recorder, document);
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
