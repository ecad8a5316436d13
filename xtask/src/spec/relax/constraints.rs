//! Rules that remove constraints from schemas.

use serde_json::Value;

use crate::{
    json::Object,
    spec::{
        extract::OpenTypes,
        schema_locations::{SchemaLocation, Usage},
    },
};

/// The keywords of a union.
pub(super) const UNIONS: [&str; 2] = ["anyOf", "oneOf"];

const LIMITS: [&str; 12] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

pub(super) fn open_objects(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    is_closed(schema) && schema.remove("additionalProperties").is_some()
}

/// Removes the properties from `required` that are required on the other side only.
pub(super) fn drop_requirements_of_other_side(
    schema: &mut Object,
    location: &SchemaLocation,
    _: &OpenTypes,
) -> bool {
    let Usage { request, response } = location.usage;
    let Some(Value::Array(required)) = schema.get("required") else { return false };
    let is_of_other_side = |name: &&Value| {
        let property = name.as_str().and_then(|name| schema.get("properties")?.get(name));
        property.is_some_and(|property| {
            (request && property["readOnly"] == true) || (response && property["writeOnly"] == true)
        })
    };
    let (dropped, kept): (Vec<_>, Vec<_>) = required.iter().partition(is_of_other_side);
    if dropped.is_empty() {
        return false;
    }
    let kept: Vec<_> = kept.into_iter().cloned().collect();
    if kept.is_empty() {
        schema.remove("required");
    } else {
        schema.insert("required".to_owned(), kept.into());
    }
    true
}

/// Removes `anyOf` and `oneOf` whose alternatives only require properties.
pub(super) fn drop_requirements(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    UNIONS.map(|union| take_requirements(schema, union).is_some()).contains(&true)
}

/// Removes a union beside properties, if its alternatives only require properties. Returns the alternatives.
pub(super) fn take_requirements(schema: &mut Object, union: &str) -> Option<Vec<Value>> {
    let is_requirement = |alternative: &Value| {
        alternative.as_object().is_some_and(|alternative| {
            let is_known =
                |keyword: &String| ["required", "title", "description"].contains(&keyword.as_str());
            alternative.contains_key("required") && alternative.keys().all(is_known)
        })
    };
    let alternatives = schema.get(union)?.as_array().filter(|_| schema.contains_key("properties"))?;
    if !alternatives.iter().all(is_requirement) {
        return None;
    }
    let alternatives = alternatives.clone();
    schema.remove(union);
    Some(alternatives)
}

/// Removes the enum of a boolean.
pub(super) fn drop_boolean_enums(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    is_of(schema, &["boolean"]) && schema.remove("enum").is_some()
}

/// Removes the format of a number.
pub(super) fn widen_numbers(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    is_of(schema, &["integer", "number"]) && schema.remove("format").is_some()
}

/// Removes the format, except `byte` and `binary` of a string, which specify its encoding.
pub(super) fn drop_formats(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let is_text = is_of(schema, &["string"]);
    let is_encoding = |format: &Value| is_text && (format == "byte" || format == "binary");
    !schema.get("format").is_some_and(is_encoding) && schema.remove("format").is_some()
}

/// Removes formats for which the generator would use `uuid::Uuid` or types of chrono, and those of types without formats.
pub(super) fn drop_foreign_formats(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    const FOREIGN: [&str; 3] = ["uuid", "date", "date-time"];
    let has_formats = is_of(schema, &["string", "number", "integer"]);
    let is_foreign = |format: &str| FOREIGN.contains(&format) || !has_formats;
    schema.get("format").and_then(Value::as_str).is_some_and(is_foreign) && schema.remove("format").is_some()
}

fn is_of(schema: &Object, kinds: &[&str]) -> bool {
    schema.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind))
}

pub(super) fn drop_limits(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let before = schema.len();
    schema.retain(|key, _| !LIMITS.contains(&key.as_str()));
    schema.len() != before
}

/// Returns `true` if the schema is closed, or has a pattern or a limit.
pub(super) fn is_strict(schema: &Object) -> bool {
    let strict = |key: &String| key == "pattern" || LIMITS.contains(&key.as_str());
    is_closed(schema) || schema.keys().any(strict)
}

fn is_closed(schema: &Object) -> bool {
    schema.get("additionalProperties").is_some_and(|value| value == false)
}
