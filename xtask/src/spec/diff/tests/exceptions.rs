//! Keywords of OpenAPI 3.1 that make an exception from another one. Without them, a schema allows less.

use serde_json::{Value, json};

use super::level;
use crate::spec::normalize::normalize;

/// Returns documents with the schema in a request and in a response.
fn documents(schema: &Value) -> [Value; 2] {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    [json!({"requestBody": body}), json!({"responses": {"200": body}})].map(|operation| {
        let document = json!({"openapi": "3.1.0", "paths": {"/a": {"post": operation}}});
        normalize(document).0
    })
}

/// Asserts the level of a change in a request, and of its reverse in a response.
#[track_caller]
fn assert_levels(base: &Value, revision: &Value, expected: [&str; 2]) {
    let ([request, response], [new_request, new_response]) = (documents(base), documents(revision));
    let levels = [level(&request, &new_request), level(&new_response, &response)];
    assert_eq!(levels, expected, "{base}\n{revision}");
}

/// Returns the schema with more keywords. `null` removes a keyword.
fn with(schema: &Value, more: &Value) -> Value {
    let mut schema = schema.clone();
    json_patch::merge(&mut schema, more);
    schema
}

#[test]
fn names_that_only_a_pattern_allows_are_refused_without_it() {
    let named = |rest: Value| json!({"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": rest});
    let without = json!({"patternProperties": null});
    let (closed, typed) = (named(json!(false)), named(json!({"type": "integer"})));
    // Readers of responses ignore the properties that they do not know.
    assert_levels(&closed, &with(&closed, &without), ["err", "info"]);
    assert_levels(&typed, &with(&typed, &without), ["err", "err"]);
    assert_levels(&named(json!(true)), &with(&named(json!(true)), &without), ["info", "info"]);
    let same = named(json!({"type": "string"}));
    assert_levels(&same, &with(&same, &without), ["info", "info"]);
    let declared =
        json!({"type": "object", "properties": {"x1": {"type": "string"}}, "additionalProperties": false});
    assert_levels(&closed, &declared, ["err", "info"]);
    assert_levels(&declared, &closed, ["warn", "warn"]);
    // A pattern makes no exception from another part of an `allOf`.
    for schema in [&closed, &typed, &with(&closed, &json!({"properties": {"x1": {"type": "string"}}}))] {
        let part = json!({"additionalProperties": schema["additionalProperties"]});
        let moved = json!({"additionalProperties": null, "properties": null, "allOf": [part]});
        assert_levels(schema, &with(schema, &moved), ["warn", "warn"]);
    }
    let another = json!({"patternProperties": {"^x": null, "^.": {"type": "string"}}});
    assert_levels(&closed, &with(&closed, &another), ["warn", "warn"]);
}

#[test]
fn names_are_matched_with_patterns_whatever_their_length() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    // Whether a long name matches the second pattern is unknown.
    for (pattern, name, unknown) in [
        ("^x", "bb", false),
        ("^x", "b_name_longer_than_16", false),
        ("^x(a+)+(b+)+$", "b_name_longer_than_16_characters", true),
    ] {
        let merged = json!({"type": "object", "patternProperties": {pattern: text},
            "properties": {name: integer}, "additionalProperties": false});
        let parts = json!({"type": "object", "allOf": [
            {"patternProperties": {pattern: text}, "additionalProperties": false},
            {"properties": {name: integer}}]});
        let expected = if unknown { ["warn", "warn"] } else { ["err", "info"] };
        assert_levels(&merged, &parts, expected);
    }
    for (pattern, name, expected) in [
        ("^a", "aa", "err"),
        ("^a", "a_name_longer_than_16", "err"),
        ("^a(a+)+(b+)+$", "a_name_longer_than_16_characters", "warn"),
    ] {
        for rest in [json!(false), json!(true)] {
            let base =
                json!({"type": "object", "patternProperties": {pattern: text}, "additionalProperties": rest});
            assert_levels(&base, &with(&base, &json!({"properties": {name: integer}})), [expected; 2]);
        }
    }
    let slow = json!({"type": "object", "patternProperties": {"^(a|a|a)*X$": text}});
    let named = with(&slow, &json!({"properties": {"aaaaaaaaaaaaaaaa": integer}}));
    assert_levels(&slow, &named, ["warn", "warn"]);
}

