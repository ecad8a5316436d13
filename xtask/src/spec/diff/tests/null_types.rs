//! The type `null` of OpenAPI 3.1 beside keywords that restrict it.

use serde_json::{Value, json};

use crate::spec::{
    diff::{diff, finding::worst},
    normalize::normalize,
    validate::validate_leniently,
};

/// Returns documents with the schema in a request and in a response.
fn documents(schema: &Value, name: &Value) -> [Value; 2] {
    let body =
        json!({"content": {"application/json": {"schema": {"type": "object", "properties": {"p": schema}}}}});
    let mut response = body.clone();
    response["description"] = json!("d");
    let empty = json!({"200": {"description": "d"}});
    [json!({"requestBody": body, "responses": empty}), json!({"responses": {"200": response}})].map(
        |operation| {
            let document = json!({
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"post": operation}},
            "components": {"schemas": {"Name": name}}});
            let normalized = normalize(document).0;
            let problems = validate_leniently(&normalized);
            assert!(problems.is_empty(), "{problems:?}");
            normalized
        },
    )
}

/// Asserts the level of the narrowing change in a request and of its reverse in a response, and that the others are safe.
#[track_caller]
fn assert_narrower(base: [&Value; 2], revision: [&Value; 2]) {
    let [old, new] = [base, revision].map(|[schema, name]| documents(schema, name));
    let level = |base, revision| worst(&diff(base, revision)).0.as_str();
    let levels = [0, 1].map(|side| [level(&old[side], &new[side]), level(&new[side], &old[side])]);
    assert_eq!(levels, [["err", "info"], ["info", "err"]], "{base:?} {revision:?}");
}

#[test]
fn null_is_allowed_only_if_the_keywords_beside_the_type_allow_it() {
    let reference = json!({"$ref": "#/components/schemas/Name"});
    let (nullable, plain) = (json!({"type": ["string", "null"]}), json!({"type": "string"}));
    let both = json!(["string", "null"]);
    for schema in [
        json!({"$ref": "#/components/schemas/Name", "type": both}),
        json!({"allOf": [reference], "type": both}),
        json!({"anyOf": [reference], "type": both}),
        json!({"oneOf": [reference], "type": both}),
    ] {
        assert_narrower([&schema, &nullable], [&schema, &plain]);
    }
    let [listed, unlisted] = [json!(["a", null]), json!(["a"])].map(|words| json!({"enum": words}));
    let schema = json!({"allOf": [reference], "type": both, "default": null});
    assert_narrower([&schema, &listed], [&schema, &unlisted]);
    let without_null = json!({"type": both, "not": {"type": "null"}});
    assert_narrower([&nullable, &plain], [&without_null, &plain]);
}
