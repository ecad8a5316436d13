//! Digests of schemas and other parts of a document: equal parts have equal digests.
//!
//! A digest follows references. It ignores annotations, members that are written with their defaults, the order of keys,
//! and the order of alternatives, enum values and required names. A list of only one part or alternative has the digest of its
//! item.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ptr,
};

use serde_json::Value;

use crate::{
    json::normalized,
    spec::{
        diff::node::ResolvedNode,
        validate::object_model::{ENCODING, Kind, Model, SCHEMA, SCHEMA_OR_REFERENCE},
    },
};

/// The limits of one digest. They end cycles and bound the cost.
struct DigestLimits<'a> {
    parts: usize,
    depth: usize,
    /// The digests that are known already.
    cache: Option<&'a mut Digests>,
}

/// The number of wrappers to remove from one schema. Only a cycle of wrappers has more.
const MAX_WRAPPERS: usize = 64;

/// The maximum depth of a full digest. Only a cycle of references goes deeper.
const DEPTH: usize = 100;

/// The digests of parts of the two documents, by part and remaining depth.
///
/// A comparison therefore visits each part at most once per depth, however often references share parts or
/// form cycles.
#[derive(Debug, Default)]
pub(in crate::spec::diff) struct Digests {
    full: HashMap<(*const Value, usize), u64>,
    shallow: HashMap<*const Value, u64>,
}

impl Digests {
    /// Returns the digest of the whole part, which is of this kind.
    pub(in crate::spec::diff) fn full(&mut self, node: &ResolvedNode, kind: &Kind) -> u64 {
        digest(node, kind, &mut DigestLimits { parts: usize::MAX, depth: DEPTH, cache: Some(self) })
    }

    /// Returns the digests of the whole member of a schema, such as `patternProperties`.
    pub(in crate::spec::diff) fn member(&mut self, key: &str, node: &ResolvedNode) -> Vec<u64> {
        let limits = &mut DigestLimits { parts: usize::MAX, depth: DEPTH, cache: Some(self) };
        member_digests(key, SCHEMA.kind_of(key).unwrap_or(&Kind::Any), node, limits)
    }

    /// Returns the digest of the first 200 values of an alternative, at most 16 levels deep.
    ///
    /// That is enough to match alternatives. Two alternatives that differ only beyond these limits are
    /// matched, and the comparison of the matched pair then finds the difference.
    pub(super) fn shallow(&mut self, node: &ResolvedNode) -> u64 {
        let compute =
            || digest(node, &SCHEMA_OR_REFERENCE, &mut DigestLimits { parts: 200, depth: 16, cache: None });
        *self.shallow.entry(ptr::from_ref(node.value)).or_insert_with(compute)
    }
}

/// Returns the digest of the node within the limits.
fn digest(node: &ResolvedNode, kind: &Kind, limits: &mut DigestLimits) -> u64 {
    if matches!(kind, Kind::Any) {
        let mut hasher = DefaultHasher::new();
        normalized(node.value).hash(&mut hasher);
        return hasher.finish();
    }
    let node = &unwrapped(node, kind);
    let key = (ptr::from_ref(node.value), limits.depth);
    if let Some(known) = limits.cache.as_ref().and_then(|digests| digests.full.get(&key)) {
        return *known;
    }
    let mut hasher = DefaultHasher::new();
    if let (Some(parts), Some(depth)) = (limits.parts.checked_sub(1), limits.depth.checked_sub(1)) {
        (limits.parts, limits.depth) = (parts, depth);
        match (kind, node.value) {
            (Kind::Object(model) | Kind::OrRef(model), Value::Object(_)) => {
                hash_object(node, model, limits, &mut hasher);
            }
            (Kind::BoolOrSchema, Value::Object(_)) => hash_object(node, &SCHEMA, limits, &mut hasher),
            // Its author chooses the names of a map, so a property called `title` is not an annotation.
            (Kind::Map(keys, kind), Value::Object(_)) => {
                for (name, member) in node.members().into_iter().filter(|(name, _)| !keys.is_extension(name))
                {
                    // The lists in maps are those of required names and of scopes.
                    (name, member_digests("required", kind, &member, limits)).hash(&mut hasher);
                }
            }
            (Kind::List(kind) | Kind::NonEmpty(kind), Value::Array(_)) => {
                item_digests(node, kind, limits).hash(&mut hasher);
            }
            (_, other) => normalized(other).hash(&mut hasher),
        }
        limits.depth += 1;
    }
    let hash = hasher.finish();
    if let Some(digests) = limits.cache.as_mut().filter(|_| node.value.is_object() || node.value.is_array()) {
        digests.full.insert(key, hash);
    }
    hash
}