#[test]
fn names_that_a_pattern_allows_count_as_properties() {
    let closed = json!({"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": false});
    let limited = json!({"maxProperties": 2});
    assert_levels(&closed, &with(&closed, &limited), ["err", "err"]);
    let required = with(&closed, &json!({"required": ["x1"]}));
    assert_levels(&required, &with(&required, &limited), ["err", "err"]);
    assert_levels(&required, &json!({"type": "string"}), ["err", "err"]);
    let other_type = json!({"patternProperties": {"^x": {"type": "integer"}}});
    assert_levels(&required, &with(&required, &other_type), ["warn", "warn"]);
}

#[test]
fn first_items_are_like_the_others_without_their_own_schemas() {
    let list = |first: &[&str], more: Value| {
        let first: Vec<_> = first.iter().map(|kind| json!({"type": kind})).collect();
        with(&json!({"type": "array", "prefixItems": first}), &more)
    };
    let (one, integers) =
        (list(&["string"], json!({"items": {"type": "integer"}})), json!({"type": "integer"}));
    assert_levels(&one, &json!({"type": "array", "items": integers}), ["warn", "warn"]);
    assert_levels(&list(&["string"], json!({})), &json!({"type": "array"}), ["info", "info"]);
    let exact = |first: &[&str]| list(first, json!({"items": false, "minItems": first.len()}));
    assert_levels(&exact(&["string", "integer", "boolean"]), &exact(&["string", "integer"]), ["err", "err"]);
}

