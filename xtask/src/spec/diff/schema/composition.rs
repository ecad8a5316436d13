//! `oneOf`, `anyOf`, `allOf`, `not`, and what tells alternatives apart.

use std::collections::HashMap;

use serde_json::Value;

use super::{KNOWN, SchemaPair, matching::matches};
use crate::spec::diff::{
    finding::Values,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, same_values},
    rules,
};

const EITHER: [(&str, &str); 2] = [("oneOf", "one-of"), ("anyOf", "any-of")];

/// A schema that became one of several alternatives, or the other way round: compared as the only alternative.
pub(super) fn wrapped<'a>(
    task: &SchemaPair<'a>,
    recorder: &mut Recorder,
    open: &mut Vec<SchemaPair<'a>>,
) -> bool {
    let Pair { base, revision } = &task.pair;
    match (bare(base), bare(revision)) {
        (None, Some((key, word, after))) if !has_alternatives(base) => {
            lists(task, recorder, open, (key, word), vec![base.clone()], after);
        }
        (Some((key, word, before)), None) if !has_alternatives(revision) => {
            lists(task, recorder, open, (key, word), before, vec![revision.clone()]);
        }
        _ => return false,
    }
    true
}

pub(super) fn compare<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    either(task, recorder, open);
    parts(task, recorder, open);
    not(task, recorder);
    discriminator(task, recorder);
}

/// The alternatives of a schema that says nothing else but words.
fn bare<'a>(node: &ResolvedNode<'a>) -> Option<(&'static str, &'static str, Vec<ResolvedNode<'a>>)> {
    let mut found = EITHER.into_iter().filter(|(key, _)| node.value.get(key).is_some());
    let (key, word) = found.next().filter(|_| found.next().is_none())?;
    let beside = |other: &str| {
        !KNOWN.contains(&other) || [key, "nullable", "discriminator", "default"].contains(&other)
    };
    node.object()?.keys().all(|other| beside(other)).then(|| (key, word, items(node, key)))
}

fn has_alternatives(node: &ResolvedNode) -> bool {
    EITHER.iter().any(|(key, _)| node.value.get(key).is_some())
}

fn either<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    let Pair { base, revision } = &task.pair;
    let has = |node: &ResolvedNode, key| node.value.get(key).is_some();
    for ((from, _), (to, word)) in [(EITHER[0], EITHER[1]), (EITHER[1], EITHER[0])] {
        let rewritten = has(base, from) && !has(base, to) && has(revision, to) && !has(revision, from);
        if rewritten {
            task.report(recorder, "alternatives-rewritten", Values::default());
            return lists(task, recorder, open, (to, word), items(base, from), items(revision, to));
        }
    }
    for (key, word) in EITHER {
        lists(task, recorder, open, (key, word), items(base, key), items(revision, key));
    }
}

fn lists<'a>(
    task: &SchemaPair<'a>,
    recorder: &mut Recorder,
    open: &mut Vec<SchemaPair<'a>>,
    (key, word): (&str, &str),
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
) {
    let matches = matches(base, revision, &mut recorder.digests);
    for node in matches.removed {
        let at = (&node.at, &task.pair.revision.at);
        let values = Values { before: Some(node.value), after: None };
        recorder.push(
            rules::at_position(task.position, &format!("{word}-removed")),
            at,
            &task.subject,
            values,
        );
    }
    for node in matches.added {
        let at = (&task.pair.base.at, &node.at);
        let values = Values { before: None, after: Some(node.value) };
        recorder.push(rules::at_position(task.position, &format!("{word}-added")), at, &task.subject, values);
    }
    for (index, pair) in matches.both {
        open.push(task.within(pair, &format!("({key} {index})")));
    }
}

fn parts<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    const KEY: &str = "allOf";
    let matches =
        matches(items(&task.pair.base, KEY), items(&task.pair.revision, KEY), &mut recorder.digests);
    let word = |node: &ResolvedNode, happened: &str| {
        let words = node.object().is_some_and(|part| part.keys().all(|key| !KNOWN.contains(&key.as_str())));
        let suffix = if words { "-annotation-only" } else { "" };
        rules::at_position(task.position, &format!("all-of-{happened}{suffix}"))
    };
    for node in matches.removed {
        let at = (&node.at, &task.pair.revision.at);
        recorder.push(
            word(&node, "removed"),
            at,
            &task.subject,
            Values { before: Some(node.value), after: None },
        );
    }
    for node in matches.added {
        let at = (&task.pair.base.at, &node.at);
        recorder.push(
            word(&node, "added"),
            at,
            &task.subject,
            Values { before: None, after: Some(node.value) },
        );
    }
    for (index, pair) in matches.both {
        open.push(task.within(pair, &format!("(allOf {index})")));
    }
}

/// What is excluded. Whether another exclusion is more or less than the old one is not for a walk to say.
fn not(task: &SchemaPair, recorder: &mut Recorder) {
    let mut shape = |node: &ResolvedNode<'_>| recorder.digests.full(node);
    let word = match task.pair.sides("not") {
        (None, None) => return,
        (None, Some(_)) => "not-added",
        (Some(_), None) => "not-removed",
        (Some(base), Some(revision)) if shape(&base) == shape(&revision) => return,
        _ => "not-changed",
    };
    task.report_key(recorder, word, "not");
}

fn discriminator(task: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "discriminator";
    let pair = match task.pair.sides(KEY) {
        (None, None) => return,
        (None, Some(_)) => return task.report_key(recorder, "discriminator-added", KEY),
        (Some(_), None) => return task.report_key(recorder, "discriminator-removed", KEY),
        (Some(base), Some(revision)) => Pair { base, revision },
    };
    let name = |node: &ResolvedNode<'_>| node.text("propertyName").to_owned();
    if name(&pair.base) != name(&pair.revision) {
        task.report_key(recorder, "discriminator-property-name-changed", KEY);
    }
    // The targets are names of components, or references: compared as they are written.
    let mapping = |node: &ResolvedNode<'_>| -> HashMap<String, Value> {
        let mapping = node.value.get("mapping").and_then(Value::as_object);
        mapping.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let (before, after) = (mapping(&pair.base), mapping(&pair.revision));
    let mut keys: Vec<_> =
        before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))).collect();
    keys.sort();
    for key in keys {
        let word = match (before.get(key), after.get(key)) {
            (Some(_), None) => "discriminator-mapping-deleted",
            (None, _) => "discriminator-mapping-added",
            (one, other) if same_values(one, other) => continue,
            _ => "discriminator-mapping-changed",
        };
        task.report_at(recorder, word, KEY, Values { before: before.get(key), after: after.get(key) });
    }
}

fn items<'a>(node: &ResolvedNode<'a>, key: &str) -> Vec<ResolvedNode<'a>> {
    node.items_of(key)
}
