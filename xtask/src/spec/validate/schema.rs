//! Checks the members of one schema against each other. Invalid schemas are errors; suspicious ones are
//! warnings.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    json::{Object, Pointer, equivalent, excerpt, normalized},
    spec::diagnostics::Diagnostics,
};

/// Pairs of lower and upper bounds.
const BOUNDS: [[&str; 2]; 4] = [
    ["minimum", "maximum"],
    ["minLength", "maxLength"],
    ["minItems", "maxItems"],
    ["minProperties", "maxProperties"],
];

pub(super) fn check(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    check_items(schema, at, problems);
    check_multiple_of(schema, at, problems);
    check_required(schema, at, problems);
    check_bounds(schema, at, problems);
    check_enum(schema, at, problems);
    check_default(schema, at, problems);
}

fn check_items(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let is_array = schema.get("type").is_some_and(|kind| kind == "array");
    if is_array && !schema.contains_key("items") {
        let message = "missing, required by a schema of type array; the items can be anything";
        problems.warn(at.child("items"), message);
    }
}

fn check_multiple_of(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    if let Some(found) = schema.get("multipleOf")
        && found.as_f64().is_some_and(|step| step <= 0.0)
    {
        let message = format!("expected a number above 0, found {}", excerpt(found));
        problems.error(at.child("multipleOf"), message);
    }
}

fn check_required(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let Some(Value::Array(names)) = schema.get("required") else {
        return;
    };
    let at_names = at.child("required");
    if names.is_empty() {
        let message = "expected at least one name, found an empty list";
        problems.warn(at_names.clone(), message);
    }
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate() {
        if !seen.insert(name.as_str()) {
            problems.warn(at_names.child(i), format!("duplicate name {}", excerpt(name)));
        }
    }
    // Parts of a composition may require what another part declares.
    let mut parents = at.tokens().rev().take(2);
    let part = parents.any(|parent| PARTS.contains(&parent.as_str()));
    if part || COMPOSITION.iter().any(|keyword| schema.contains_key(*keyword)) {
        return;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (i, name) in names.iter().enumerate() {
        let Value::String(name) = name else { continue };
        if properties.is_none_or(|properties| !properties.contains_key(name)) {
            let message = format!("required property {name:?} is not defined");
            problems.warn(at_names.child(i), message);
        }
    }
}

/// The keywords of schemas that are parts of others, with or without an index.
const PARTS: [&str; 6] = ["allOf", "anyOf", "oneOf", "if", "then", "else"];
const COMPOSITION: [&str; 3] = ["allOf", "anyOf", "oneOf"];

fn check_bounds(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    for [low, high] in BOUNDS {
        let [Some(least), Some(most)] = [low, high].map(|key| schema.get(key)) else {
            continue;
        };
        if least.as_f64() > most.as_f64() {
            let message = format!("{low} {least} is above {high} {most}");
            problems.warn(at.child(low), message);
        }
    }
}

fn check_enum(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let Some(Value::Array(values)) = schema.get("enum") else {
        return;
    };
    let mut seen = HashSet::new();
    for (i, value) in values.iter().enumerate() {
        if !seen.insert(normalized(value)) {
            let message = format!("duplicate value {}", excerpt(value));
            problems.warn(at.child("enum").child(i), message);
        }
    }
}

fn check_default(schema: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let Some(default) = schema.get("default") else {
        return;
    };
    let mut warn = |expected: String| {
        let message = format!("expected {expected}, found {}", excerpt(default));
        problems.warn(at.child("default"), message);
    };
    if default.is_null() {
        let types = schema.get("type").and_then(Value::as_array);
        let has_null_type = types.is_some_and(|types| types.iter().any(|kind| kind == "null"));
        if schema.get("nullable") != Some(&Value::Bool(true)) && !has_null_type {
            warn("a value other than null, because nullable is not true".to_owned());
        }
        return;
    }
    if let Some(Value::Array(values)) = schema.get("enum")
        && !values.iter().any(|value| equivalent(value, default))
    {
        warn(format!("one of {}", excerpt(&Value::Array(values.clone()))));
    }
    if let Some(kind) = schema.get("type").and_then(Value::as_str)
        && !has_type(default, kind)
    {
        warn(format!("a value of type {kind}"));
    }
    let length = default.as_str().and_then(|text| u32::try_from(text.chars().count()).ok());
    let length = length.map(f64::from);
    for (size, [low, high]) in [(default.as_f64(), BOUNDS[0]), (length, BOUNDS[1])] {
        let Some(size) = size else { continue };
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if let Some(least) = bound(low).filter(|least| size < *least) {
            warn(format!("at least {least} ({low})"));
        }
        if let Some(most) = bound(high).filter(|most| size > *most) {
            warn(format!("at most {most} ({high})"));
        }
    }
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => true,
    }
}
