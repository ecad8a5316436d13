//! Webhooks and callbacks, which are compared as a whole.

use serde_json::{Value, json};

use crate::spec::{diff::diff, normalize::normalize};

#[test]
fn webhook_with_a_schema_in_another_form_is_no_change() {
    let document = |schema: &Value| {
        let body = json!({"content": {"application/json": {"schema": schema}}});
        let item = json!({"post": {"requestBody": body, "responses": {"200": {"description": "d"}}}});
        let operation =
            json!({"responses": {"200": {"description": "d"}}, "callbacks": {"c": {"{$url}": item}}});
        normalize(json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "webhooks": {"w": item},
            "paths": {"/a": {"post": operation}}, "components": {"schemas": {"A": {"type": "string"}}}}))
        .0
    };
    let rules = |one: &Value, other: &Value| -> Vec<String> {
        diff(&document(one), &document(other)).iter().map(|finding| finding.rule.id.clone()).collect()
    };
    let string = json!({"type": "string"});
    let reference = json!({"$ref": "#/components/schemas/A"});
    for (one, other) in [
        (&string, json!({"type": "string", "minLength": 0})),
        (
            &json!({"type": "array", "items": string}),
            json!({"type": "array", "items": string, "minItems": 0}),
        ),
        (
            &json!({"type": "object"}),
            json!({"type": "object", "minProperties": 0, "required": [], "properties": {}}),
        ),
        (&reference, json!({"allOf": [reference]})),
        (&reference, json!({"anyOf": [{"oneOf": [reference]}], "description": "d"})),
    ] {
        assert_eq!(rules(one, &other), [""; 0], "{other}");
        assert_eq!(rules(&other, one), [""; 0], "{other}");
    }
    for other in [json!({"type": "string", "minLength": 1}), json!({"anyOf": [string, {"type": "integer"}]})]
    {
        assert_eq!(rules(&string, &other), ["callback-changed", "webhook-changed"], "{other}");
    }
}
