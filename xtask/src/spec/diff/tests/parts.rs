//! A schema that becomes one of several parts of an `allOf`, and the reverse.

use serde_json::{Value, json};

use super::hoisted;
use crate::spec::diff::diff;

fn document(schema: &Value) -> Value {
    let object = |required: &str, optional: &str| {
        json!({"type": "object", "required": [required],
            "properties": {required: {"type": "string"}, optional: {"type": "string"}}})
    };
    let content = json!({"application/json": {"schema": schema}});
    let b = json!({"type": "object", "properties": {"b": {"type": "string"}}});
    json!({
        "paths": {"/a": {"post": {"requestBody": {"content": content}, "responses": {"200": {"content": content}}}}},
        "components": {"schemas": {"A": object("a", "x"), "B": b,
            "C": {"allOf": [object("c", "y"), object("d", "z")]}}}})
}

/// Returns the messages, without that of the schemas as a whole, which has the level of a removed part.
fn messages(base: &Value, revision: &Value) -> Vec<String> {
    let mut findings = diff(&document(base), &document(revision));
    findings.retain(|finding| !finding.rule.id.contains("-contract-"));
    findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn only_the_part_beside_a_schema_is_reported() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let b = reference("B");
    let inline = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let [several, with_parts, of_inline] =
        [&reference("A"), &reference("C"), &inline].map(|a| json!({"allOf": [a, b]}));
    let typed = json!({"type": "object", "allOf": [reference("A"), b]});
    for (one, several) in [
        (reference("A"), &several),
        (json!({"allOf": [reference("A")]}), &several),
        (reference("A"), &typed),
        (reference("C"), &with_parts),
        (inline, &of_inline),
    ] {
        for (found, change) in [(messages(&one, several), "added"), (messages(several, &one), "removed")] {
            let part = format!("allOf: part {change}: {{\"$ref\":\"#/components/schemas/B\"}}");
            let is_part = |message: &String| message.contains(&part);
            assert!(found.len() == 2 && found.iter().all(is_part), "{one} {several} {found:#?}");
        }
    }
}

/// Returns the documents with the schema in a request and in a response.
fn in_both(schema: &Value) -> [Value; 2] {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    [json!({"requestBody": body}), json!({"responses": {"200": body}})]
        .map(|operation| json!({"paths": {"/a": {"post": operation}}}))
}

/// Asserts the rules and the ends of the subjects of a request and of a response.
#[track_caller]
fn assert_found(base: &Value, revision: &Value, expected: [&[&str]; 2]) {
    for ((base, revision), expected) in in_both(base).iter().zip(&in_both(revision)).zip(expected) {
        for [base, revision] in [[base.clone(), revision.clone()], [hoisted(base), hoisted(revision)]] {
            let findings = diff(&base, &revision);
            let found: Vec<_> = findings
                .iter()
                .map(|finding| {
                    let subject = finding.message.split(": ").next().unwrap_or_default();
                    let place = subject.rsplit("application/json").next().unwrap_or_default();
                    format!("{} {place} {}", finding.wire, finding.rule.id)
                })
                .collect();
            assert_eq!(found, expected, "{base}\n{revision}");
        }
    }
}

fn part(title: &str, required: &[&str], properties: &Value) -> Value {
    json!({"title": title, "type": "object", "required": required, "properties": properties})
}