/// Returns the schema without its wrappers: lists of only one part or alternative, beside which nothing counts.
///
/// The depth stays the same, because the digest of a schema that contains itself depends on it.
fn unwrapped<'a>(node: &ResolvedNode<'a>, kind: &Kind) -> ResolvedNode<'a> {
    let is_schema = match kind {
        Kind::Object(model) | Kind::OrRef(model) => model.name == SCHEMA.name,
        kind => matches!(kind, Kind::BoolOrSchema),
    };
    let mut node = node.clone();
    for _ in 0..if is_schema { MAX_WRAPPERS } else { 0 } {
        match only_item(&node) {
            Some(item) => node = item,
            None => break,
        }
    }
    node
}

fn only_item<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let has_one =
        |key: &&str| node.value.get(key).and_then(Value::as_array).is_some_and(|list| list.len() == 1);
    let list = ["allOf", "oneOf", "anyOf"].into_iter().find(has_one)?;
    let counts =
        |key: &str| !is_annotation(&SCHEMA, key) && !is_default(node, &SCHEMA, key, kind_of(&SCHEMA, key));
    let is_alone = node.object()?.keys().all(|key| key == list || !counts(key));
    node.items_of(list).pop().filter(|item| is_alone && item.object().is_some())
}

fn kind_of<'m>(model: &'m Model, key: &str) -> &'m Kind {
    model.kind_of(key).unwrap_or(&Kind::Any)
}

fn hash_object(node: &ResolvedNode, model: &Model, limits: &mut DigestLimits, hasher: &mut DefaultHasher) {
    for (key, member) in node.members() {
        let kind = kind_of(model, key);
        if !is_annotation(model, key) && !is_default(node, model, key, kind) {
            key.hash(hasher);
            member_digests(key, kind, &member, limits).hash(hasher);
        }
    }
}

/// Returns the digests that represent a member. The order of alternatives, enum values and names does not
/// count.
fn member_digests(key: &str, kind: &Kind, member: &ResolvedNode, limits: &mut DigestLimits) -> Vec<u64> {
    match (key, kind) {
        ("oneOf" | "anyOf" | "allOf" | "enum" | "required", Kind::List(kind) | Kind::NonEmpty(kind)) => {
            let mut items = item_digests(member, kind, limits);
            items.sort_unstable();
            if matches!(key, "enum" | "required") {
                items.dedup();
            }
            items
        }
        _ => vec![digest(member, kind, limits)],
    }
}

fn item_digests(node: &ResolvedNode, kind: &Kind, limits: &mut DigestLimits) -> Vec<u64> {
    node.items().iter().map(|item| digest(item, kind, limits)).collect()
}

/// Returns `true` for a member that means the same as a missing one.
fn is_default(node: &ResolvedNode, model: &Model, key: &str, kind: &Kind) -> bool {
    match (kind, &node.value[key]) {
        (Kind::Bool, Value::Bool(flag)) if key == "explode" => *flag == explodes(node, model),
        (Kind::Bool, Value::Bool(flag)) => !flag,
        // Without a schema, anything is allowed.
        (Kind::BoolOrSchema, Value::Bool(flag)) => *flag,
        (Kind::BoolOrSchema, Value::Object(schema)) => schema.is_empty(),
        (_, Value::Number(least)) if model.name == SCHEMA.name => {
            ["minLength", "minItems", "minProperties"].contains(&key) && least.as_f64() == Some(0.0)
        }
        (_, Value::Array(names)) if model.name == SCHEMA.name => key == "required" && names.is_empty(),
        (_, Value::Object(members)) if model.name == SCHEMA.name => key == "properties" && members.is_empty(),
        _ => false,
    }
}

/// Returns the default of `explode`.
fn explodes(node: &ResolvedNode, model: &Model) -> bool {
    match node.text("style") {
        "" => model.name == ENCODING.name || ["query", "cookie"].contains(&node.text("in")),
        style => style == "form",
    }
}

