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
                assert_eq!(rules(base, revision), ["schema-condition-changed"; 3], "{key} {wrapper}");
            }
        }
    }
}

/// Conditions that contain the schema.
fn around(schema: &Value) -> [(&'static str, Value); 11] {
    [
        ("if", schema.clone()),
        ("then", json!({"properties": {"default": schema, "z": {"allOf": [schema]}}})),
        ("else", schema.clone()),
        ("patternProperties", json!({"title": schema})),
        ("propertyNames", json!({"not": schema})),
        ("dependentSchemas", json!({"title": schema})),
        ("unevaluatedProperties", schema.clone()),
        ("unevaluatedProperties", json!({"anyOf": [schema, {"type": "boolean"}]})),
        ("prefixItems", json!([{"type": "boolean"}, schema])),
        ("contains", schema.clone()),
        ("unevaluatedItems", schema.clone()),
    ]
}

/// Returns a document with a condition, and with the component `Z`.
fn with_condition(key: &str, condition: &Value, target: &Value) -> Value {
    let kind =
        if ["prefixItems", "contains", "unevaluatedItems"].contains(&key) { "array" } else { "object" };
    let mut document = document(&json!({"type": kind, "anyOf": [{}], key: condition}));
    document["components"]["schemas"]["Z"] = target.clone();
    normalize(document).0
}

#[test]
fn target_of_a_reference_in_a_condition_is_compared() {
    let reference = json!({"$ref": "#/components/schemas/Z"});
    let target = |kind: &str| json!({"type": "object", "properties": {"z": {"type": kind}}});
    for (key, condition) in around(&reference) {
        let [base, revision] =
            ["string", "integer"].map(|kind| with_condition(key, &condition, &target(kind)));
        assert_eq!(rules(&base, &revision), ["schema-condition-changed"; 3], "{key} {condition}");
    }
    let [base, revision] = [target("string"), json!({"type": "object", "additionalProperties": false})]
        .map(|target| with_condition("then", &reference, &target));
    assert_eq!(rules(&base, &revision), ["schema-condition-changed"; 3]);
}

#[test]
fn condition_written_in_another_way_is_not_a_change() {
    let reference = json!({"$ref": "#/components/schemas/Z"});
    let target =
        json!({"type": "object", "properties": {"z": {"type": ["string", "null"]}}, "required": ["z", "y"]});
    let others = [
        target.clone(),
        json!({"type": "object", "properties": {"z": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["y", "z"], "description": "d"}),
        json!({"allOf": [reference], "description": "d"}),
    ];
    for other in &others {
        for ((key, condition), (_, another)) in around(&reference).into_iter().zip(around(other)) {
            let [base, revision] =
                [&condition, &another].map(|condition| with_condition(key, condition, &target));
            assert_eq!(rules(&base, &revision), [""; 0], "{key} {another}");
            assert_eq!(rules(&revision, &base), [""; 0], "{key} {another}");
        }
    }
    let [base, revision] = [json!({"a": ["b", "c"]}), json!({"a": ["c", "b"]})]
        .map(|names| with_condition("dependentRequired", &names, &target));
    assert_eq!(rules(&base, &revision), [""; 0]);
}

#[test]
fn references_to_examples_are_followed() {
    let document = |example: &Value, target: &str| {
        let content = json!({"application/json": {"examples": {"e": example}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}},
            "components": {"examples": {"E": {"value": {"title": target}}}}})
    };
    let reference = json!({"$ref": "#/components/examples/E"});
    let inline = json!({"value": {"title": "a"}});
    assert_eq!(rules(&document(&reference, "a"), &document(&reference, "b")), ["example-changed"]);
    assert_eq!(rules(&document(&reference, "a"), &document(&inline, "a")), [""; 0]);
}
