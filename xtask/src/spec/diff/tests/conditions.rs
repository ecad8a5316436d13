//! Keywords of OpenAPI 3.1 that are compared only for equality, in documents as a user passes them.

use serde_json::{Value, json};

use crate::spec::{diff::diff, normalize::normalize};

/// Returns a document of OpenAPI 3.1 with the schema in a request, in a property of a response and in a parameter.
fn document(schema: &Value) -> Value {
    let content = |schema: Value| json!({"content": {"application/json": {"schema": schema}}});
    let operation = json!({
        "parameters": [{"name": "q", "in": "query", "schema": schema}],
        "requestBody": content(schema.clone()),
        "responses": {"200": content(json!({"type": "object", "properties": {"p": schema}}))}});
    let components = json!({
        "O": {"type": "object", "properties": {"a": {"type": "string"}}},
        "L": {"type": "array", "items": {"type": "string"}}});
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": components}});
    normalize(document).0
}

fn rules(base: &Value, revision: &Value) -> Vec<String> {
    diff(base, revision).into_iter().map(|finding| finding.rule.id.clone()).collect()
}

/// A condition, another value of it, and the component to which it applies.
fn conditions() -> Vec<(&'static str, Value, Value, &'static str)> {
    let schema = |name: &str| json!({"properties": {name: {"type": "integer"}}});
    vec![
        ("if", schema("a"), schema("b"), "O"),
        ("then", schema("a"), schema("b"), "O"),
        ("else", schema("a"), schema("b"), "O"),
        ("patternProperties", json!({"^a": schema("a")}), json!({"^a": schema("b")}), "O"),
        ("propertyNames", json!({"maxLength": 1}), json!({"maxLength": 2}), "O"),
        ("dependentRequired", json!({"a": ["b"]}), json!({"a": ["c"]}), "O"),
        ("dependentSchemas", json!({"a": schema("a")}), json!({"a": schema("b")}), "O"),
        ("unevaluatedProperties", json!(false), json!({"type": "integer"}), "O"),
        ("prefixItems", json!([schema("a")]), json!([schema("b")]), "L"),
        ("contains", schema("a"), schema("b"), "L"),
        ("minContains", json!(1), json!(2), "L"),
        ("maxContains", json!(1), json!(2), "L"),
        ("unevaluatedItems", json!(false), json!({"type": "integer"}), "L"),
    ]
}

#[test]
fn condition_beside_a_wrapped_schema_is_a_change() {
    for (key, one, other, component) in conditions() {
        let reference = json!({"$ref": format!("#/components/schemas/{component}")});
        for wrapper in [
            reference.clone(),
            json!({"allOf": [reference]}),
            json!({"oneOf": [reference]}),
            json!({"anyOf": [reference]}),
        ] {
            let with = |value: &Value| {
                let mut schema = wrapper.clone();
                schema[key] = value.clone();
                document(&schema)
            };
            let (plain, one, other) = (document(&reference), with(&one), with(&other));
            for (base, revision) in [(&plain, &one), (&one, &plain), (&one, &other)] {
                let rules = rules(base, revision);
                let count = rules.iter().filter(|rule| *rule == "schema-condition-changed").count();
                assert_eq!(count, 3, "{key} {wrapper} {rules:?}");
            }
        }
    }
}
