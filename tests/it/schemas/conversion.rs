//! The conversion of `OpenAPI` 3.0 schemas to JSON Schema 2020-12, keyword by keyword.

#[path = "../../../build/json_schema.rs"]
mod json_schema;

use serde_json::{Value, json};

#[track_caller]
fn assert_converts_to(openapi: &Value, expected: &Value) {
    assert_eq!(json_schema::converted(openapi), *expected);
    // The conversion does not depend on the position of the schema.
    for around in [
        |inner: Value| json!({"type": "object", "properties": {"nullable": inner}}),
        |inner: Value| json!({"type": "array", "items": inner}),
        |inner: Value| json!({"allOf": [{"type": "string"}, inner]}),
        |inner: Value| json!({"additionalProperties": inner}),
        |inner: Value| json!({"not": inner}),
    ] {
        assert_eq!(json_schema::converted(&around(openapi.clone())), around(expected.clone()));
    }
}

#[test]
fn conversion_of_exclusive_bound_yields_number() {
    assert_converts_to(
        &json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": false}),
        &json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
    );
    assert_converts_to(
        &json!({"type": "integer", "minimum": 1, "maximum": 9, "exclusiveMaximum": true}),
        &json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
    );
}

#[test]
fn conversion_of_nullable_yields_null_type() {
    assert_converts_to(&json!({"type": "string", "nullable": true}), &json!({"type": ["string", "null"]}));
    assert_converts_to(&json!({"type": "string", "nullable": false}), &json!({"type": "string"}));
    assert_converts_to(
        &json!({"type": "string", "enum": ["a"], "nullable": true}),
        &json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    assert_converts_to(
        &json!({"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": true}),
        &json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]}),
    );
}

#[test]
fn conversion_of_example_yields_examples() {
    assert_converts_to(
        &json!({"type": "string", "example": "a"}),
        &json!({"type": "string", "examples": ["a"]}),
    );
}

#[test]
fn conversion_restores_hidden_default_and_pattern() {
    assert_converts_to(
        &json!({"type": "object", "x-anyOf": [{"required": ["a"]}], "x-oneOf": [{"required": ["b"]}]}),
        &json!({"type": "object", "anyOf": [{"required": ["a"]}], "oneOf": [{"required": ["b"]}]}),
    );
    assert_converts_to(
        &json!({"type": "string", "x-default": "a", "x-pattern": "^a$"}),
        &json!({"type": "string", "default": "a", "pattern": "^a$"}),
    );
}

#[test]
fn conversion_drops_keywords_next_to_reference() {
    assert_converts_to(
        &json!({"$ref": "#/components/schemas/A", "minLength": 3}),
        &json!({"$ref": "#/components/schemas/A"}),
    );
}

#[test]
fn conversion_unwraps_all_of_around_annotated_reference() {
    assert_converts_to(
        &json!({"allOf": [{"$ref": "#/components/schemas/A"}], "description": "a", "x-default": 1}),
        &json!({"$ref": "#/components/schemas/A", "description": "a", "default": 1}),
    );
    let constrained = json!({"allOf": [{"$ref": "#/components/schemas/A"}], "minimum": 1});
    assert_converts_to(&constrained, &constrained);
}

#[test]
fn conversion_of_open_enum_yields_any_of() {
    assert_converts_to(
        &json!({"oneOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string"}]}),
        &json!({"anyOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string"}]}),
    );
    assert_converts_to(
        &json!({"oneOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string", "x-maxLength": 9}]}),
        &json!({"anyOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string", "maxLength": 9}]}),
    );
    let exactly_one = json!({"oneOf": [{"enum": ["a"]}, {"type": "string", "minLength": 9}]});
    assert_converts_to(&exactly_one, &exactly_one);
}
