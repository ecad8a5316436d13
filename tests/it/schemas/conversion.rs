//! What `OpenAPI` 3.0 says otherwise than JSON Schema 2020-12, word by word.

#[path = "../../../build/json_schema.rs"]
mod json_schema;

use serde_json::{Value, json};

#[track_caller]
fn becomes(openapi: &Value, expected: &Value) {
    assert_eq!(json_schema::converted(openapi), *expected);
    // Wherever it stands.
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
fn an_exclusive_bound_is_a_number() {
    becomes(
        &json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": false}),
        &json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
    );
    becomes(
        &json!({"type": "integer", "minimum": 1, "maximum": 9, "exclusiveMaximum": true}),
        &json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
    );
}

#[test]
fn null_is_a_type() {
    becomes(&json!({"type": "string", "nullable": true}), &json!({"type": ["string", "null"]}));
    becomes(&json!({"type": "string", "nullable": false}), &json!({"type": "string"}));
    becomes(
        &json!({"type": "string", "enum": ["a"], "nullable": true}),
        &json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    becomes(
        &json!({"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": true}),
        &json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]}),
    );
}

#[test]
fn an_example_is_one_of_examples() {
    becomes(&json!({"type": "string", "example": "a"}), &json!({"type": "string", "examples": ["a"]}));
}

#[test]
fn what_the_generator_must_not_see_is_put_back() {
    becomes(
        &json!({"type": "string", "x-default": "a", "x-pattern": "^a$"}),
        &json!({"type": "string", "default": "a", "pattern": "^a$"}),
    );
}

#[test]
fn what_stands_beside_a_reference_says_nothing() {
    becomes(
        &json!({"$ref": "#/components/schemas/A", "minLength": 3}),
        &json!({"$ref": "#/components/schemas/A"}),
    );
}

#[test]
fn a_reference_with_remarks_needs_nothing_around_it() {
    becomes(
        &json!({"allOf": [{"$ref": "#/components/schemas/A"}], "description": "a", "x-default": 1}),
        &json!({"$ref": "#/components/schemas/A", "description": "a", "default": 1}),
    );
    let ruled = json!({"allOf": [{"$ref": "#/components/schemas/A"}], "minimum": 1});
    becomes(&ruled, &ruled);
}

#[test]
fn known_words_or_any_are_no_choice_of_exactly_one() {
    becomes(
        &json!({"oneOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string"}]}),
        &json!({"anyOf": [{"title": "Known", "enum": ["a"]}, {"title": "Other", "type": "string"}]}),
    );
    let exact = json!({"oneOf": [{"enum": ["a"]}, {"type": "string", "minLength": 9}]});
    becomes(&exact, &exact);
}
