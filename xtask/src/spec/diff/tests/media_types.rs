//! Media types beside ranges that cover them.

use std::slice;

use serde_json::{Map, Value, json};

use super::level;

/// Returns documents with these media types in a request and in a response, each with the type of its body.
fn documents(types: &[(&str, Value)]) -> [Value; 2] {
    let content: Map<_, _> =
        types.iter().map(|(name, schema)| ((*name).to_owned(), json!({"schema": schema}))).collect();
    let body = json!({"content": content});
    [json!({"requestBody": body}), json!({"responses": {"200": body}})]
        .map(|operation| json!({"paths": {"/a": {"post": operation}}}))
}

type Types<'a> = &'a [(&'a str, Value)];

/// Asserts the levels of a change in a request and in a response.
#[track_caller]
fn assert_levels(base: Types, revision: Types, expected: [&str; 2]) {
    let (old, new) = (documents(base), documents(revision));
    let levels = [0, 1].map(|side| level(&old[side], &new[side]));
    assert_eq!(levels, expected, "{base:?}\n{revision:?}");
}

#[test]
fn media_type_beside_its_range_is_compared_with_it() {
    let (wide, narrow) = (json!({"type": "string"}), json!({"type": "string", "maxLength": 3}));
    let (any, all, one, other) = ("*/*", "application/*", "application/json", "application/xml");
    for range in [all, any] {
        let with = |schema: &Value| [(range, wide.clone()), (one, schema.clone())];
        let without = [(range, wide.clone())];
        assert_levels(&without, &with(&wide), ["info", "info"]);
        assert_levels(&without, &with(&narrow), ["err", "info"]);
        assert_levels(&with(&wide), &without, ["none", "none"]);
        assert_levels(&with(&narrow), &without, ["info", "err"]);
    }
    // The smallest range counts.
    let ranges = [(any, narrow.clone()), (all, wide.clone())];
    let with = [ranges.to_vec(), vec![(one, wide.clone())]].concat();
    assert_levels(&with, &ranges, ["none", "none"]);
    let split = [(one, wide.clone()), (other, wide.clone())];
    assert_levels(&split, &[(all, wide.clone())], ["info", "err"]);
    assert_levels(&[(all, wide.clone())], &split, ["err", "info"]);
    // A media type of another kind is not covered.
    assert_levels(
        &[(all, wide.clone()), ("text/plain", wide.clone())],
        &[(all, wide.clone())],
        ["err", "err"],
    );
    // Parameters do not cover each other.
    let versions = [(one, wide.clone()), ("application/json; version=2", wide.clone())];
    assert_levels(&versions, &[(one, wide)], ["err", "err"]);
}

#[test]
fn media_type_is_compared_with_the_smallest_of_several_new_ranges() {
    let (wide, narrow) = (json!({"type": "string"}), json!({"type": "string", "maxLength": 3}));
    let (any, all, one, other) = ("*/*", "application/*", "application/json", "application/xml");
    let ranges = |of_all: &Value, of_any: &Value| [(all, of_all.clone()), (any, of_any.clone())];
    let single = [(one, wide.clone())];
    assert_levels(&single, &ranges(&narrow, &wide), ["err", "err"]);
    assert_levels(&single, &ranges(&wide, &narrow), ["info", "err"]);
    // The media type has the schema of the smallest range, and all others are gone.
    assert_levels(&ranges(&narrow, &wide), &single, ["err", "err"]);
    assert_levels(&ranges(&wide, &narrow), &single, ["err", "info"]);
    // The other range still covers what the removed one did.
    let with_other = [(other, wide.clone()), (any, wide.clone())];
    assert_levels(&ranges(&wide, &wide), &with_other, ["info", "info"]);
    assert_levels(&with_other, &ranges(&wide, &wide), ["info", "info"]);
    assert_levels(&ranges(&wide, &wide), &[(other, wide.clone()), (any, narrow)], ["err", "info"]);
}

#[test]
fn media_type_with_other_parameters_is_matched_before_ranges() {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    let base = [("application/json; charset=utf-8", integer.clone())];
    assert_levels(&base, &[("*/*", text), ("application/json", integer)], ["info", "info"]);
}

#[test]
fn missing_schema_accepts_anything() {
    let document = |name: &str, media_type: Value| {
        let body = json!({"content": {name: media_type}});
        json!({"paths": {"/a": {"post": {"requestBody": body, "responses": {"200": body}}}}})
    };
    let level = |name: &str, base: Value, revision: Value| {
        super::level(&document(name, base), &document(name, revision))
    };
    let bytes = json!({"type": "string", "format": "binary"});
    for (name, schema, expected) in [
        ("application/json", json!({}), "none"),
        ("application/json", json!({"description": "d"}), "none"),
        ("application/json", json!({"allOf": [{}]}), "none"),
        ("application/json", json!({"anyOf": [{"type": "string"}, {}]}), "none"),
        ("application/json", json!({"anyOf": [{"type": "string"}]}), "err"),
        ("application/json", json!({"nullable": true, "readOnly": false}), "none"),
        ("application/json", json!({"$comment": "c", "examples": [1], "xml": {}}), "none"),
        ("application/octet-stream", bytes.clone(), "none"),
        ("image/png", bytes.clone(), "none"),
        ("application/json", bytes.clone(), "err"),
        ("image/png", json!({"type": "string"}), "err"),
    ] {
        assert_eq!(level(name, json!({}), json!({"schema": schema})), expected, "{name} {schema}");
        let expected = if expected == "err" { "warn" } else { expected };
        assert_eq!(level(name, json!({"schema": schema}), json!({})), expected, "{name} {schema}");
    }
    assert_eq!(level("image/png", json!({"schema": {}}), json!({"schema": bytes})), "none");
    assert_eq!(level("image/png", json!({"schema": bytes}), json!({"schema": {}})), "none");
    let png = ("image/png", json!({}));
    let described = json!({"type": "string", "format": "binary", "description": "d"});
    assert_levels(slice::from_ref(&png), &[("image/png", described)], ["none", "none"]);
    for limit in [
        json!({"maxLength": 3}),
        json!({"minLength": 3}),
        json!({"enum": ["a"]}),
        json!({"pattern": "a"}),
        json!({"allOf": [{"maxLength": 3}]}),
        json!({"not": {"maxLength": 3}}),
    ] {
        let mut limited = bytes.clone();
        json_patch::merge(&mut limited, &limit);
        assert_eq!(level("image/png", json!({}), json!({"schema": limited})), "err", "{limit}");
        assert_eq!(level("image/png", json!({"schema": limited}), json!({})), "warn", "{limit}");
        let limited = ("image/png", limited);
        assert_levels(slice::from_ref(&png), slice::from_ref(&limited), ["err", "info"]);
        assert_levels(&[limited], slice::from_ref(&png), ["info", "err"]);
    }
}
