//! Tests of the diff as a whole: two documents in, findings out.

mod alternatives;
mod annotations;
mod cases;
mod composition;
mod conditions;
mod cost;
mod equal_forms;
mod exceptions;
mod inherited;
mod later;
mod meaning;
mod media_types;
mod mistakes;
mod null_types;
mod oracle;
mod parts;
mod properties;
mod security;
mod serialisation;
mod statuses;
mod webhooks;
mod wider;

use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use serde_json::{Map, Value, json};

use super::{diff, finding::worst};

/// Returns the level of a change.
fn level(base: &Value, revision: &Value) -> &'static str {
    worst(&diff(base, revision)).0.as_str()
}

/// Asserts the levels of a change and of its reverse.
#[track_caller]
fn assert_levels(base: &Value, revision: &Value, expected: [&str; 2]) {
    assert_eq!([level(base, revision), level(revision, base)], expected, "{base}\n{revision}");
}

/// Returns the document with every schema moved into `components`, behind a reference.
fn hoisted(document: &Value) -> Value {
    hoisted_as("S", document)
}

/// Equivalent to [`hoisted`], with this prefix for the names of the components.
fn hoisted_as(prefix: &str, document: &Value) -> Value {
    let mut document = document.clone();
    let mut schemas = Map::new();
    if let Some(paths) = document.get_mut("paths") {
        hoist(paths, prefix, &mut schemas);
    }
    if let Some(components) = document.as_object_mut().map(|all| all.entry("components").or_insert(json!({})))
    {
        components["schemas"] = Value::Object(schemas);
    }
    document
}

/// Moves all schemas within a value, innermost first.
fn hoist(value: &mut Value, prefix: &str, schemas: &mut Map<String, Value>) {
    change_schemas(value, &mut |schema| {
        let name = format!("{prefix}{}", schemas.len());
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        schemas.insert(name, std::mem::replace(schema, reference));
    });
}

/// Calls the function with each schema within a value, innermost first. Schemas within `not` are not visited.
fn change_schemas(value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut().filter(|(key, _)| *key != "not") {
                change_schemas(member, change);
                match (key.as_str(), member) {
                    ("schema" | "items" | "additionalProperties", schema @ Value::Object(_)) => {
                        change(schema);
                    }
                    ("oneOf" | "anyOf" | "allOf", Value::Array(schemas)) => {
                        schemas.iter_mut().for_each(&mut *change);
                    }
                    ("properties" | "schemas", Value::Object(schemas)) => {
                        schemas.values_mut().for_each(&mut *change);
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change_schemas(item, change)),
        _ => {}
    }
}

/// Returns the number of cases, multiplied by the variable `LONGER`. A longer run has other cases each time; a usual run has
/// the same, because it must not fail by chance.
fn cases(count: u32) -> u32 {
    count * longer()
}

fn longer() -> u32 {
    std::env::var("LONGER").map_or(1, |factor| factor.parse().expect("LONGER is a number"))
}

fn config(count: u32) -> ProptestConfig {
    let rng_seed = if longer() == 1 { RngSeed::Fixed(30) } else { RngSeed::Random };
    ProptestConfig { cases: cases(count), rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}
