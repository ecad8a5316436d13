//! Parameters of an operation and of its path item: path, query, header and cookie parameters.

use super::{
    context::OperationContext,
    finding::Values,
    node::{Matched, Pair, ResolvedNode, matched},
    recorder::{Recorder, nearest_pointer, same_values},
    rules::SchemaPosition,
    schema,
};

const KEY: &str = "parameters";

/// The identity of a parameter: its location, its new name, and whether it was renamed.
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
        compare_parameter(recorder, &pair, &key);
    }
}

fn compare_parameter(recorder: &mut Recorder, pair: &Pair, key: &Key) {
    let subject = &subject(key);
    if key.0 == "path" && pair.base.text("name") != pair.revision.text("name") {
        recorder.report_member("path-parameter-renamed", pair, "name", subject);
    }
    // A path parameter is always required.
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
    if serialisation(&pair.base, &key.0) != serialisation(&pair.revision, &key.0) {
        recorder.report(
            "request-parameter-style-changed",
            (&pair.base.at, &pair.revision.at),
            subject,
            Values::default(),
        );
    }
    compare_schema(recorder, pair, SchemaPosition::RequestParameter, subject);
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

/// Compares the schemas of a parameter or header, which may be the schema of its only media type.
pub(super) fn compare_schema(recorder: &mut Recorder, pair: &Pair, position: SchemaPosition, subject: &str) {
    let has_content =
        |node: &ResolvedNode<'_>| node.get("content").is_some_and(|content| !content.members().is_empty());
    let typed = has_content(&pair.base) && has_content(&pair.revision);
    let schema = |node| Some(node).and_then(schema_of);
    if let (Some(base), Some(revision)) = (schema(&pair.base), schema(&pair.revision)) {
        schema::compare(recorder, Pair { base, revision }, position, subject, typed);
    } else if !same_values(pair.base.value.get("schema"), pair.revision.value.get("schema")) {
        recorder.report_member("other-key-changed", pair, "schema", subject);
    }
}

fn schema_of<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let of_content = || node.get("content")?.members().into_iter().next()?.1.get("schema");
    node.get("schema").or_else(of_content)
}

/// Returns how the value is written as text: style, explode, `allowReserved` and media types, with defaults
/// filled in.
fn serialisation(node: &ResolvedNode, location: &str) -> (String, bool, bool, Vec<String>) {
    let default = if matches!(location, "query" | "cookie") { "form" } else { "simple" };
    let style = Some(node.text("style")).filter(|style| !style.is_empty()).unwrap_or(default);
    let explode = node.value.get("explode").and_then(serde_json::Value::as_bool).unwrap_or(style == "form");
    let types = node.members_of("content");
    let types = types.into_iter().map(|(name, _)| name.clone()).collect();
    // `explode` affects only lists and objects.
    let kind = schema_of(node).map(|schema| schema.text("type")).unwrap_or_default();
    let explode = explode && !matches!(kind, "string" | "number" | "integer" | "boolean");
    (style.to_owned(), explode, node.flag("allowReserved"), types)
}

/// Matches the parameters by their new names. A parameter of the operation replaces one of the path with the
/// same name.
fn parameters<'a>(context: &OperationContext<'a, '_>) -> Matched<'a, Key> {
    let list = |node: &ResolvedNode<'a>| node.items_of(KEY);
    let all = |item: &ResolvedNode<'a>, operation: &ResolvedNode<'a>| -> Vec<ResolvedNode<'a>> {
        list(item).into_iter().chain(list(operation)).collect()
    };
    let key = |node: &ResolvedNode<'_>| -> Key {
        let (location, name) = (node.text("in"), node.text("name"));
        // Header names are case-insensitive.
        (location.to_owned(), if location == "header" { name.to_lowercase() } else { name.to_owned() }, false)
    };
    let base = all(&context.item.base, &context.operation.base);
    let revision = all(&context.item.revision, &context.operation.revision);
    let renamed = renamed(context.renamed, &base, &revision);
    let old = |node: &ResolvedNode<'_>| renamed.iter().find(|(old, _)| is_in_path(node, old));
    let new = |node: &ResolvedNode<'_>| renamed.iter().find(|(_, new)| is_in_path(node, new));
    let new_key = |node: &ResolvedNode<'_>, names: Option<&(&str, &str)>| {
        names.map_or_else(|| key(node), |(_, new)| ("path".to_owned(), (*new).to_owned(), true))
    };
    matched(
        base.into_iter().map(|node| (new_key(&node, old(&node)), node)),
        revision.into_iter().map(|node| (new_key(&node, new(&node)), node)),
    )
}

/// Returns the renamed template names that also have a parameter in both documents. In an invalid document, a
/// template name may lack a parameter. Each name is used once, so that the reverse comparison finds the same
/// pairs.
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

fn subject((location, name, _): &Key) -> String {
    format!("{location} parameter {name}")
}
