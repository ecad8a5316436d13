//! Parameters of an operation and of its path item: path, query, header and cookie parameters.

use serde_json::Value;

use super::{
    body::essence,
    context::OperationContext,
    node::{MAX_DEPTH, Matched, Pair, ResolvedNode, matched},
    notation::Notation,
    recorder::{Recorder, nearest_pointer, same_values},
    rules::{DocumentChange, SchemaChange, SchemaPosition},
    schema,
    severity::WireLevel,
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
            DocumentChange::RequestParameterRemovedWithDeprecation
        } else {
            DocumentChange::RequestParameterRemoved
        };
        recorder.report(rule, (&node.at, &revision), &subject(&key));
    }
    for (key, node) in added {
        let rule = match (key.0.as_str(), node.flag("required")) {
            ("path", _) => DocumentChange::NewRequestPathParameter,
            (_, true) => DocumentChange::NewRequiredRequestParameter,
            (_, false) => DocumentChange::NewOptionalRequestParameter,
        };
        recorder.report(rule, (&base, &node.at), &subject(&key));
    }
    for (key, pair) in both {
        compare_parameter(recorder, &pair, &key);
    }
}

fn compare_parameter(recorder: &mut Recorder, pair: &Pair, key: &Key) {
    let subject = &subject(key);
    let is_renamed = key.0 == "path" && pair.base.text("name") != pair.revision.text("name");
    if is_renamed {
        recorder.report_member(DocumentChange::PathParameterRenamed, pair, "name", subject);
    }
    // A path parameter is always required.
    if key.0 != "path" {
        let rules =
            (DocumentChange::RequestParameterBecameRequired, DocumentChange::RequestParameterBecameOptional);
        recorder.report_flag(pair, "required", rules, subject);
    }
    recorder.report_flag(
        pair,
        "deprecated",
        [SchemaChange::Deprecated, SchemaChange::Reactivated]
            .map(|change| change.rule(SchemaPosition::RequestParameter))
            .into(),
        subject,
    );
    if key.0 == "query" {
        let rules = (
            DocumentChange::RequestParameterEmptyValueAllowed,
            DocumentChange::RequestParameterEmptyValueRefused,
        );
        recorder.report_flag(pair, "allowEmptyValue", rules, subject);
    }
    // The style `matrix` writes the name into the path.
    let name_is_written = [&pair.base, &pair.revision].iter().all(|node| node.text("style") == "matrix");
    if is_written_differently(pair, &key.0) || (is_renamed && name_is_written) {
        recorder.report(
            DocumentChange::RequestParameterStyleChanged,
            (&pair.base.at, &pair.revision.at),
            subject,
        );
    }
    let first = recorder.findings.len();
    compare_schema(recorder, pair, SchemaPosition::RequestParameter, subject);
    let (was_required, is_required) = pair.flags("required");
    if key.0 == "path" || was_required || is_required {
        let findings = &mut recorder.findings[first..];
        for finding in findings.iter_mut().filter(|finding| finding.rule.id.contains("-default-value-")) {
            finding.cap(WireLevel::Info, "a required parameter is always sent");
        }
    }
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
    let media_types = [&pair.base, &pair.revision].map(media_type);
    let notation = if media_types.iter().all(Option::is_some) { Notation::Typed } else { Notation::Text };
    let without = |node: &Option<ResolvedNode<'_>>| {
        node.as_ref().is_some_and(|node| node.value.get("schema").is_none())
    };
    if media_types.iter().all(without) {
        // Both allow every value.
    } else if let (Some(base), Some(revision)) = (schema_of(&pair.base), schema_of(&pair.revision)) {
        schema::compare(recorder, Pair { base, revision }, position, subject, notation);
    } else if !same_values(pair.base.value.get("schema"), pair.revision.value.get("schema")) {
        recorder.report_member(DocumentChange::OtherKeyChanged, pair, "schema", subject);
    }
    if let [Some(base), Some(revision)] = media_types {
        recorder.report_other_members(&Pair { base, revision }, subject, &["schema"]);
    }
}