/// Returns `true` if the member does not affect which values are valid.
fn is_annotation(model: &Model, key: &str) -> bool {
    key.starts_with("x-")
        || ["summary", "description", "title", "example", "examples", "externalDocs", "deprecated"]
            .contains(&key)
        || (key == "default" && model.name == SCHEMA.name)
}
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::validate::object_model::PATH_ITEM;

    #[test]
    fn shallow_digest_ignores_order_references_and_annotations() {
        let one = json!({"type": "object", "required": ["b", "a"], "properties": {
            "a": {"enum": [1, "x"], "description": "d"}, "b": {"anyOf": [{"type": "string"}, {"minimum": 1.0}]}}});
        let other = json!({"properties": {
            "b": {"anyOf": [{"minimum": 1}, {"type": "string"}]}, "a": {"enum": ["x", 1.0]}},
            "required": ["a", "b"], "nullable": false, "type": "object"});
        let mut digests = Digests::default();
        let mut digest = |value| digests.shallow(&ResolvedNode::root(value));
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&json!({"type": "object"})));
    }

    #[test]
    fn shallow_digest_of_schema_that_contains_itself_terminates() {
        let document = json!({"a": {"allOf": [{"$ref": "#/a"}, {"$ref": "#/a"}]}});
        Digests::default().shallow(&ResolvedNode::root(&document).get("a").unwrap());
    }

    #[test]
    fn digest_of_wrapped_schema_that_contains_itself_is_that_of_the_schema() {
        let document = json!({"a": {"properties": {"a": {"$ref": "#/a"}, "b": {"$ref": "#/b"}}},
            "b": {"allOf": [{"$ref": "#/a"}]}, "c": {"allOf": [{"$ref": "#/c"}]}});
        let mut digests = Digests::default();
        let root = ResolvedNode::root(&document);
        let [a, b, c] =
            ["a", "b", "c"].map(|key| digests.full(&root.get(key).unwrap(), &SCHEMA_OR_REFERENCE));
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[track_caller]
    fn assert_digests(kind: &Kind, base: &Value, revision: &Value, is_same: bool) {
        let mut digests = Digests::default();
        let mut digest = |value| digests.full(&ResolvedNode::root(value), kind);
        assert_eq!(digest(base) == digest(revision), is_same, "{base}\n{revision}");
    }

    #[test]
    fn names_in_a_document_are_no_annotations() {
        let item = |operation: Value| json!({"post": operation});
        let response = |name: &str, kind: &str| {
            item(json!({"responses": {name: {"content": {"a/b": {"schema": {"type": kind}}}}}}))
        };
        let header = |name: &str, kind: &str| {
            item(json!({"responses": {"200": {"headers": {name: {"schema": {"type": kind}}}}}}))
        };
        let server = |default: &str| {
            item(json!({"servers": [{"url": "{v}", "variables": {"v": {"default": default}}}]}))
        };
        let query = |members: Value| {
            let mut parameter = json!({"name": "q", "in": "query", "schema": {"type": "array"}});
            json_patch::merge(&mut parameter, &members);
            item(json!({"parameters": [parameter]}))
        };
        let schema = |schema: Value| item(json!({"requestBody": {"content": {"a/b": {"schema": schema}}}}));
        for (base, revision) in [
            (response("default", "string"), response("default", "integer")),
            (response("default", "string"), item(json!({"responses": {}}))),
            (header("x-sig", "string"), header("x-sig", "integer")),
            (header("title", "string"), header("title", "integer")),
            (query(json!({})), query(json!({"explode": false}))),
            (server("a"), server("b")),
            (schema(json!({"enum": [{"title": "a"}]})), schema(json!({"enum": [{"title": "b"}]}))),
            (schema(json!({"additionalProperties": false})), schema(json!({}))),
            (schema(json!({"minLength": 1})), schema(json!({}))),
            (
                schema(json!({"allOf": [{"type": "string"}], "nullable": true})),
                schema(json!({"type": "string"})),
            ),
            (
                schema(json!({"anyOf": [{"type": "string"}]})),
                schema(json!({"anyOf": [{"type": "string"}, {}]})),
            ),
            (schema(json!({"properties": {"default": {}}})), schema(json!({"properties": {}}))),
        ] {
            assert_digests(&Kind::OrRef(&PATH_ITEM), &base, &revision, false);
        }
        for (base, revision) in [
            (json!({"summary": "a", "x-a": 1}), json!({"summary": "b"})),
            (query(json!({})), query(json!({"explode": true, "allowReserved": false}))),
            (
                query(json!({"style": "spaceDelimited"})),
                query(json!({"style": "spaceDelimited", "explode": false})),
            ),
            (schema(json!({"additionalProperties": true, "default": 1})), schema(json!({}))),
            (schema(json!({"required": ["a", "b"]})), schema(json!({"required": ["b", "a"]}))),
            (
                schema(json!({"minLength": 0, "minItems": 0.0, "required": [], "properties": {}})),
                schema(json!({})),
            ),
            (
                schema(
                    json!({"allOf": [{"anyOf": [{"type": "string"}]}], "description": "a", "nullable": false}),
                ),
                schema(json!({"oneOf": [{"type": "string"}]})),
            ),
            (item(json!({"security": [{"s": ["a", "b"]}]})), item(json!({"security": [{"s": ["b", "a"]}]}))),
            (item(json!({"responses": {"x-a": 1}})), item(json!({"responses": {"x-a": 2}}))),
        ] {
            assert_digests(&Kind::OrRef(&PATH_ITEM), &base, &revision, true);
        }
    }
}
