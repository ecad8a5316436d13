//! A schema that becomes one of several parts of an `allOf`, and the reverse.

use serde_json::{Value, json};

use crate::spec::diff::diff;

fn document(schema: &Value) -> Value {
    let object = |required: &str, optional: &str| {
        json!({"type": "object", "required": [required],
            "properties": {required: {"type": "string"}, optional: {"type": "string"}}})
    };
    let content = json!({"application/json": {"schema": schema}});
    let b = json!({"type": "object", "properties": {"b": {"type": "string"}}});
    json!({
        "paths": {"/a": {"post": {"requestBody": {"content": content}, "responses": {"200": {"content": content}}}}},
        "components": {"schemas": {"A": object("a", "x"), "B": b,
            "C": {"allOf": [object("c", "y"), object("d", "z")]}}}})
}

/// Returns the messages, without that of the schemas as a whole, which has the level of a removed part.
fn messages(base: &Value, revision: &Value) -> Vec<String> {
    let mut findings = diff(&document(base), &document(revision));
    findings.retain(|finding| !finding.rule.id.contains("-contract-"));
    findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn only_the_part_beside_a_schema_is_reported() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let b = reference("B");
    let inline = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let [several, with_parts, of_inline] =
        [&reference("A"), &reference("C"), &inline].map(|a| json!({"allOf": [a, b]}));
    let typed = json!({"type": "object", "allOf": [reference("A"), b]});
    for (one, several) in [
        (reference("A"), &several),
        (json!({"allOf": [reference("A")]}), &several),
        (reference("A"), &typed),
        (reference("C"), &with_parts),
        (inline, &of_inline),
    ] {
        for (found, change) in [(messages(&one, several), "added"), (messages(several, &one), "removed")] {
            let part = format!("allOf: part {change}: {{\"properties\":{{\"b\"");
            let is_part = |message: &String| message.contains(&part);
            assert!(found.len() == 2 && found.iter().all(is_part), "{one} {several} {found:#?}");
        }
    }
}
