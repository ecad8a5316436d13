//! The levels of the diff against a validator: a change that is called compatible must have no value that the
//! sender's schema allows and the receiver's schema refuses. Almost every change that is called breaking has one.
//!
//! Values are judged as a tolerant reader does. The sender sends only properties that its schema declares, and
//! closed objects of responses are opened. `oneOf` is read as `anyOf`. The generated schemas have no formats
//! and no patterns, whose levels are a matter of the table of rules.

use std::cell::Cell;

use jsonschema::{Draft, Validator};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use super::properties::with_replaced;
use crate::spec::diff::{diff, finding::worst, severity::WireLevel};

const NAMES: [&str; 3] = ["p", "q", "r"];

/// Generates schemas whose values a validator can check.
fn schema() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        select(vec!["string", "integer", "number", "boolean"]).prop_map(|kind| json!({"type": kind})),
        (0..2, 1..4).prop_map(|(low, high)| json!({"type": "string", "minLength": low, "maxLength": high})),
        (0..3, 2..5, any::<bool>(), select(vec!["integer", "number"])).prop_map(|(low, high, out, kind)| {
            json!({"type": kind, "minimum": low, "maximum": high, "exclusiveMinimum": out})
        }),
        select(vec![1, 2, 4]).prop_map(|step| json!({"type": "integer", "multipleOf": step})),
        vec(select(vec![json!("a"), json!("b"), json!(1), json!(2)]), 1..4)
            .prop_map(|values| json!({"enum": values})),
        vec(select(vec!["a", "b", "c"]), 1..3)
            .prop_map(|values| json!({"type": "string", "enum": values, "nullable": true})),
    ];
    plain.prop_recursive(3, 16, 3, |inner| {
        let rest = prop_oneof![Just(json!(true)), Just(json!(false)), inner.clone()];
        let properties = proptest::collection::btree_map(select(NAMES.to_vec()), inner.clone(), 0..3);
        let required = vec(select(NAMES.to_vec()), 0..2);
        let tagged = (select(vec!["m", "n"]), select(NAMES.to_vec()), inner.clone()).prop_map(
            |(tag, name, schema)| {
                json!({"type": "object", "required": ["k"],
                    "properties": {"k": {"type": "string", "enum": [tag]}, name: schema}})
            },
        );
        prop_oneof![
            (properties, required, rest).prop_map(|(properties, required, rest)| json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": rest,
            })),
            tagged,
            (inner.clone(), 0..3).prop_map(|(items, max)| json!({"type": "array", "items": items, "maxItems": max})),
            (select(vec!["oneOf", "anyOf", "allOf"]), vec(inner, 1..4), any::<bool>())
                .prop_map(|(key, schemas, nullable)| json!({key: schemas, "nullable": nullable})),
        ]
    })
}

/// Generates two schemas, of which the second is often a small change of the first.
fn schemas() -> impl Strategy<Value = (Value, Value)> {
    let keywords = select(vec![
        json!({"maximum": 3}),
        json!({"nullable": true}),
        json!({"maxLength": 2}),
        json!({"required": ["p"]}),
        json!({"additionalProperties": false}),
        json!({"properties": {"q": {"type": "string"}}}),
        json!({"type": "number"}),
    ]);
    (schema(), schema(), keywords, 0_usize..12, 0..4).prop_map(|(base, other, keywords, index, kind)| {
        let revision = match kind {
            0 => other,
            1 => with_replaced(base.clone(), index, other),
            2 => json!({"anyOf": [base.clone(), other]}),
            _ => with_replaced(base.clone(), index, keywords),
        };
        (base, revision)
    })
}

/// Returns a value that the schema may allow. The choices decide among its alternatives.
fn sample(schema: &Value, choices: &mut impl Iterator<Item = usize>) -> Value {
    let mut pick = |count: usize| choices.next().unwrap_or(0) % count.max(1);
    if schema.get("nullable") == Some(&json!(true)) && pick(4) == 0 {
        return Value::Null;
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.get(pick(values.len())).cloned().unwrap_or_default();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(items) = schema.get(key).and_then(Value::as_array) {
            let index = pick(items.len());
            return items.get(index).map_or(Value::Null, |item| sample(item, choices));
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut merged = Map::new();
        let mut last = Value::Null;
        for part in parts {
            last = sample(part, choices);
            merged.extend(last.as_object().cloned().unwrap_or_default());
        }
        return if last.is_object() { Value::Object(merged) } else { last };
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "string" => json!(["", "a", "b", "ab", "abc", "abcde"][pick(6)]),
        "integer" => json!([-1, 0, 1, 2, 3, 4, 5, 8][pick(8)]),
        "number" => {
            [json!(-1), json!(0), json!(0.5), json!(2), json!(2.5), json!(4), json!(7.5)][pick(7)].clone()
        }
        "boolean" => json!(pick(2) == 0),
        "array" => {
            let count = pick(4);
            let items = schema.get("items").cloned().unwrap_or_default();
            (0..count).map(|_| sample(&items, choices)).collect()
        }
        "object" => sampled_object(schema, choices),
        _ => [json!("a"), json!(1), json!(null), json!(true), json!([]), json!({})][pick(6)].clone(),
    }
}

fn sampled_object(schema: &Value, choices: &mut impl Iterator<Item = usize>) -> Value {
    let mut object = Map::new();
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if required(name) || choices.next().unwrap_or(0).is_multiple_of(2) {
            object.insert(name.clone(), sample(property, choices));
        }
    }
    if let Some(rest) = schema.get("additionalProperties").filter(|rest| rest.is_object()) {
        for name in NAMES.into_iter().chain(["z"]) {
            if !object.contains_key(name) && (required(name) || choices.next().unwrap_or(0).is_multiple_of(2))
            {
                object.insert(name.to_owned(), sample(rest, choices));
            }
        }
    }
    Value::Object(object)
}

