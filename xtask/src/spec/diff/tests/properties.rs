//! Properties of all documents, tested with more than 10,000 generated pairs in a few seconds.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};

use super::{hoisted, hoisted_as};
use crate::spec::diff::{Finding, diff};

/// Generates schemas.
fn schema() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(json!({})),
        select(vec!["string", "integer", "number", "boolean"]).prop_map(|kind| json!({"type": kind})),
        (0..3, 3..6).prop_map(|(low, high)| json!({"type": "string", "minLength": low, "maxLength": high})),
        (0..3, any::<bool>()).prop_map(|(low, out)| {
            json!({"type": "number", "minimum": low, "exclusiveMinimum": out, "default": 1.0})
        }),
        vec(select(vec!["a", "b", "c", "d"]), 1..4)
            .prop_map(|values| json!({"type": "string", "enum": values, "description": "d"})),
        select(vec!["uuid", "date", "date-time"])
            .prop_map(|format| json!({"type": "string", "format": format, "nullable": true})),
    ];
    plain.prop_recursive(3, 24, 4, |inner| {
        let properties = btree_map(select(vec!["p", "q", "r", "s"]), inner.clone(), 0..4);
        let required = vec(select(vec!["p", "q", "r", "s"]), 0..3);
        prop_oneof![
            (properties, required, any::<bool>()).prop_map(|(properties, required, open)| json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": open,
            })),
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            inner.clone().prop_map(|values| json!({"type": "object", "additionalProperties": values})),
            (select(vec!["oneOf", "anyOf", "allOf"]), vec(inner, 1..4))
                .prop_map(|(key, schemas)| json!({key: schemas})),
        ]
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let responses = btree_map(select(vec!["200", "201", "404", "default"]), schema(), 0..3);
    let parameters = btree_map(select(vec!["a", "b"]), (schema(), any::<bool>()), 0..2);
    let security = prop_oneof![Just(json!([])), Just(json!([{"k": []}])), Just(json!([{}, {"l": ["x"]}]))];
    (schema(), any::<bool>(), responses, parameters, security).prop_map(
        |(body, required, responses, parameters, security)| {
            let content = |schema: Value| json!({"application/json": {"schema": schema}});
            let responses: Map<_, _> = responses
                .into_iter()
                .map(|(status, schema)| {
                    (status.to_owned(), json!({"description": "d", "content": content(schema)}))
                })
                .collect();
            let parameters: Vec<_> = parameters
                .into_iter()
                .map(|(name, (schema, required))| {
                    json!({"name": name, "in": "query", "required": required, "schema": schema})
                })
                .collect();
            json!({
                "requestBody": {"required": required, "content": content(body)},
                "responses": responses,
                "parameters": parameters,
                "security": security,
            })
        },
    )
}

pub(super) fn document() -> impl Strategy<Value = Value> {
    btree_map(select(vec!["/a", "/b/{id}"]), operation(), 0..3).prop_map(|operations| {
        let paths: Map<_, _> = operations
            .into_iter()
            .map(|(path, operation)| (path.to_owned(), json!({"post": operation})))
            .collect();
        json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths})
    })
}

/// Generates any JSON, with keys that have a meaning in OpenAPI and with valid and invalid references.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec!["", "/", "string", "object", "#", "é|`\n"]).prop_map(Value::from),
        select(vec!["#", "#/paths", "#/components/schemas/A", "#/paths/~1a/post", "x.json#/y"])
            .prop_map(|reference| json!({"$ref": reference})),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let keys = vec![
            "paths",
            "/a",
            "post",
            "get",
            "parameters",
            "requestBody",
            "content",
            "application/json",
            "schema",
            "responses",
            "200",
            "headers",
            "components",
            "securitySchemes",
            "security",
            "servers",
            "url",
            "properties",
            "items",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "enum",
            "type",
            "required",
            "name",
            "in",
            "maximum",
            "additionalProperties",
            "discriminator",
            "mapping",
            "schemas",
            "A",
            "tags",
            "flows",
            "scopes",
        ];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(select(keys), inner, 0..5).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

