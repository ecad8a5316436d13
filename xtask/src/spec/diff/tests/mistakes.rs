//! Schemas that no value has, because their author made a mistake. The values that are sent are others.

use serde_json::{Value, json};

use crate::spec::diff::{WireLevel, diff, finding::worst};

/// Returns documents with the schema in a request and in a response.
fn documents(schema: &Value) -> [Value; 2] {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    [json!({"requestBody": body}), json!({"responses": {"200": body}})]
        .map(|operation| json!({"paths": {"/a": {"post": operation}}}))
}

fn levels(base: &Value, revision: &Value) -> [WireLevel; 2] {
    let (base, revision) = (documents(base), documents(revision));
    [0, 1].map(|side| worst(&diff(&base[side], &revision[side])).0)
}

/// Returns a closed object that requires a property of another name.
fn mistaken(kind: &str) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["thread_id"],
        "properties": {"a": {"type": kind}}})
}

/// Puts a mistaken schema into another one.
type Form = fn(Value) -> Value;

#[test]
fn change_of_a_schema_without_values_is_reported() {
    let forms: [(&str, Form); 8] = [
        ("itself", |schema| schema),
        ("property", |schema| json!({"type": "object", "properties": {"p": schema}})),
        (
            "required property",
            |schema| json!({"type": "object", "required": ["p"], "properties": {"p": schema}}),
        ),
        ("items", |schema| json!({"type": "array", "items": schema})),
        ("alternative", |schema| json!({"oneOf": [schema, {"type": "string"}]})),
        (
            "part",
            |schema| json!({"allOf": [schema, {"title": "t"}, {"properties": {"c": {"type": "string"}}}]}),
        ),
        ("length", |schema| {
            json!({"type": "object", "required": ["p"], "properties": {
                "p": {"type": "string", "minLength": 2, "maxLength": 1}, "a": schema["properties"]["a"]}})
        }),
        ("closed parts", |schema| {
            let closed = json!({"required": ["b"], "properties": {"b": {}}, "additionalProperties": false});
            json!({"type": "object", "allOf": [closed, {"required": ["a"], "properties": schema["properties"]}]})
        }),
    ];
    for (name, form) in forms {
        let (base, revision) = (form(mistaken("string")), form(mistaken("integer")));
        assert_eq!(levels(&base, &revision), [WireLevel::Err; 2], "{name}");
        assert_eq!(levels(&base, &base), [WireLevel::None; 2], "{name}");
    }
}

#[test]
fn alternative_without_values_is_reported() {
    let text = json!({"type": "string"});
    let [one, two] = [json!({"oneOf": [text]}), json!({"oneOf": [text, mistaken("string")]})];
    assert_eq!(levels(&one, &two)[1], WireLevel::Err);
    assert_eq!(levels(&two, &one)[0], WireLevel::Err);
    // The author excludes these values.
    let nothing = json!({"oneOf": [text, {"not": {}}]});
    assert_eq!(levels(&nothing, &one), [WireLevel::None; 2]);
    // No value is certain to match only one alternative.
    let rewritten = json!({"anyOf": [text, mistaken("string")]});
    assert_eq!(levels(&two, &rewritten)[0], WireLevel::Warn);
}
