//! Enums that admit what they do not know: a type of two variants, `Known` and `Other`.

use serde_json::{Value, json};

use crate::{
    json::Object,
    spec::{
        extract::{OpenTypes, reference},
        schema_locations::{SchemaLocation, component_of},
    },
};

/// Known words or any string, as the untagged enum that was meant. The titles name the variants.
pub(super) fn union(schema: &mut Object, site: &SchemaLocation, open: &OpenTypes) -> bool {
    if !open.unions.contains(&site.pointer) {
        return false;
    }
    let parts = ["anyOf", "oneOf"].into_iter().find_map(|word| schema.remove(word));
    let Some(Value::Array(parts)) = parts else { return false };
    let (known, other): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| part.as_object().is_some_and(|part| component_of(part).is_some()));
    // Tried in this order: any string would also be a word that is known.
    let known = known.into_iter().map(|part| json!({"title": "Known", "allOf": [part]}));
    let other = other.into_iter().map(|mut part| {
        part["title"] = json!("Other");
        part
    });
    schema.insert("oneOf".to_owned(), known.chain(other).collect());
    true
}

/// A reference to a closed enum, led to the open type instead.
pub(super) fn refer_to_open(schema: &mut Object, site: &SchemaLocation, open: &OpenTypes) -> bool {
    // The known variant of a union is closed by design.
    if open.unions.iter().any(|union| site.pointer.is_within(union)) {
        return false;
    }
    let closed = component_of(schema).and_then(|closed| open.enums.get(closed));
    let Some(name) = closed else { return false };
    schema.insert("$ref".to_owned(), reference(name)["$ref"].clone());
    true
}

/// Adds the open types that are referred to by now.
pub(super) fn define(document: &mut Value, open: &OpenTypes) {
    for (known, name) in &open.enums {
        let words = &document["components"]["schemas"][known];
        let other = words.get("type").cloned().unwrap_or(json!("string"));
        document["components"]["schemas"][name] = json!({
            "description": "One of the values known today, or another that the server has learned since.",
            "oneOf": [
                {"title": "Known", "allOf": [reference(known)]},
                {"title": "Other", "type": other},
            ],
        });
    }
}
