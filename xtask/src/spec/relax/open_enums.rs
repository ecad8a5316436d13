//! Open types: enums with two variants, `Known` and `Other`, which accept unknown values.

use serde_json::{Value, json};

use super::annotate;
use crate::{
    json::Object,
    spec::{
        extract::{OpenTypes, reference},
        schema_locations::{SchemaLocation, component_of},
    },
};

/// The titles that mark the known values and the other values of an open type.
const RESERVED: [&str; 2] = ["Known", "Other"];

/// Removes the reserved titles from the alternatives of a page.
pub(super) fn drop_reserved_titles(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let mut changed = false;
    for keyword in ["oneOf", "anyOf"] {
        let parts = schema.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten();
        for part in parts.filter_map(Value::as_object_mut) {
            if part.get("title").is_some_and(|title| RESERVED.iter().any(|reserved| title == reserved)) {
                part.remove("title");
                changed = true;
            }
        }
    }
    changed
}

/// Turns an open union into the untagged enum that it stands for. The titles become the names of the
/// variants.
pub(super) fn open_union(schema: &mut Object, location: &SchemaLocation, open: &OpenTypes) -> bool {
    if !open.unions.contains(&location.pointer) {
        return false;
    }
    let parts = ["anyOf", "oneOf"].into_iter().find_map(|keyword| schema.remove(keyword));
    let Some(Value::Array(parts)) = parts else { return false };
    let (known, other): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| part.as_object().is_some_and(|part| component_of(part).is_some()));
    // `Known` must come first, because variants are tried in order and `Other` accepts any string.
    let known = known.into_iter().map(|part| json!({"title": "Known", "allOf": [part]}));
    let other = other.into_iter().map(|mut part| {
        part["title"] = json!("Other");
        // The server checks the length: `Other` also holds a known value of a later version.
        if let Value::Object(part) = &mut part
            && !location.usage.response
        {
            annotate::document_lengths(part);
        }
        part
    });
    schema.insert("oneOf".to_owned(), known.chain(other).collect());
    true
}

/// Adds an alternative for any other value to a union.
pub(super) fn open_alternatives(schema: &mut Object, location: &SchemaLocation, open: &OpenTypes) -> bool {
    let is_open = open.unions.iter().any(|union| location.pointer.is_within(union));
    let is_object = ["properties", "allOf"].iter().any(|keyword| schema.contains_key(*keyword));
    let parts = ["oneOf", "anyOf"].into_iter().find(|keyword| schema.contains_key(*keyword));
    match parts.and_then(|keyword| schema.get_mut(keyword)) {
        Some(Value::Array(parts)) if !is_open && !is_object => {
            parts.push(json!({"title": "Other", "description": "Any other value."}));
            true
        }
        _ => false,
    }
}

/// Replaces a reference to a closed enum by a reference to its open type.
pub(super) fn refer_to_open(schema: &mut Object, location: &SchemaLocation, open: &OpenTypes) -> bool {
    // The variant `Known` of an open union stays closed.
    if open.unions.iter().any(|union| location.pointer.is_within(union)) {
        return false;
    }
    let closed = component_of(schema).and_then(|closed| open.enums.get(closed));
    let Some(name) = closed else { return false };
    schema.insert("$ref".to_owned(), reference(name)["$ref"].clone());
    true
}

/// Adds the open types to the components.
pub(super) fn define_open_types(document: &mut Value, open: &OpenTypes) {
    for (known, name) in &open.enums {
        let closed_enum = &document["components"]["schemas"][known];
        let other = closed_enum.get("type").cloned().unwrap_or(json!("string"));
        document["components"]["schemas"][name] = json!({
            "description": "A known value, or another value that the server has added.",
            "oneOf": [
                {"title": "Known", "allOf": [reference(known)]},
                {"title": "Other", "type": other},
            ],
        });
    }
}