/// Returns the document with the value at this index, in traversal order, replaced.
pub(super) fn with_replaced(mut document: Value, index: usize, replacement: Value) -> Value {
    let mut count = 0;
    let mut pending = vec![&mut document];
    while let Some(value) = pending.pop() {
        if count == index {
            *value = replacement;
            break;
        }
        count += 1;
        match value {
            Value::Object(members) => pending.extend(members.values_mut()),
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    document
}

/// Returns the same document with its keys and lists in another order, and with floats instead of integers.
fn reordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .rev()
            .map(|(key, member)| {
                let mut member = reordered(member);
                let items = ["required", "enum", "oneOf", "anyOf", "allOf", "parameters", "security"];
                if let Some(list) = member.as_array_mut().filter(|_| items.contains(&key.as_str())) {
                    list.reverse();
                }
                (key.clone(), member)
            })
            .collect(),
        Value::Array(items) => items.iter().map(reordered).collect(),
        Value::Number(number) => number.as_f64().map_or_else(|| value.clone(), Value::from),
        other => other.clone(),
    }
}

/// Returns the pointers of each finding, with 1 for an addition, -1 for a removal and 0 for any other change.
/// For findings of the reverse comparison, both are swapped.
fn changes(findings: &[Finding], reverse: bool) -> Vec<(String, String, i8)> {
    // A schema as a whole may become narrower in one direction only.
    let named = findings.iter().filter(|finding| !finding.rule.id.contains("-contract-"));
    let mut changes: Vec<_> = named
        .map(|finding| {
            let id = finding.rule.id.strip_suffix("-annotation-only").unwrap_or(&finding.rule.id);
            let added = ["-added", "new-"].iter().any(|mark| id.ends_with(mark) || id.starts_with(mark));
            let removed = id.contains("-removed") || id.ends_with("-refused") || id.ends_with("-required");
            let kind = match (added, removed && !id.contains("became")) {
                (true, _) => 1,
                (_, true) => -1,
                _ => 0,
            };
            let (base, revision) = (finding.base.to_string(), finding.revision.to_string());
            if reverse { (revision, base, -kind) } else { (base, revision, kind) }
        })
        .collect();
    changes.sort();
    changes
}

proptest! {
    #![proptest_config(super::config(1_000))]

    #[test]
    fn diff_of_reordered_or_hoisted_document_is_empty(document in document()) {
        for other in [document.clone(), reordered(&document), hoisted(&document), hoisted(&reordered(&document))] {
            let findings = diff(&document, &other);
            prop_assert!(findings.is_empty(), "{findings:#?}\n{document}\n{other}");
        }
    }

}

proptest! {
    #![proptest_config(super::config(1_000))]

    #[test]
    fn diff_of_reversed_documents_has_the_reversed_findings(base in document(), revision in document()) {
        let (forward, reverse) = (diff(&base, &revision), diff(&revision, &base));
        prop_assert_eq!(changes(&forward, false), changes(&reverse, true), "{}\n{}", base, revision);
    }

    #[test]
    fn diff_of_hoisted_documents_has_the_same_rules(base in document(), revision in document()) {
        let rules = |base: &Value, revision: &Value| -> Vec<_> {
            let findings = diff(base, revision);
            let mut rules: Vec<_> = findings.iter().map(|finding| finding.rule.id.clone()).collect();
            rules.sort();
            rules
        };
        // Different prefixes, because components of the same name would be matched with each other.
        let moved = rules(&hoisted_as("A", &base), &hoisted_as("B", &revision));
        prop_assert_eq!(rules(&base, &revision), moved, "{}\n{}", base, revision);
    }
}

proptest! {
    #![proptest_config(super::config(800))]

    #[test]
    fn diff_of_arbitrary_json_does_not_panic(document in document(), index in 0_usize..120, value in anything(), other in anything()) {
        let hoisted = hoisted(&document);
        let one = with_replaced(hoisted.clone(), index, value.clone());
        let two = with_replaced(hoisted, index, other);
        for (base, revision) in [(&one, &two), (&document, &one), (&one, &document), (&value, &two)] {
            let findings = diff(base, revision);
            prop_assert!(findings.iter().all(|finding| finding.fingerprint.len() == 16));
            prop_assert!(diff(base, base).is_empty(), "{base}");
        }
    }
}
