//! Tags: what distinguishes an alternative from the others of a union.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{json::normalized, spec::diff::node::ResolvedNode};

/// The depth to which the parts of an alternative are searched.
const MAX_DEPTH: usize = 4;

/// Returns the required property that has only one value, such as `kind=cat`. Returns the name of the property
/// if an alternative has only one, which is required.
pub(super) fn tag(node: &ResolvedNode) -> Option<String> {
    let parts = parts(node, MAX_DEPTH);
    let required: BTreeSet<&str> = parts.iter().flat_map(|part| part.texts("required")).collect();
    let word = |name: &&str| {
        let property = parts.iter().find_map(|part| part.get("properties")?.get(name))?;
        let word = match property.value.get("enum")?.as_array()?.as_slice() {
            [Value::String(word)] => word.clone(),
            [word @ (Value::Number(_) | Value::Bool(_))] => normalized(word),
            _ => return None,
        };
        Some(format!("{name}={word}"))
    };
    required.iter().find_map(word).or_else(|| {
        let mut names: Vec<_> = parts.iter().flat_map(|part| part.members_of("properties")).collect();
        let (name, _) = names.pop().filter(|_| names.is_empty())?;
        required.contains(name.as_str()).then(|| name.clone())
    })
}

/// Returns the schema and the schemas of its `allOf`.
fn parts<'a>(node: &ResolvedNode<'a>, depth: usize) -> Vec<ResolvedNode<'a>> {
    let within = if depth == 0 { Vec::new() } else { node.items_of("allOf") };
    let within = within.iter().flat_map(|part| parts(part, depth - 1));
    std::iter::once(node.clone()).chain(within).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tag_is_found_in_parts_and_behind_references() {
        let document = json!({
            "a": {"allOf": [{"$ref": "#/b"}, {"required": ["k", "x"]}]},
            "b": {"properties": {"x": {}, "k": {"$ref": "#/c"}}},
            "c": {"enum": ["cat"]},
        });
        assert_eq!(tag(&ResolvedNode::root(&document).get("a").unwrap()).unwrap(), "k=cat");
    }

    #[test]
    fn tag_is_a_text_a_number_or_a_flag() {
        for (word, expected) in [
            (json!("cat"), Some("k=cat")),
            (json!(1), Some("k=1")),
            (json!(2.0), Some("k=2")),
            (json!(true), Some("k=true")),
            (json!(null), None),
        ] {
            let schema = json!({"required": ["k"], "properties": {"a": {}, "k": {"enum": [word]}}});
            assert_eq!(tag(&ResolvedNode::root(&schema)).as_deref(), expected);
        }
    }

    #[test]
    fn tag_of_alternative_with_one_key_is_the_key() {
        let tag = |schema| tag(&ResolvedNode::root(&schema));
        assert_eq!(tag(json!({"required": ["cat"], "properties": {"cat": {}}})).unwrap(), "cat");
        assert_eq!(tag(json!({"properties": {"cat": {}}})), None);
        assert_eq!(tag(json!({"required": ["cat"], "properties": {"cat": {}, "dog": {}}})), None);
    }
}
