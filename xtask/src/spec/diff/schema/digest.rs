//! What a part of a document says in one number: equal parts have equal numbers, whatever their order and references.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ptr,
};

use serde_json::Value;

use crate::spec::diff::{node::ResolvedNode, normalized::normalized};

/// How much of a part is looked at. That ends circles, and bounds the cost.
struct DigestLimits<'a> {
    parts: usize,
    depth: usize,
    /// What need not be looked at again.
    cache: Option<&'a mut Digests>,
}

/// Where nothing else compares: all that stands in it. Only a circle goes deeper.
const DEPTH: usize = 100;

/// What parts of the two documents say, by the part and how deep it was looked into. So all looks of a walk together
/// cost what the documents have, that many times at most, however often references meet and circles turn.
#[derive(Debug, Default)]
pub(in crate::spec::diff) struct Digests {
    full: HashMap<(*const Value, usize), u64>,
    shallow: HashMap<*const Value, u64>,
}

impl Digests {
    /// What the part says.
    pub(in crate::spec::diff) fn full(&mut self, node: &ResolvedNode) -> u64 {
        digest(node, &mut DigestLimits { parts: usize::MAX, depth: DEPTH, cache: Some(self) })
    }

    /// What an alternative says, as far as it takes to know it again. What differs only beyond that is matched, and
    /// then found by the comparison.
    pub(super) fn shallow(&mut self, node: &ResolvedNode) -> u64 {
        let glance = || digest(node, &mut DigestLimits { parts: 200, depth: 16, cache: None });
        *self.shallow.entry(ptr::from_ref(node.value)).or_insert_with(glance)
    }
}

/// What this says, while the budget lasts.
fn digest(node: &ResolvedNode, budget: &mut DigestLimits) -> u64 {
    let place = (ptr::from_ref(node.value), budget.depth);
    if let Some(known) = budget.cache.as_ref().and_then(|shapes| shapes.full.get(&place)) {
        return *known;
    }
    let mut hasher = DefaultHasher::new();
    if let (Some(parts), Some(depth)) = (budget.parts.checked_sub(1), budget.depth.checked_sub(1)) {
        (budget.parts, budget.depth) = (parts, depth);
        match node.value {
            Value::Object(_) => {
                for (key, member) in node.members() {
                    // A flag that is off says what its absence says.
                    if !is_annotation(key) && member.value != &Value::Bool(false) {
                        key.hash(&mut hasher);
                        member_digests(key, &member, budget).hash(&mut hasher);
                    }
                }
            }
            Value::Array(_) => item_digests(node, budget).hash(&mut hasher),
            other => normalized(other).hash(&mut hasher),
        }
        budget.depth += 1;
    }
    let said = hasher.finish();
    if let Some(shapes) = budget.cache.as_mut().filter(|_| node.value.is_object() || node.value.is_array()) {
        shapes.full.insert(place, said);
    }
    said
}

/// What a member says, in numbers.
fn member_digests(key: &str, member: &ResolvedNode, budget: &mut DigestLimits) -> Vec<u64> {
    match key {
        // Names that others have chosen: none of them is a key.
        "properties" => {
            let named = |(name, property): (&String, ResolvedNode)| {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                [hasher.finish(), digest(&property, budget)]
            };
            member.members().into_iter().flat_map(named).collect()
        }
        "oneOf" | "anyOf" | "allOf" | "enum" | "required" => {
            let mut items = item_digests(member, budget);
            items.sort_unstable();
            if matches!(key, "enum" | "required") {
                items.dedup();
            }
            items
        }
        _ => vec![digest(member, budget)],
    }
}

fn item_digests(node: &ResolvedNode, budget: &mut DigestLimits) -> Vec<u64> {
    node.items().iter().map(|item| digest(item, budget)).collect()
}

/// What says nothing about values.
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
    fn order_references_and_words_make_no_difference() {
        let one = json!({"type": "object", "required": ["b", "a"], "properties": {
            "a": {"enum": [1, "x"], "description": "d"}, "b": {"anyOf": [{"type": "string"}, {"minimum": 1.0}]}}});
        let other = json!({"properties": {
            "b": {"anyOf": [{"minimum": 1}, {"type": "string"}]}, "a": {"enum": ["x", 1.0]}},
            "required": ["a", "b"], "nullable": false, "type": "object"});
        let mut shapes = Digests::default();
        let mut of = |value| shapes.shallow(&ResolvedNode::root(value));
        assert_eq!(of(&one), of(&other));
        assert_ne!(of(&one), of(&json!({"type": "object"})));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let document = json!({"a": {"allOf": [{"$ref": "#/a"}, {"$ref": "#/a"}]}});
        Digests::default().shallow(&ResolvedNode::root(&document).get("a").unwrap());
    }
}