/// Returns the schema of a parameter or header, or of its media type. A media type without a schema allows every value. It
/// is read as a schema itself, because its other members are annotations.
fn schema_of<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let of_content = || media_type(node).map(|node| node.get("schema").unwrap_or(node));
    node.get("schema").or_else(of_content)
}

/// Returns the only media type of a parameter or header.
fn media_type<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    node.members_of("content").into_iter().next().map(|(_, node)| node)
}

/// Returns `true` if the style of a value changed: style, explode, `allowReserved` and media types, with defaults
/// filled in.
pub(super) fn is_written_differently(pair: &Pair, location: &str) -> bool {
    let (before, after) = (serialisation(&pair.base, location), serialisation(&pair.revision, location));
    let may_be = |kinds: &[&str]| {
        let may_be = |node| schema_of(node).is_none_or(|schema| may_be(&schema, kinds, MAX_DEPTH));
        may_be(&pair.base) && may_be(&pair.revision)
    };
    let is_compound = may_be(&["array", "object"]);
    // In a path, a style also affects other values.
    let is_styled = is_compound || location == "path";
    // `explode` affects only lists and objects, and the style `simple` writes a list as `a,b` in both cases.
    let is_simple = before.style == "simple" && after.style == "simple";
    // An object in the style `deepObject` is written in one way.
    let is_deep = before.style == "deepObject" && after.style == "deepObject";
    let is_exploded = !is_deep && if is_simple { may_be(&["object"]) } else { is_compound };
    before.always != after.always
        || (is_styled && before.style != after.style)
        || (is_exploded && before.explode != after.explode)
}

/// How a value is written.
struct Serialisation {
    style: String,
    explode: bool,
    /// `allowReserved`, which counts in a query only, and media types.
    always: (bool, Vec<String>),
}

fn serialisation(node: &ResolvedNode, location: &str) -> Serialisation {
    let default = if matches!(location, "query" | "cookie") { "form" } else { "simple" };
    let style = Some(node.text("style")).filter(|style| !style.is_empty()).unwrap_or(default);
    let explode = node.value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
    let types = node.members_of("content");
    let types = types.into_iter().map(|(name, _)| essence(name).to_ascii_lowercase()).collect();
    let allow_reserved = location == "query" && node.flag("allowReserved");
    Serialisation { style: style.to_owned(), explode, always: (allow_reserved, types) }
}

/// Returns `true` if a value of the schema may have one of the types.
fn may_be(schema: &ResolvedNode, kinds: &[&str], depth: usize) -> bool {
    let types = schema.types();
    if !types.is_empty() && !types.iter().any(|name| kinds.contains(name)) {
        return false;
    }
    let has_kind = |value: &Value| {
        (value.is_array() && kinds.contains(&"array")) || (value.is_object() && kinds.contains(&"object"))
    };
    let values = schema.value.get("enum").and_then(Value::as_array);
    if depth == 0 || values.is_some_and(|values| !values.iter().any(has_kind)) {
        return depth == 0;
    }
    let (parts, ones, others) =
        (schema.items_of("allOf"), schema.items_of("oneOf"), schema.items_of("anyOf"));
    let within = |node: &ResolvedNode| may_be(node, kinds, depth - 1);
    parts.iter().all(within) && [ones, others].iter().all(|list| list.is_empty() || list.iter().any(within))
}

/// Matches the parameters by their new names. A parameter of the operation replaces one of the path with the
/// same name.
fn parameters<'a>(context: &OperationContext<'a, '_>) -> Matched<'a, Key> {
    let list = |node: &ResolvedNode<'a>| {
        let mut list = node.items_of(KEY);
        list.retain(|node| !is_ignored(node));
        list
    };
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

/// Returns `true` for a header that the specification ignores among the parameters: media types and credentials are
/// described elsewhere.
fn is_ignored(node: &ResolvedNode) -> bool {
    let name = node.text("name");
    node.text("in") == "header"
        && ["Accept", "Content-Type", "Authorization"]
            .iter()
            .any(|ignored| name.eq_ignore_ascii_case(ignored))
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
