//! The type `null` of OpenAPI 3.1 beside keywords that restrict it.

use serde_json::{Value, json};

use super::{diff, level, worst};
use crate::spec::{diff::WireLevel, normalize::normalize, validate::validate_leniently};

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

#[test]
fn null_that_stays_allowed_beside_a_new_keyword_is_no_change() {
    let name = json!({"type": "string"});
    for kind in [json!(["string", "null"]), json!(["string", "integer", "null"])] {
        for (key, value, rules) in [
            ("allOf", json!([{"maxLength": 3}]), [["all-of-added"; 2], ["all-of-removed"; 2]]),
            ("not", json!({"enum": ["a"]}), [["not-added"; 2], ["not-removed"; 2]]),
            ("if", json!({"minLength": 3}), [["schema-condition-changed"; 2]; 2]),
        ] {
            let base = json!({"type": kind});
            let mut revision = base.clone();
            revision[key] = value;
            let [old, new] = [&base, &revision].map(|schema| documents(schema, &name));
            let found = |base: &[Value; 2], revision: &[Value; 2]| {
                [0, 1].map(|side| {
                    let mut rules: Vec<_> = diff(&base[side], &revision[side])
                        .into_iter()
                        .map(|finding| finding.rule.id.clone())
                        .collect();
                    rules.retain(|rule| !rule.contains("-contract-"));
                    rules
                })
            };
            for (found, expected) in [(found(&old, &new), rules[0]), (found(&new, &old), rules[1])] {
                for (found, expected) in found.into_iter().zip(expected) {
                    assert!(found.len() == 1 && found[0].ends_with(expected), "{base} {revision} {found:?}");
                }
            }
        }
    }
    // The enum does not list null.
    let listed = json!({"type": ["string", "null"], "enum": ["a"]});
    let with_not = json!({"type": ["string", "null"], "enum": ["a"], "not": {"enum": ["b"]}});
    let [old, new] = [&listed, &with_not].map(|schema| documents(schema, &name));
    assert!(diff(&old[0], &new[0]).iter().all(|finding| finding.rule.id.ends_with("-not-added")));
}

#[test]
fn nullable_schema_that_excludes_anything_allows_null() {
    let document = |min: u64| {
        let items = json!({"nullable": true, "not": {}});
        let schema = json!({"type": "array", "items": items, "minItems": min});
        let content = json!({"application/json": {"schema": schema}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
    };
    assert_eq!(level(&document(1), &document(2)), "err");
}

#[test]
fn null_is_never_sent_as_text() {
    let nullable = |kind: &str| json!({"type": kind, "nullable": true});
    let plain = |kind: &str| json!({"type": kind});
    let parameter = |schema: &Value| json!({"parameters": [{"name": "q", "in": "query", "schema": schema}]});
    let header = |schema: &Value| json!({"responses": {"200": {"headers": {"X-A": {"schema": schema}}}}});
    let body = |media_type: &str, schema: &Value| {
        let object = json!({"type": "object", "properties": {"p": schema}});
        json!({"requestBody": {"content": {media_type: {"schema": object}}}})
    };
    let level = |base: Value, revision: Value| {
        let document = |operation: Value| json!({"paths": {"/a": {"post": operation}}});
        worst(&diff(&document(base), &document(revision))).0
    };
    let form = "application/x-www-form-urlencoded";
    let (with_null, without) = (nullable("integer"), plain("integer"));
    assert_eq!(level(parameter(&with_null), parameter(&without)), WireLevel::Info);
    assert_eq!(level(header(&without), header(&with_null)), WireLevel::Info);
    for (media_type, expected) in [
        (form, WireLevel::Info),
        ("multipart/form-data", WireLevel::Info),
        ("application/json", WireLevel::Err),
    ] {
        assert_eq!(level(body(media_type, &with_null), body(media_type, &without)), expected, "{media_type}");
    }
    let list = |items: &Value| json!({"type": "array", "items": items});
    assert_eq!(level(parameter(&list(&with_null)), parameter(&list(&without))), WireLevel::Info);
    // An integer may become a string, but not the reverse.
    assert_eq!(level(parameter(&with_null), parameter(&plain("string"))), WireLevel::Info);
    assert_eq!(level(parameter(&nullable("string")), parameter(&without)), WireLevel::Err);
    assert_eq!(level(header(&without), header(&nullable("string"))), WireLevel::Err);
}
