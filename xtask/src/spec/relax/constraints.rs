//! What makes a schema refuse values.

use serde_json::Value;

use crate::{
    json::Object,
    spec::{extract::OpenTypes, schema_locations::SchemaLocation},
};

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

pub(super) fn objects(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let closed = is_closed(schema);
    if closed {
        schema.remove("additionalProperties");
    }
    closed
}

pub(super) fn patterns(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    schema.remove("pattern").is_some()
}

/// `byte` and `binary` say how the text is carried, not what it may be.
pub(super) fn formats(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    let carried = |format: &Value| format == "byte" || format == "binary";
    if !is_text || schema.get("format").is_none_or(carried) {
        return false;
    }
    schema.remove("format").is_some()
}

/// What the generator would write as `uuid::Uuid` or a time of chrono.
pub(super) fn foreign_formats(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    const FOREIGN: [&str; 3] = ["uuid", "date", "date-time"];
    let foreign =
        schema.get("format").and_then(Value::as_str).is_some_and(|format| FOREIGN.contains(&format));
    if foreign {
        schema.remove("format");
    }
    foreign
}

pub(super) fn limits(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let before = schema.len();
    schema.retain(|key, _| !LIMITS.contains(&key.as_str()));
    schema.len() != before
}

/// Whether any of these rules would change the schema.
pub(super) fn is_strict(schema: &Object) -> bool {
    let strict = |key: &String| key == "pattern" || LIMITS.contains(&key.as_str());
    is_closed(schema) || schema.keys().any(strict)
}

fn is_closed(schema: &Object) -> bool {
    schema.get("additionalProperties").is_some_and(|value| value == false)
}