#[test]
fn dropped_exception_may_be_a_restriction() {
    let list = json!({"type": "array", "contains": {"type": "string"}, "minContains": 0});
    assert_levels(&list, &with(&list, &json!({"minContains": null})), ["warn", "warn"]);
    let without_both = json!({"minContains": null, "contains": null});
    assert_levels(&list, &with(&list, &without_both), ["none", "none"]);
    let counted = with(&list, &json!({"minContains": 2, "maxContains": 3}));
    assert_levels(&counted, &with(&counted, &json!({"minContains": null})), ["info", "info"]);
    assert_levels(&counted, &with(&counted, &json!({"maxContains": null})), ["info", "info"]);
    assert_levels(&with(&counted, &json!({"minContains": null})), &counted, ["warn", "warn"]);
    let object =
        json!({"type": "object", "allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false});
    let items = json!({"type": "array", "allOf": [{"minItems": 1}], "unevaluatedItems": false});
    for (schema, key, value) in [
        (&object, "patternProperties", json!({"^x": {"type": "string"}})),
        (&object, "dependentSchemas", json!({"a": {"properties": {"b": {"type": "string"}}}})),
        (&items, "prefixItems", json!([{"type": "string"}])),
    ] {
        assert_levels(&with(schema, &json!({key: value})), schema, ["warn", "warn"]);
    }
    // Here, `unevaluatedProperties` must not become `additionalProperties`.
    let dependent = json!({"type": "object", "dependentSchemas": {"a": {"properties": {"b": {}}}}, "unevaluatedProperties": false});
    assert_levels(&dependent, &with(&dependent, &json!({"dependentSchemas": null})), ["err", "info"]);
}

#[test]
fn keywords_keep_the_partners_beside_them() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let array = |more: Value| with(&json!({"type": "array"}), &more);
    let object = |more: Value| with(&json!({"type": "object"}), &more);
    let case = |kind: &str, required: &str| json!({"if": {"properties": {"kind": {"enum": [kind]}}}, "then": {"required": [required]}});
    let contains = |more: Value| with(&json!({"contains": text}), &more);
    let (any_number, one, two) =
        (json!({"minContains": 0}), json!({"maxContains": 1}), json!({"maxContains": 2}));
    let other = json!({"contains": integer});
    let a = json!({"properties": {"a": text}});
    let unevaluated = json!({"unevaluatedProperties": false});
    for (base, revision, expected) in [
        (
            json!({"allOf": [case("card", "number"), case("iban", "bic")]}),
            json!({"allOf": [case("card", "bic"), case("iban", "number")]}),
            ["warn", "warn"],
        ),
        (
            array(json!({"prefixItems": [text], "items": integer})),
            array(json!({"prefixItems": [text], "allOf": [{"items": integer}]})),
            ["warn", "warn"],
        ),
        (
            array(json!({"prefixItems": [text], "items": false})),
            array(json!({"prefixItems": [text], "allOf": [{"items": false}]})),
            ["err", "err"],
        ),
        (
            array(contains(any_number.clone())),
            array(json!({"allOf": [contains(json!({})), any_number]})),
            ["warn", "warn"],
        ),
        (
            array(json!({"allOf": [contains(any_number.clone()), with(&other, &two)]})),
            array(json!({"allOf": [contains(two.clone()), with(&other, &any_number)]})),
            ["warn", "warn"],
        ),
        (array(json!({"allOf": [contains(json!({})), one]})), array(contains(one.clone())), ["warn", "warn"]),
        (
            object(json!({"properties": {"b": text}, "allOf": [a], "unevaluatedProperties": false})),
            object(json!({"properties": {"b": text}, "allOf": [with(&a, &unevaluated)]})),
            ["err", "info"],
        ),
        (
            object(json!({"properties": {"b": text}, "allOf": [a], "unevaluatedProperties": false})),
            object(
                json!({"properties": {"b": text}, "allOf": [with(&with(&a, &unevaluated), &json!({"anyOf": [{}]}))]}),
            ),
            ["warn", "warn"],
        ),
        (
            array(json!({"prefixItems": [text], "allOf": [{"minItems": 1}], "unevaluatedItems": false})),
            array(json!({"prefixItems": [text], "allOf": [{"minItems": 1, "unevaluatedItems": false}]})),
            ["warn", "warn"],
        ),
        (
            array(
                json!({"allOf": [{"prefixItems": [text]}, {"prefixItems": [{"minLength": 1}, text]}], "items": integer}),
            ),
            array(
                json!({"allOf": [{"prefixItems": [text]}, {"prefixItems": [{"minLength": 1}]}], "items": integer}),
            ),
            ["warn", "warn"],
        ),
    ] {
        assert_levels(&base, &revision, expected);
    }
    // More properties that are evaluated allow more.
    let schema = object(json!({"allOf": [a], "unevaluatedProperties": false}));
    assert_levels(&schema, &with(&schema, &json!({"properties": {"b": text}})), ["info", "warn"]);
}

#[test]
fn what_a_schema_evaluates_is_an_exception() {
    let text = json!({"type": "string"});
    let items = json!({"type": "array", "items": text, "unevaluatedItems": false});
    let part = json!({"properties": {"a": text}, "additionalProperties": text});
    let object = json!({"type": "object", "allOf": [part], "unevaluatedProperties": false});
    let closed =
        json!({"type": "object", "allOf": [{"properties": {"a": text}}], "unevaluatedProperties": false});
    let list = json!({"type": "array", "allOf": [{"maxItems": 9, "items": text}], "unevaluatedItems": false});
    let empty = json!({"type": "array", "allOf": [{"maxItems": 9}], "unevaluatedItems": false});
    for (schema, without) in
        [(items.clone(), with(&items, &json!({"items": null}))), (object, closed.clone()), (list, empty)]
    {
        assert_levels(&schema, &without, ["warn", "warn"]);
        assert_levels(&without, &schema, ["warn", "warn"]);
    }
    let typed = with(&closed, &json!({"unevaluatedProperties": {"type": "integer"}}));
    let other = with(&closed, &json!({"unevaluatedProperties": null, "additionalProperties": text}));
    assert_levels(&typed, &other, ["err", "err"]);
}

#[test]
fn property_that_only_a_condition_declares_is_sent() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let case = json!({"properties": {"b": text}});
    for condition in [
        json!({"if": {"required": ["t"]}, "then": case}),
        json!({"if": {"required": ["t"]}, "else": case}),
        json!({"dependentSchemas": {"t": case}}),
    ] {
        let base = with(&json!({"type": "object", "properties": {"t": text}}), &condition);
        assert_levels(&base, &with(&base, &json!({"properties": {"b": integer}})), ["warn", "warn"]);
        assert_levels(&base, &with(&base, &json!({"properties": {"b": text}})), ["info", "warn"]);
        assert_levels(&base, &with(&base, &json!({"properties": {"c": integer}})), ["info", "warn"]);
    }
}
