//! Servers. A client keeps the address that it was built with, so every removed server is breaking.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::{
    finding::Values,
    inherit::any_inherits,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, join_subject, nearest_pointer},
};
use crate::json::{equivalent, normalized};

const KEY: &str = "servers";

/// Compares the servers that operations inherit from the document.
pub(super) fn compare_document(recorder: &mut Recorder, pair: &Pair) {
    if any_inherits(pair, KEY) {
        compare(recorder, &pair.base, &pair.revision);
    }
}

/// Compares the servers of an operation, if the operation or its path has servers of its own.
pub(super) fn compare_operation(recorder: &mut Recorder, document: &Pair, item: &Pair, operation: &Pair) {
    let base = nearest_with([&operation.base, &item.base], &document.base);
    let revision = nearest_with([&operation.revision, &item.revision], &document.revision);
    // The servers of the document are reported once, by `compare_document`.
    if base.at != document.base.at || revision.at != document.revision.at {
        compare(recorder, base, revision);
    }
}

fn nearest_with<'b, 'a>(
    candidates: [&'b ResolvedNode<'a>; 2],
    otherwise: &'b ResolvedNode<'a>,
) -> &'b ResolvedNode<'a> {
    candidates.into_iter().find(|node| node.value.get(KEY).is_some()).unwrap_or(otherwise)
}

fn compare(recorder: &mut Recorder, base: &ResolvedNode, revision: &ResolvedNode) {
    let at = (&nearest_pointer(base, KEY), &nearest_pointer(revision, KEY));
    let (before, after) = (servers_by_subject(base), servers_by_subject(revision));
    for (subject, old) in &before {
        let Some(new) = after.get(subject) else {
            let at = (old.as_ref().map_or(at.0, |server| &server.at), at.1);
            recorder.report("server-removed", at, subject, Values::default());
            continue;
        };
        if let (Some(old), Some(new)) = (old, new) {
            compare_details(recorder, &Pair { base: old.clone(), revision: new.clone() }, subject);
        }
    }
    for (subject, server) in after.iter().filter(|(subject, _)| !before.contains_key(*subject)) {
        let at = (at.0, server.as_ref().map_or(at.1, |server| &server.at));
        recorder.report("server-added", at, subject, Values::default());
    }
    let (old, new) = (first_subject(base), first_subject(revision));
    if old != new && before.contains_key(&new) && after.contains_key(&old) {
        let (old, new) = (Value::from(old), Value::from(new));
        let values = Values { before: Some(&old), after: Some(&new) };
        recorder.report("default-server-changed", at, "servers", values);
    }
}

/// Returns the servers by subject. Without a server, the URL is `/`, as the specification says.
fn servers_by_subject<'a>(node: &ResolvedNode<'a>) -> BTreeMap<String, Option<ResolvedNode<'a>>> {
    let servers = list(node);
    if servers.is_empty() {
        return BTreeMap::from([(subject("/"), None)]);
    }
    // If two servers have the same URL, the first one counts.
    servers.into_iter().rev().map(|server| (subject(server.text("url")), Some(server))).collect()
}

fn first_subject(node: &ResolvedNode) -> String {
    list(node).first().map_or_else(|| subject("/"), |server| subject(server.text("url")))
}

fn list<'a>(node: &ResolvedNode<'a>) -> Vec<ResolvedNode<'a>> {
    node.items_of(KEY)
}

/// Returns the name of a server in messages. A trailing slash of the URL does not count.
fn subject(url: &str) -> String {
    format!("server {}", url.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(url))
}

fn compare_details(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    if !equivalent(pair.base.value, pair.revision.value) {
        let at = (&pair.base.at, &pair.revision.at);
        let count = recorder.findings.len();
        compare_variables(recorder, pair, subject);
        if recorder.findings.len() == count {
            recorder.report("server-details-changed", at, subject, Values::default());
        }
    }
}

fn compare_variables(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    for (name, variable) in pair.members_of("variables").both {
        let values = |node: &ResolvedNode| -> Vec<Value> {
            node.value.get("enum").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (values(&variable.base), values(&variable.revision));
        let kept: HashSet<_> = after.iter().map(normalized).collect();
        // Without a list every value is allowed.
        let is_removed = |value: &&Value| !after.is_empty() && !kept.contains(&normalized(value));
        for value in before.iter().filter(is_removed) {
            let at = (&variable.base.at, &variable.revision.at);
            let values = Values { before: Some(value), after: None };
            recorder.report("server-variable-value-removed", at, &join_subject(subject, name), values);
        }
    }
}
