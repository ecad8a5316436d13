//! Parameters, which an operation shares with its path: in the path, the query, headers and cookies.

use super::{
    context::OperationContext,
    finding::Values,
    node::{Matched, Pair, ResolvedNode, matched},
    recorder::{Recorder, nearest_pointer, same_values},
    rules::SchemaPosition,
    schema,
};

const KEY: &str = "parameters";

/// What a parameter is known by: its place, its name as it is now, and whether it had another.
type Key = (String, String, bool);

pub(super) fn compare(recorder: &mut Recorder, context: &OperationContext) {
    let Matched { removed, added, both } = parameters(context);
    let (base, revision) =
        (nearest_pointer(&context.operation.base, KEY), nearest_pointer(&context.operation.revision, KEY));
    for (key, node) in removed {
        let rule = if node.flag("deprecated") {
            "request-parameter-removed-with-deprecation"
        } else {
            "request-parameter-removed"
        };
        recorder.report(rule, (&node.at, &revision), &subject(&key), Values::default());
    }
    for (key, node) in added {
        let rule = match (key.0.as_str(), node.flag("required")) {
            ("path", _) => "new-request-path-parameter",
            (_, true) => "new-required-request-parameter",
            (_, false) => "new-optional-request-parameter",
        };
        recorder.report(rule, (&base, &node.at), &subject(&key), Values::default());
    }
    for (key, pair) in both {
        parameter(recorder, &pair, &key);
    }
}

fn parameter(recorder: &mut Recorder, pair: &Pair, key: &Key) {
    let subject = &subject(key);
    if key.0 == "path" && pair.base.text("name") != pair.revision.text("name") {
        recorder.report_member("path-parameter-renamed", pair, "name", subject);
    }
    // A parameter in the path is always there.
    if key.0 != "path" {
        let rules = ("request-parameter-became-required", "request-parameter-became-optional");
        recorder.report_flag(pair, "required", rules, subject);
    }
    recorder.report_flag(
        pair,
        "deprecated",
        ("request-parameter-deprecated", "request-parameter-reactivated"),
        subject,
    );
    recorder.report_flag(
        pair,
        "allowEmptyValue",
        ("request-parameter-empty-value-allowed", "request-parameter-empty-value-refused"),
        subject,
    );
    if written(&pair.base, &key.0) != written(&pair.revision, &key.0) {
        recorder.report(
            "request-parameter-style-changed",
            (&pair.base.at, &pair.revision.at),
            subject,
            Values::default(),
        );
    }
    content(recorder, pair, SchemaPosition::RequestParameter, subject);
    recorder.report_other_members(
        pair,
        subject,
        &[
            "name",
            "in",
            "required",
            "deprecated",
            "allowEmptyValue",
            "style",
            "explode",
            "allowReserved",
            "schema",
            "content",
        ],
    );
}

/// The schema of a parameter or header, or of the one media type that it is written in.
pub(super) fn content(recorder: &mut Recorder, pair: &Pair, site: SchemaPosition, subject: &str) {
    let written =
        |node: &ResolvedNode<'_>| node.get("content").is_some_and(|content| !content.members().is_empty());
    let typed = written(&pair.base) && written(&pair.revision);
    // One that says nothing takes anything.
    let schema = |node| Some(node).and_then(schema_of);
    if let (Some(base), Some(revision)) = (schema(&pair.base), schema(&pair.revision)) {
        schema::compare(recorder, Pair { base, revision }, site, subject, typed);
    } else if !same_values(pair.base.value.get("schema"), pair.revision.value.get("schema")) {
        recorder.report_member("other-key-changed", pair, "schema", subject);
    }
}

fn schema_of<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let of_content = || node.get("content")?.members().into_iter().next()?.1.get("schema");
    node.get("schema").or_else(of_content)
}

/// How the value becomes text, with what holds where nothing is said.
fn written(node: &ResolvedNode, place: &str) -> (String, bool, bool, Vec<String>) {
    let usual = if matches!(place, "query" | "cookie") { "form" } else { "simple" };
    let style = Some(node.text("style")).filter(|style| !style.is_empty()).unwrap_or(usual);
    let explode = node.value.get("explode").and_then(serde_json::Value::as_bool).unwrap_or(style == "form");
    let types = node.members_of("content");
    let types = types.into_iter().map(|(name, _)| name.clone()).collect();
    // Only lists and objects can be written in more than one way.
    let kind = schema_of(node).map(|schema| schema.text("type")).unwrap_or_default();
    let explode = explode && !matches!(kind, "string" | "number" | "integer" | "boolean");
    (style.to_owned(), explode, node.flag("allowReserved"), types)
}

/// Those of the operation and, where it has none of that name, of its path; named as they are now.
fn parameters<'a>(context: &OperationContext<'a, '_>) -> Matched<'a, Key> {
    let list = |node: &ResolvedNode<'a>| node.items_of(KEY);
    let of = |item: &ResolvedNode<'a>, operation: &ResolvedNode<'a>| -> Vec<ResolvedNode<'a>> {
        list(item).into_iter().chain(list(operation)).collect()
    };
    let key = |node: &ResolvedNode<'_>| -> Key {
        let (place, name) = (node.text("in"), node.text("name"));
        // HTTP does not tell capitals apart in the names of headers.
        (place.to_owned(), if place == "header" { name.to_lowercase() } else { name.to_owned() }, false)
    };
    let base = of(&context.item.base, &context.operation.base);
    let revision = of(&context.item.revision, &context.operation.revision);
    let renamed = renamed(context.renamed, &base, &revision);
    let old = |node: &ResolvedNode<'_>| renamed.iter().find(|(old, _)| is_in_path(node, old));
    let new = |node: &ResolvedNode<'_>| renamed.iter().find(|(_, new)| is_in_path(node, new));
    let now = |node: &ResolvedNode<'_>, found: Option<&(&str, &str)>| {
        found.map_or_else(|| key(node), |(_, new)| ("path".to_owned(), (*new).to_owned(), true))
    };
    matched(
        base.into_iter().map(|node| (now(&node, old(&node)), node)),
        revision.into_iter().map(|node| (now(&node, new(&node)), node)),
    )
}

/// Of the new names in the path those that parameters took; a document that is not valid may have only the path's. Each
/// name counts once, so that the way back is the same.
fn renamed<'n>(
    names: &[(&'n str, &'n str)],
    base: &[ResolvedNode],
    revision: &[ResolvedNode],
) -> Vec<(&'n str, &'n str)> {
    let has = |list: &[ResolvedNode], name: &str| list.iter().any(|node| is_in_path(node, name));
    let mut renamed: Vec<(&str, &str)> = Vec::new();
    for (old, new) in names.iter().copied().filter(|(old, new)| has(base, old) && has(revision, new)) {
        if renamed.iter().all(|names| names.0 != old && names.1 != new) {
            renamed.push((old, new));
        }
    }
    renamed
}

fn is_in_path(node: &ResolvedNode, name: &str) -> bool {
    node.text("in") == "path" && node.text("name") == name
}

fn subject((place, name, _): &Key) -> String {
    format!("{place} parameter {name}")
}
