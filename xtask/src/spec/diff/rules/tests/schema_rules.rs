//! A pair of schemas for each schema change, at every position.

use serde_json::json;

use super::*;
use crate::spec::diff::rules::schema_rules::SCHEMA_RULES;

/// The schema changes, each with a schema before and after it.
const CHANGES: &[(&str, &str, &str)] = &[
    ("type-changed", r#"{"type": "string"}"#, r#"{"type": "object"}"#),
    ("type-generalized", r#"{"type": "integer"}"#, r#"{"type": "number"}"#),
    ("type-specialized", r#"{"type": "string"}"#, r#"{"type": "string", "format": "uuid"}"#),
    (
        "became-nullable",
        r#"{"type": "string", "nullable": false}"#,
        r#"{"type": "string", "nullable": true}"#,
    ),
    ("became-not-nullable", r#"{"type": "string", "nullable": true}"#, r#"{"type": "string"}"#),
    ("became-enum", r#"{"type": "string"}"#, r#"{"type": "string", "enum": ["a"]}"#),
    ("no-longer-enum", r#"{"type": "string", "enum": ["a"]}"#, r#"{"type": "string"}"#),
    ("enum-value-added", r#"{"enum": [1.0, "a"]}"#, r#"{"enum": ["b", "a", 1]}"#),
    ("enum-value-removed", r#"{"enum": [1, 2]}"#, r#"{"enum": [2]}"#),
    ("pattern-added", r#"{"type": "string"}"#, r#"{"type": "string", "pattern": "a"}"#),
    ("pattern-removed", r#"{"type": "string", "pattern": "a"}"#, r#"{"type": "string"}"#),
    ("pattern-changed", r#"{"pattern": "a"}"#, r#"{"pattern": "b"}"#),
    ("pattern-generalized", r#"{"pattern": "a"}"#, r#"{"pattern": ".*"}"#),
    ("default-value-added", "{}", r#"{"default": null}"#),
    ("default-value-removed", r#"{"default": 1}"#, "{}"),
    ("default-value-changed", r#"{"default": 1}"#, r#"{"default": 2}"#),
    ("max-set", "{}", r#"{"maximum": 1}"#),
    ("max-unset", r#"{"maximum": 1}"#, "{}"),
    ("max-increased", r#"{"maximum": 1}"#, r#"{"maximum": 1.5}"#),
    ("max-decreased", r#"{"maximum": 2.0}"#, r#"{"maximum": 1}"#),
    ("min-set", "{}", r#"{"minimum": 0}"#),
    ("min-unset", r#"{"minimum": 0}"#, "{}"),
    ("min-increased", r#"{"minimum": 1}"#, r#"{"minimum": 2}"#),
    ("min-decreased", r#"{"minimum": 1}"#, r#"{"minimum": -1}"#),
    ("exclusive-max-set", r#"{"maximum": 1}"#, r#"{"maximum": 1, "exclusiveMaximum": true}"#),
    ("exclusive-max-unset", r#"{"maximum": 1, "exclusiveMaximum": true}"#, r#"{"maximum": 1}"#),
    ("exclusive-min-set", r#"{"minimum": 1}"#, r#"{"minimum": 1, "exclusiveMinimum": true}"#),
    ("exclusive-min-unset", r#"{"minimum": 1, "exclusiveMinimum": true}"#, r#"{"minimum": 1}"#),
    ("multiple-of-set", "{}", r#"{"multipleOf": 2}"#),
    ("multiple-of-unset", r#"{"multipleOf": 2}"#, "{}"),
    ("multiple-of-changed", r#"{"multipleOf": 2}"#, r#"{"multipleOf": 3}"#),
    ("max-length-set", "{}", r#"{"maxLength": 1}"#),
    ("max-length-unset", r#"{"maxLength": 1}"#, "{}"),
    ("max-length-increased", r#"{"maxLength": 1}"#, r#"{"maxLength": 2}"#),
    ("max-length-decreased", r#"{"maxLength": 2}"#, r#"{"maxLength": 1}"#),
    ("min-length-increased", "{}", r#"{"minLength": 1}"#),
    ("min-length-decreased", r#"{"minLength": 2}"#, r#"{"minLength": 1}"#),
    ("max-items-set", "{}", r#"{"maxItems": 1}"#),
    ("max-items-unset", r#"{"maxItems": 1}"#, "{}"),
    ("max-items-increased", r#"{"maxItems": 1}"#, r#"{"maxItems": 2}"#),
    ("max-items-decreased", r#"{"maxItems": 2}"#, r#"{"maxItems": 1}"#),
    ("min-items-set", "{}", r#"{"minItems": 1}"#),
    ("min-items-unset", r#"{"minItems": 1}"#, "{}"),
    ("min-items-increased", r#"{"minItems": 1}"#, r#"{"minItems": 2}"#),
    ("min-items-decreased", r#"{"minItems": 2}"#, r#"{"minItems": 1}"#),
    ("items-set", r#"{"type": "array"}"#, r#"{"type": "array", "items": {"type": "string"}}"#),
    ("items-unset", r#"{"type": "array", "items": {"type": "string"}}"#, r#"{"type": "array"}"#),
    ("unique-items-set", "{}", r#"{"uniqueItems": true}"#),
    ("unique-items-unset", r#"{"uniqueItems": true}"#, r#"{"uniqueItems": false}"#),
    ("max-properties-set", "{}", r#"{"maxProperties": 1}"#),
    ("max-properties-unset", r#"{"maxProperties": 1}"#, "{}"),
    ("max-properties-increased", r#"{"maxProperties": 1}"#, r#"{"maxProperties": 2}"#),
    ("max-properties-decreased", r#"{"maxProperties": 2}"#, r#"{"maxProperties": 1}"#),
    ("min-properties-set", "{}", r#"{"minProperties": 1}"#),
    ("min-properties-unset", r#"{"minProperties": 1}"#, "{}"),
    ("min-properties-increased", r#"{"minProperties": 1}"#, r#"{"minProperties": 2}"#),
    ("min-properties-decreased", r#"{"minProperties": 2}"#, r#"{"minProperties": 1}"#),
    ("additional-properties-closed", r#"{"additionalProperties": {}}"#, r#"{"additionalProperties": false}"#),
    ("additional-properties-opened", r#"{"additionalProperties": false}"#, "{}"),
    ("additional-properties-narrowed", "{}", r#"{"additionalProperties": {"type": "string"}}"#),
    (
        "additional-properties-widened",
        r#"{"additionalProperties": {"type": "string"}}"#,
        r#"{"additionalProperties": true}"#,
    ),
    ("map-closed", r#"{"additionalProperties": {"type": "string"}}"#, r#"{"additionalProperties": false}"#),
    ("map-opened", r#"{"additionalProperties": false}"#, r#"{"additionalProperties": {"type": "string"}}"#),
    (
        "alternatives-rewritten",
        r#"{"oneOf": [{"type": "string"}, {"maxLength": 9}]}"#,
        r#"{"anyOf": [{"type": "string"}, {"maxLength": 9}]}"#,
    ),
    ("one-of-added", r#"{"type": "string"}"#, r#"{"oneOf": [{"type": "object"}, {"type": "string"}]}"#),
    (
        "one-of-removed",
        r#"{"oneOf": [{"type": "object"}, {"type": "string"}]}"#,
        r#"{"oneOf": [{"type": "string"}]}"#,
    ),
    (
        "any-of-added",
        r#"{"anyOf": [{"type": "string"}]}"#,
        r#"{"anyOf": [{"type": "object"}, {"type": "string"}]}"#,
    ),
    ("any-of-removed", r#"{"anyOf": [{"type": "object"}, {"type": "string"}]}"#, r#"{"type": "object"}"#),
    (
        "all-of-added",
        r#"{"allOf": [{"minLength": 1}, {"pattern": "a"}]}"#,
        r#"{"allOf": [{"minLength": 1}, {"pattern": "a"}, {"maxLength": 9}]}"#,
    ),
    (
        "all-of-removed",
        r#"{"allOf": [{"minLength": 1}, {"pattern": "a"}, {"maxLength": 9}]}"#,
        r#"{"allOf": [{"minLength": 1}, {"pattern": "a"}]}"#,
    ),
    (
        "all-of-added-annotation-only",
        r#"{"type": "string"}"#,
        r#"{"type": "string", "allOf": [{"description": "d"}]}"#,
    ),
    (
        "all-of-removed-annotation-only",
        r#"{"type": "string", "allOf": [{"description": "d"}]}"#,
        r#"{"type": "string"}"#,
    ),
    ("not-added", "{}", r#"{"not": {"type": "string"}}"#),
    ("not-removed", r#"{"not": {"type": "string"}}"#, "{}"),
    ("not-changed", r#"{"not": {"type": "string"}}"#, r#"{"not": {"type": "object"}}"#),
    ("discriminator-added", "{}", r#"{"discriminator": {"propertyName": "a"}}"#),
    ("discriminator-removed", r#"{"discriminator": {"propertyName": "a"}}"#, "{}"),
    (
        "discriminator-property-name-changed",
        r#"{"discriminator": {"propertyName": "a"}}"#,
        r#"{"discriminator": {"propertyName": "b"}}"#,
    ),
    (
        "discriminator-mapping-added",
        r#"{"discriminator": {}}"#,
        r#"{"discriminator": {"mapping": {"a": "A"}}}"#,
    ),
    (
        "discriminator-mapping-deleted",
        r#"{"discriminator": {"mapping": {"a": "A"}}}"#,
        r#"{"discriminator": {}}"#,
    ),
    (
        "discriminator-mapping-changed",
        r#"{"discriminator": {"mapping": {"a": "A"}}}"#,
        r#"{"discriminator": {"mapping": {"a": "B"}}}"#,
    ),
    ("deprecated", r#"{"deprecated": false}"#, r#"{"deprecated": true}"#),
    ("reactivated", r#"{"deprecated": true}"#, "{}"),
    ("became-read-only", "{}", r#"{"readOnly": true}"#),
    ("became-not-read-only", r#"{"readOnly": true}"#, "{}"),
    ("became-write-only", "{}", r#"{"writeOnly": true}"#),
    ("became-not-write-only", r#"{"writeOnly": true}"#, "{}"),
];

/// Returns a document with the schema at the position.
fn document(position: SchemaPosition, schema: &Value, media_type: &str) -> Value {
    let list = json!({"type": "array", "items": schema});
    let with_flag = |flag: &str| json!({"properties": {"p": {"type": "array", flag: true, "items": schema}}});
    let request = |schema| json!({"requestBody": {"content": {media_type: {"schema": schema}}}});
    let response = |schema| json!({"responses": {"200": {"content": {media_type: {"schema": schema}}}}});
    let parameter = |schema| json!({"parameters": [{"name": "q", "in": "query", "schema": schema}]});
    let operation = match position {
        SchemaPosition::RequestBody => request(schema.clone()),
        SchemaPosition::RequestProperty => request(list),
        SchemaPosition::RequestReadOnlyProperty => request(with_flag("readOnly")),
        SchemaPosition::RequestParameter => parameter(schema.clone()),
        SchemaPosition::RequestParameterProperty => parameter(list),
        SchemaPosition::ResponseBody => response(schema.clone()),
        SchemaPosition::ResponseProperty => response(list),
        SchemaPosition::ResponseWriteOnlyProperty => response(with_flag("writeOnly")),
        SchemaPosition::ResponseHeader => {
            json!({"responses": {"200": {"headers": {"h": {"schema": schema}}}}})
        }
    };
    json!({"paths": {"/a": {"post": operation}}})
}

fn rule_at(position: SchemaPosition, suffix: &str) -> &'static Rule {
    by_id(&id_at(position, suffix)).unwrap()
}

#[test]
fn every_schema_change_is_reported_at_every_position() {
    for position in SchemaPosition::ALL {
        for (suffix, base, revision) in CHANGES {
            let [base, revision] = [base, revision]
                .map(|text| document(position, &serde_json::from_str(text).unwrap(), "application/json"));
            assert_fires(&rule_at(position, suffix).id, &base, &revision);
        }
    }
}

#[test]
fn type_compatible_fires_where_values_are_sent_as_text() {
    for position in SchemaPosition::ALL {
        let (mut base, mut revision) = (json!({"type": "number"}), json!({"type": "string"}));
        if position.direction() == Direction::Response {
            std::mem::swap(&mut base, &mut revision);
        }
        let [base, revision] = [base, revision].map(|schema| document(position, &schema, "application/xml"));
        assert_fires(&SchemaChange::TypeCompatible.rule(position).id, &base, &revision);
    }
}

#[test]
fn every_schema_change_is_tested() {
    let tested: BTreeSet<_> = CHANGES.iter().map(|(suffix, ..)| *suffix).chain(["type-compatible"]).collect();
    let all: BTreeSet<_> = SCHEMA_RULES.iter().map(|change| change.suffix).collect();
    assert_eq!(tested, all);
}

#[test]
fn rules_of_ignored_positions_are_at_most_info() {
    for rule in all().values().filter(|rule| rule.position.is_some_and(SchemaPosition::is_ignored)) {
        assert!(rule.wire <= WireLevel::Info, "{}", rule.id);
    }
}

/// Returns the ids of the rules that are tested here.
pub(super) fn tested() -> BTreeSet<String> {
    let suffixes = || SCHEMA_RULES.iter().map(|change| change.suffix);
    let ids = SchemaPosition::ALL
        .into_iter()
        .flat_map(|position| suffixes().map(move |suffix| rule_at(position, suffix)));
    ids.map(|rule| rule.id.clone()).collect()
}
