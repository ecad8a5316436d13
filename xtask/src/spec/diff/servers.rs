//! Where requests go. A client keeps the address that it was made with, so every server that goes is missed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    finding::Values,
    inherit::any_inherits,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, join_subject, nearest_pointer, same_values},
};

const KEY: &str = "servers";

/// The servers of operations that name none of their own.
pub(super) fn of_document(recorder: &mut Recorder, pair: &Pair) {
    if any_inherits(pair, KEY) {
        compare(recorder, &pair.base, &pair.revision);
    }
}

/// The servers of an operation, if it or its path names any.
pub(super) fn of_operation(recorder: &mut Recorder, document: &Pair, item: &Pair, operation: &Pair) {
    let base = nearest_with([&operation.base, &item.base], &document.base);
    let revision = nearest_with([&operation.revision, &item.revision], &document.revision);
    // Those of the document are told once.
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
    let (before, after) = (urls(base), urls(revision));
    for (url, server) in &before {
        let Some(now) = after.get(url) else {
            let at = (server.as_ref().map_or(at.0, |server| &server.at), at.1);
            recorder.report("server-removed", at, url, Values::default());
            continue;
        };
        if let (Some(server), Some(now)) = (server, now) {
            details(recorder, &Pair { base: server.clone(), revision: now.clone() }, url);
        }
    }
    for (url, server) in after.iter().filter(|(url, _)| !before.contains_key(*url)) {
        let at = (at.0, server.as_ref().map_or(at.1, |server| &server.at));
        recorder.report("server-added", at, url, Values::default());
    }
    let (first, now) = (first(base), first(revision));
    if first != now && before.contains_key(&now) && after.contains_key(&first) {
        let (first, now) = (Value::from(first), Value::from(now));
        recorder.report(
            "default-server-changed",
            at,
            "servers",
            Values { before: Some(&first), after: Some(&now) },
        );
    }
}

/// By address, a slash at the end aside. Where there is no server, the specification says that it is `/`.
fn urls<'a>(node: &ResolvedNode<'a>) -> BTreeMap<String, Option<ResolvedNode<'a>>> {
    let servers = list(node);
    if servers.is_empty() {
        return BTreeMap::from([(url("/"), None)]);
    }
    // Of two with one address the first counts.
    servers.into_iter().rev().map(|server| (url(server.text("url")), Some(server))).collect()
}

fn first(node: &ResolvedNode) -> String {
    list(node).first().map_or_else(|| url("/"), |server| url(server.text("url")))
}

fn list<'a>(node: &ResolvedNode<'a>) -> Vec<ResolvedNode<'a>> {
    node.items_of(KEY)
}

fn url(text: &str) -> String {
    format!("server {}", text.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(text))
}

fn details(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    if !same_values(Some(pair.base.value), Some(pair.revision.value)) {
        let at = (&pair.base.at, &pair.revision.at);
        let said = recorder.findings.len();
        variables(recorder, pair, subject);
        if recorder.findings.len() == said {
            recorder.report("server-details-changed", at, subject, Values::default());
        }
    }
}

fn variables(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    for (name, variable) in pair.members_of("variables").both {
        let values = |node: &ResolvedNode| -> Vec<Value> {
            node.value.get("enum").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (values(&variable.base), values(&variable.revision));
        let kept: std::collections::HashSet<_> = after.iter().map(super::normalized::normalized).collect();
        // Without a list every value is allowed.
        for value in before
            .iter()
            .filter(|value| !after.is_empty() && !kept.contains(&super::normalized::normalized(value)))
        {
            let at = (&variable.base.at, &variable.revision.at);
            let subject = join_subject(subject, name);
            recorder.report(
                "server-variable-value-removed",
                at,
                &subject,
                Values { before: Some(value), after: None },
            );
        }
    }
}