/// Returns the schema as JSON Schema. Closed objects are opened for tolerant readers.
fn translated(schema: &Value, tolerant: bool) -> Value {
    let is_list = |key: &str| ["required", "enum"].contains(&key);
    let mut translated = match schema {
        Value::Object(members) => {
            let mut object = Map::new();
            for (key, member) in members {
                let mut member = translated(member, tolerant);
                if let Some(list) = member.as_array_mut().filter(|_| is_list(key)) {
                    // Draft 4 allows neither empty nor repeated ones.
                    let mut seen = Vec::new();
                    list.retain(|item| {
                        !seen.contains(item) && {
                            seen.push(item.clone());
                            true
                        }
                    });
                }
                if !(is_list(key) && member == json!([])) {
                    object.insert(if key == "oneOf" { "anyOf".to_owned() } else { key.clone() }, member);
                }
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(|item| translated(item, tolerant)).collect(),
        other => other.clone(),
    };
    if tolerant && translated.get("additionalProperties") == Some(&json!(false)) {
        translated["additionalProperties"] = json!(true);
    }
    if translated.get("nullable") == Some(&json!(true)) {
        translated["nullable"] = json!(false);
        return json!({"anyOf": [translated, {"enum": [null]}]});
    }
    translated
}

/// Returns `None` for a schema that a small change made invalid.
fn validator(schema: &Value, tolerant: bool) -> Option<Validator> {
    jsonschema::options().with_draft(Draft::Draft4).build(&translated(schema, tolerant)).ok()
}

fn document(schema: &Value, is_request: bool) -> Value {
    let content = json!({"application/json": {"schema": schema}});
    let operation = if is_request {
        json!({"requestBody": {"content": content}})
    } else {
        json!({"responses": {"200": {"content": content}}})
    };
    json!({"paths": {"/a": {"post": operation}}})
}

/// The number of values that were judged, and of changes that are called breaking.
#[derive(Debug, Default)]
struct Counts {
    values: Cell<usize>,
    breaking: Cell<usize>,
    /// Changes that are called breaking, and that break a value.
    proven: Cell<usize>,
}

fn add(count: &Cell<usize>, more: usize) {
    count.set(count.get() + more);
}

/// Judges one change in one direction with the values that the choices select.
fn judge(
    (base, revision): (&Value, &Value),
    is_request: bool,
    choices: &[Vec<usize>],
    counts: &Counts,
) -> Result<(), TestCaseError> {
    let findings = diff(&document(base, is_request), &document(revision, is_request));
    let level = worst(&findings).0;
    let (receiver, sender) = if is_request { (revision, base) } else { (base, revision) };
    let validators = validator(receiver, !is_request).zip(validator(sender, false));
    let Some((reader, writer)) = validators else { return Ok(()) };
    let values = choices.iter().map(|choices| sample(sender, &mut choices.iter().copied()));
    let valid: Vec<_> = values.filter(|value| writer.is_valid(value)).collect();
    add(&counts.values, valid.len());
    let breaking = valid.iter().find(|value| !reader.is_valid(value));
    if level <= WireLevel::Info {
        prop_assert!(breaking.is_none(), "{breaking:?}\n{is_request}\n{base}\n{revision}\n{findings:#?}");
    }
    if level == WireLevel::Err && valid.len() > 9 {
        add(&counts.breaking, 1);
        add(&counts.proven, usize::from(breaking.is_some()));
    }
    Ok(())
}

#[test]
fn compatible_changes_break_no_value_and_breaking_ones_do() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let counts = Counts::default();
    let pairs = (schemas(), vec(vec(0_usize..1_000, 1..24), 40));
    let result = TestRunner::new(config).run(&pairs, |((base, revision), choices)| {
        judge((&base, &revision), true, &choices, &counts)?;
        judge((&base, &revision), false, &choices, &counts)
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(counts.values.get() > 90_000, "{counts:?}");
    // The others break values that are hard to find, such as properties that no schema declares.
    assert!(counts.proven.get() * 10 > counts.breaking.get() * 9, "{counts:?}");
}
