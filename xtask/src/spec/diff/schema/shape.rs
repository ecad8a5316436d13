//! What a schema says in one number: equal schemas have equal numbers, whatever their order and their references.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::spec::diff::{node::Node, spelling::spelling};

/// How many schemas of one alternative are looked at. It ends circles and bounds the cost; what differs only beyond it is
/// matched, and then found by the comparison.
const SCHEMAS: usize = 200;

pub(super) fn of(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut budget = SCHEMAS;
    schema(node, &mut hasher, &mut budget);
    hasher.finish()
}

fn schema(node: &Node, hasher: &mut DefaultHasher, budget: &mut usize) {
    let Some(left) = budget.checked_sub(1) else { return };
    *budget = left;
    if node.object().is_none() {
        return spelling(node.value).hash(hasher);
    }
    // A flag that is off says what its absence says.
    let members = node
        .members()
        .into_iter()
        .filter(|(key, member)| !is_words(key) && member.value != &Value::Bool(false));
    for (key, member) in members {
        key.hash(hasher);
        match key.as_str() {
            "properties" => {
                for (name, property) in member.members() {
                    name.hash(hasher);
                    schema(&property, hasher, budget);
                }
            }
            "oneOf" | "anyOf" | "allOf" => {
                let one = |item: &Node| {
                    let mut hasher = DefaultHasher::new();
                    schema(item, &mut hasher, budget);
                    hasher.finish()
                };
                let mut items: Vec<_> = member.items().iter().map(one).collect();
                items.sort_unstable();
                items.hash(hasher);
            }
            "items" | "not" | "additionalProperties" => schema(&member, hasher, budget),
            "enum" | "required" => {
                let mut items: Vec<_> = member.items().iter().map(|item| spelling(item.value)).collect();
                items.sort_unstable();
                items.dedup();
                items.hash(hasher);
            }
            _ => spelling(member.value).hash(hasher),
        }
    }
}

/// What says nothing about values.
fn is_words(key: &str) -> bool {
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
        assert_eq!(of(&Node::root(&one)), of(&Node::root(&other)));
        assert_ne!(of(&Node::root(&one)), of(&Node::root(&json!({"type": "object"}))));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let document = json!({"a": {"allOf": [{"$ref": "#/a"}, {"$ref": "#/a"}]}});
        of(&Node::root(&document).get("a").unwrap());
    }
}