#[test]
fn property_that_moves_to_another_part_is_the_same_property() {
    let string = json!({"type": "string"});
    let integer = json!({"type": "integer"});
    let base = json!({"allOf": [part("A", &["x"], &json!({"a": string, "x": string})),
        part("B", &[], &json!({"b": string}))]});
    let moved = |b: &Value, x: &Value| json!({"allOf": [part("A", &[], &json!({"a": string})), part("B", &["x"], &json!({"b": b, "x": x}))]});
    let of_own = |b: &Value| {
        json!({"allOf": [part("A", &[], &json!({"a": string})), part("B", &[], &json!({"b": b}))],
            "type": "object", "required": ["x"], "properties": {"x": string}})
    };
    let changed =
        [&["err /b request-property-type-changed"] as &[_], &["err /b response-property-type-changed"]];
    assert_found(&base, &moved(&string, &string), [&[], &[]]);
    assert_found(&base, &of_own(&string), [&[], &[]]);
    for (one, other) in [(&base, &moved(&integer, &string)), (&base, &of_own(&integer))] {
        assert_found(one, other, changed);
        assert_found(other, one, changed);
    }
    let both = [
        &["err /b request-property-type-changed", "err /x request-property-type-changed"] as &[_],
        &["err /b response-property-type-changed", "err /x response-property-type-changed"],
    ];
    assert_found(&base, &moved(&integer, &integer), both);
}

#[test]
fn property_of_flattened_parts_is_the_same_property() {
    let [string, integer] = ["string", "integer"].map(|name| json!({"type": name}));
    let parts = |limit: &Value| {
        json!([{"type": "object", "properties": {"limit": limit, "prev": string}},
            {"properties": {"e": {"type": "array", "items": string}}}])
    };
    let flat = json!({"type": "object",
        "properties": {"limit": string, "e": {"type": "array", "items": string}}});
    let expected = [
        &["warn /prev request-property-removed", "err /limit request-property-type-changed"] as &[_],
        &["warn /prev response-optional-property-removed", "err /limit response-property-type-changed"],
    ];
    for base in [json!({"type": "object", "allOf": parts(&integer)}), json!({"allOf": parts(&integer)})] {
        assert_found(&base, &flat, expected);
    }
    let expected = [
        &["warn /prev request-property-removed"] as &[_],
        &["warn /prev response-optional-property-removed"],
    ];
    assert_found(&json!({"type": "object", "allOf": parts(&string)}), &flat, expected);
}

#[test]
fn other_keywords_of_parts_are_compared_beside_moved_properties() {
    let string = json!({"type": "string"});
    let schema = |x_first: bool, max: u64, limit: bool| {
        let mut parts = [part("A", &[], &json!({"a": string})), part("B", &[], &json!({"b": string}))];
        parts[usize::from(!x_first)]["properties"]["x"] = string.clone();
        parts[0]["maxProperties"] = json!(max);
        let limit = limit.then(|| json!({"maxProperties": 7}));
        json!({"allOf": parts.into_iter().chain(limit).collect::<Vec<_>>()})
    };
    let lowered = [
        &["err (allOf 0) request-property-max-properties-decreased"] as &[_],
        &["info (allOf 0) response-property-max-properties-decreased"],
    ];
    assert_found(&schema(true, 9, false), &schema(false, 8, false), lowered);
    let added = [&["err  request-body-all-of-added"] as &[_], &["info  response-body-all-of-added"]];
    assert_found(&schema(true, 9, false), &schema(false, 9, true), added);
}

#[test]
fn property_of_several_parts_is_compared_with_each() {
    let [string, integer] = ["string", "integer"].map(|name| json!({"type": name}));
    let short = json!({"type": "string", "maxLength": 9});
    let schema =
        |first: &Value, second: &Value| json!({"allOf": [part("A", &[], first), part("B", &[], second)]});
    // A repeated schema adds nothing.
    let base = schema(&json!({"x": string, "y": string}), &json!({"x": string, "b": string}));
    let revision = schema(&json!({"y": string}), &json!({"x": string, "b": integer}));
    let changed =
        [&["err /b request-property-type-changed"] as &[_], &["err /b response-property-type-changed"]];
    assert_found(&base, &revision, changed);
    let base = schema(&json!({"x": string, "y": string}), &json!({"x": short}));
    let revision = schema(&json!({"y": string}), &json!({"x": string}));
    let expected = [
        &["info /x request-property-all-of-removed"] as &[_],
        &["info /x response-property-all-of-removed", "err  response-contract-widened"],
    ];
    assert_found(&base, &revision, expected);
}
