//! Levels of a change and of its reverse, and of schemas that accept strictly more or less.

use std::cell::Cell;

use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{
    change_schemas,
    oracle::schemas::{pairs, schema},
};
use crate::spec::diff::{WireLevel, diff, finding::worst};

fn document(spec: &Value, is_request: bool) -> Value {
    let content = json!({"application/json": {"schema": spec["schema"]}});
    let operation = if is_request {
        json!({"requestBody": {"content": content}})
    } else {
        json!({"responses": {"200": {"content": content}}})
    };
    json!({"paths": {"/a": {"post": operation}}, "components": {"schemas": spec["schemas"]}})
}

fn level(base: &Value, revision: &Value, is_request: bool) -> WireLevel {
    worst(&diff(&document(base, is_request), &document(revision, is_request))).0
}

/// Adds an enum value, drops a keyword, or adds an alternative. Returns `true` if the schema accepts more.
type Widening = fn(&mut Value) -> bool;

const WIDENINGS: &[(&str, Widening)] = &[
    ("limit dropped", |schema| remove(schema, &["minimum", "maximum", "multipleOf"])),
    ("length dropped", |schema| remove(schema, &["minLength", "maxLength", "pattern", "format"])),
    ("count dropped", |schema| remove(schema, &["minItems", "maxItems", "uniqueItems"])),
    ("number of properties dropped", |schema| remove(schema, &["minProperties", "maxProperties"])),
    ("exclusion dropped", |schema| remove(schema, &["not"])),
    ("property made optional", |schema| remove(schema, &["required"])),
    ("exclusive limit made inclusive", |schema| remove(schema, &["exclusiveMinimum", "exclusiveMaximum"])),
    ("enum value added", |schema| match schema["enum"].as_array_mut() {
        Some(words) => {
            words.push(json!("new"));
            schema.get("type").is_none_or(|kind| *kind == json!("string"))
        }
        None => false,
    }),
    ("object opened", |schema| {
        schema["additionalProperties"] == json!(false) && remove(schema, &["additionalProperties"])
    }),
    ("null allowed", |schema| {
        schema["nullable"] = json!(true);
        true
    }),
    ("alternative added", |schema| {
        // Within an alternative, the flags say nothing about the property.
        let is_sent = !["readOnly", "writeOnly"].iter().any(|key| schema.get(key).is_some());
        if is_sent {
            *schema = json!({"anyOf": [schema.take(), {"type": "array", "items": {"type": "boolean"}}]});
        }
        is_sent
    }),
    ("integer made a number", |schema| {
        let is_integer = schema["type"] == json!("integer") && schema.get("format").is_none();
        if is_integer {
            schema["type"] = json!("number");
        }
        is_integer
    }),
];

fn remove(schema: &mut Value, keys: &[&str]) -> bool {
    let Some(members) = schema.as_object_mut() else { return false };
    let count = members.len();
    members.retain(|key, _| !keys.contains(&key.as_str()));
    members.len() < count
}

/// Widens one schema. Returns `None` if no schema has the keyword.
fn widened(spec: &Value, widening: Widening, choice: usize) -> Option<Value> {
    let mut schema = json!({"schema": spec["schema"]});
    let mut applicable = 0;
    change_schemas(&mut schema.clone(), &mut |schema| {
        applicable += usize::from(schema.get("$ref").is_none() && widening(&mut schema.clone()));
    });
    let mut remaining = choice.checked_rem(applicable)?;
    let mut is_done = false;
    change_schemas(&mut schema, &mut |schema| {
        let mut next = schema.clone();
        if !is_done && schema.get("$ref").is_none() && widening(&mut next) {
            if remaining == 0 {
                *schema = next;
                is_done = true;
            } else {
                remaining -= 1;
            }
        }
    });
    Some(json!({"schema": schema["schema"], "schemas": spec["schemas"]}))
}

#[test]
fn schema_that_accepts_more_is_an_error_in_responses_only() {
    let config = super::config(2_500);
    let judged = Cell::new(0);
    let cases = (pairs(schema()), select(WIDENINGS.to_vec()), any::<usize>());
    let result = TestRunner::new(config).run(&cases, |((base, _), (name, widening), choice)| {
        let Some(wider) = widened(&base, widening, choice) else { return Ok(()) };
        judged.set(judged.get() + 1);
        let levels = [level(&base, &wider, true), level(&wider, &base, false)];
        prop_assert!(
            levels.iter().all(|level| *level < WireLevel::Err),
            "{name} {levels:?}\n{base}\n{wider}"
        );
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(judged.get() > 800, "{judged:?}");
}

/// Parts of the ids of rules whose level in a request is not that of the reverse in a response, with the reasons.
const ONE_SIDED: &[(&str, &str)] = &[
    ("enum", "a response may have new values, which a tolerant reader expects"),
    ("pattern-", "clients do not check patterns of responses"),
    ("additional-properties-", "clients ignore properties that they do not know"),
    ("map-", "clients ignore properties that they do not know"),
    ("-property-added", "a server may refuse an unknown property, a client ignores it"),
    ("-property-removed", "a client may read an optional property, a server does not need one"),
    ("-request-property", "a client may read an optional property, a server does not need one"),
    ("all-of-", "a part may do any of these"),
    ("one-of-", "an alternative may do any of these"),
    ("any-of-", "an alternative may do any of these"),
    ("type-changed", "another type may do any of these"),
    ("alternatives-rewritten", "a server may check that only one alternative matches"),
    ("read-only", "not sent in requests"),
    ("write-only", "not sent in responses"),
    ("not-", "an enum within an exclusion"),
];

#[test]
fn change_in_a_request_has_the_level_of_its_reverse_in_a_response() {
    let config = super::config(1_500);
    let (equal, changes) = (Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&pairs(schema()), |(base, revision)| {
        let swapped = [&revision, &base].map(with_swapped_access);
        let forward = diff(&document(&base, true), &document(&revision, true));
        let reverse = diff(&document(&swapped[0], false), &document(&swapped[1], false));
        let levels = [worst(&forward).0, worst(&reverse).0];
        let mut rules = forward.iter().chain(&reverse).map(|finding| &finding.rule.id);
        // The schemas as a whole may fit in one direction only, for the same reasons.
        let text = format!("{}{}", base["schema"], revision["schema"]);
        let has_reason = ["enum", "pattern", "Only", "properties", "Properties", "$ref", "format", "not"];
        let is_corrected = has_reason.iter().any(|key| text.contains(key))
            && forward.iter().chain(&reverse).any(|finding| finding.wire != finding.rule.wire);
        let is_one_sided =
            is_corrected || rules.any(|rule| ONE_SIDED.iter().any(|(part, _)| rule.contains(part)));
        changes.set(changes.get() + usize::from(levels != [WireLevel::None; 2]));
        if !is_one_sided {
            prop_assert_eq!(levels[0], levels[1], "{}\n{}\n{:#?}\n{:#?}", base, revision, forward, reverse);
            equal.set(equal.get() + usize::from(levels[0] != WireLevel::None));
        }
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(equal.get() * 8 > changes.get(), "{equal:?} of {changes:?}");
}

/// Returns the specification with read-only and write-only swapped.
fn with_swapped_access(spec: &Value) -> Value {
    let mut spec = spec.clone();
    change_schemas(&mut spec, &mut |schema| {
        let Some(members) = schema.as_object_mut() else { return };
        let (read, write) = (members.remove("readOnly"), members.remove("writeOnly"));
        members.extend(read.map(|flag| ("writeOnly".to_owned(), flag)));
        members.extend(write.map(|flag| ("readOnly".to_owned(), flag)));
    });
    spec
}
