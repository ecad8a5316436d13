//! Digests of schemas and other parts of a document: equal parts have equal digests.
//!
//! A digest follows references. It ignores annotations, flags that are `false`, the order of keys, and the
//! order of alternatives, enum values and required names.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ptr,
};

use serde_json::Value;

use crate::{json::normalized, spec::diff::node::ResolvedNode};

/// The limits of one digest. They end cycles and bound the cost.
struct DigestLimits<'a> {
    parts: usize,
    depth: usize,
    /// The digests that are known already.
    cache: Option<&'a mut Digests>,
}

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
    /// Returns the digest of the whole part.
    pub(in crate::spec::diff) fn full(&mut self, node: &ResolvedNode) -> u64 {
        digest(node, &mut DigestLimits { parts: usize::MAX, depth: DEPTH, cache: Some(self) })
    }

    /// Returns the digests of the whole member of a schema, such as `patternProperties`.
    pub(in crate::spec::diff) fn member(&mut self, key: &str, node: &ResolvedNode) -> Vec<u64> {
        let limits = &mut DigestLimits { parts: usize::MAX, depth: DEPTH, cache: Some(self) };
        member_digests(key, node, limits)
    }

    /// Returns the digest of the first 200 values of an alternative, at most 16 levels deep.
    ///
    /// That is enough to match alternatives. Two alternatives that differ only beyond these limits are
    /// matched, and the comparison of the matched pair then finds the difference.
    pub(super) fn shallow(&mut self, node: &ResolvedNode) -> u64 {
        let compute = || digest(node, &mut DigestLimits { parts: 200, depth: 16, cache: None });
        *self.shallow.entry(ptr::from_ref(node.value)).or_insert_with(compute)
    }
}

/// Returns the digest of the node within the limits.
fn digest(node: &ResolvedNode, limits: &mut DigestLimits) -> u64 {
    let key = (ptr::from_ref(node.value), limits.depth);
    if let Some(known) = limits.cache.as_ref().and_then(|digests| digests.full.get(&key)) {
        return *known;
    }
    let mut hasher = DefaultHasher::new();
    if let (Some(parts), Some(depth)) = (limits.parts.checked_sub(1), limits.depth.checked_sub(1)) {
        (limits.parts, limits.depth) = (parts, depth);
        match node.value {
            Value::Object(_) => {
                for (key, member) in node.members() {
                    if !is_annotation(key) && !is_unset_flag(key, member.value) {
                        key.hash(&mut hasher);
                        member_digests(key, &member, limits).hash(&mut hasher);
                    }
                }
            }
            Value::Array(_) => item_digests(node, limits).hash(&mut hasher),
            other => normalized(other).hash(&mut hasher),
        }
        limits.depth += 1;
    }
    let hash = hasher.finish();
    if let Some(digests) = limits.cache.as_mut().filter(|_| node.value.is_object() || node.value.is_array()) {
        digests.full.insert(key, hash);
    }
    hash
}

/// Returns the digests that represent a member. The order of alternatives, enum values and names does not
/// count.
fn member_digests(key: &str, member: &ResolvedNode, limits: &mut DigestLimits) -> Vec<u64> {
    match key {
        // Property names are chosen by the author, so a property called `title` is not an annotation.
        "properties" | "patternProperties" | "dependentSchemas" | "dependentRequired" => {
            let kind = if key == "dependentRequired" { "required" } else { "schema" };
            let named = |(name, member): (&String, ResolvedNode)| {
                let mut hasher = DefaultHasher::new();
                (name, member_digests(kind, &member, limits)).hash(&mut hasher);
                hasher.finish()
            };
            member.members().into_iter().map(named).collect()
        }
        "oneOf" | "anyOf" | "allOf" | "enum" | "required" => {
            let mut items = item_digests(member, limits);
            items.sort_unstable();
            if matches!(key, "enum" | "required") {
                items.dedup();
            }
            items
        }
        _ => vec![digest(member, limits)],
    }
}

fn item_digests(node: &ResolvedNode, limits: &mut DigestLimits) -> Vec<u64> {
    node.items().iter().map(|item| digest(item, limits)).collect()
}

/// Returns `true` for a flag that means the same as a missing flag. Without one of these schemas, anything is allowed.
fn is_unset_flag(key: &str, value: &Value) -> bool {
    const SCHEMAS: [&str; 3] = ["additionalProperties", "unevaluatedProperties", "unevaluatedItems"];
    value == &Value::Bool(false) && !SCHEMAS.contains(&key)
}

/// Returns `true` if the key does not affect which values are valid.
fn is_annotation(key: &str) -> bool {
    key.starts_with("x-")
        || ["description", "title", "example", "examples", "externalDocs", "default", "deprecated"]
            .contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
}
