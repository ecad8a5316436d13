//! Keywords of OpenAPI 3.1 as those of 3.0.

use serde_json::{Value, json};

use crate::{
    json::{Object, Pointer, equivalent, excerpt},
    spec::diagnostics::Diagnostics,
};

/// Replaces a schema that is `true` or `false`.
pub(super) fn replace_bool(value: &mut Value) {
    match value {
        Value::Bool(true) => *value = json!({}),
        Value::Bool(false) => *value = json!({"not": {}}),
        _ => {}
    }
}

/// Makes a reference that has other keywords beside it a part of the schema: OpenAPI 3.0 ignores such keywords.
pub(super) fn move_reference_into_all_of(schema: &mut Object) {
    let reference = json!({"$ref": schema.remove("$ref")});
    match schema.get_mut("allOf") {
        // The other parts keep their places.
        Some(Value::Array(parts)) => parts.push(reference),
        _ => {
            schema.insert("allOf".to_owned(), json!([reference]));
        }
    }
}

/// Replaces the keywords of OpenAPI 3.1 by those of 3.0. In a document of 3.0, this is a departure.
pub(super) fn normalize(schema: &mut Object, at: &Pointer, is_later: bool, problems: &mut Diagnostics) {
    let mut departure = |keyword: &str, value: &Value| {
        if !is_later {
            let message = format!(
                "expected a keyword of OpenAPI 3.0, found {}; read as in OpenAPI 3.1",
                excerpt(value)
            );
            problems.departure(at.child(keyword), message);
        }
    };
    if let Some(value) = schema.remove("const") {
        departure("const", &value);
        let is_allowed = match schema.get("enum") {
            Some(Value::Array(values)) => values.iter().any(|other| equivalent(other, &value)),
            _ => true,
        };
        schema.insert("enum".to_owned(), if is_allowed { json!([value]) } else { json!([]) });
    }
    if let Some(kind) = schema.get("type").filter(|kind| kind.is_array() || **kind == json!("null")).cloned()
    {
        departure("type", &kind);
        replace_types(schema, &kind);
    }
    for (exclusive, key, is_low) in
        [("exclusiveMinimum", "minimum", true), ("exclusiveMaximum", "maximum", false)]
    {
        if let Some(limit) = schema.get(exclusive).filter(|limit| limit.is_number()).cloned() {
            departure(exclusive, &limit);
            replace_exclusive(schema, (exclusive, key), limit, is_low);
        }
    }
    if let Some(Value::Array(mut examples)) = schema.get("examples").cloned() {
        departure("examples", &Value::Array(examples.clone()));
        schema.remove("examples");
        if !examples.is_empty() && !schema.contains_key("example") {
            schema.insert("example".to_owned(), examples.remove(0));
        }
        if !examples.is_empty() {
            schema.insert("examples".to_owned(), Value::Array(examples));
        }
    }
    replace_content(schema);
    let is_composed = ["allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    // Without parts, there is nothing else that could evaluate a property.
    if !is_composed
        && !schema.contains_key("additionalProperties")
        && let Some(rest) = schema.remove("unevaluatedProperties")
    {
        schema.insert("additionalProperties".to_owned(), rest);
    }
}

/// Keywords beside which `null` stays a type: `nullable` would add null to what they allow.
const RESTRICTIONS: [&str; 6] = ["allOf", "anyOf", "oneOf", "not", "if", "$dynamicRef"];

/// Replaces a list of types, or the type `null`.
fn replace_types(schema: &mut Object, kind: &Value) {
    let kinds = match kind {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let has_null = kinds.contains(&json!("null"));
    let mut others: Vec<_> = kinds.into_iter().filter(|kind| *kind != json!("null")).collect();
    others.dedup();
    let words = schema.get("enum").and_then(Value::as_array);
    let null_is_listed = words.is_none_or(|words| words.contains(&Value::Null));
    match others.len() {
        0 if has_null => {
            schema.remove("type");
            schema.insert("enum".to_owned(), if null_is_listed { json!([null]) } else { json!([]) });
            return;
        }
        _ if has_null
            && null_is_listed
            && RESTRICTIONS.iter().any(|keyword| schema.contains_key(*keyword)) =>
        {
            others.push(json!("null"));
            schema.insert("type".to_owned(), Value::Array(others));
            return;
        }
        1 => schema.insert("type".to_owned(), others.remove(0)),
        _ => schema.insert("type".to_owned(), Value::Array(others)),
    };
    if has_null && null_is_listed {
        schema.insert("nullable".to_owned(), Value::Bool(true));
    }
}

/// Replaces an exclusive limit that is a number. With two limits, the stricter one stays.
fn replace_exclusive(schema: &mut Object, (exclusive, key): (&str, &str), limit: Value, is_low: bool) {
    let (number, other) = (limit.as_f64(), schema.get(key).and_then(Value::as_f64));
    let other_is_stricter = match (number, other) {
        (Some(number), Some(other)) if is_low => other > number,
        (Some(number), Some(other)) => other < number,
        _ => false,
    };
    if other_is_stricter {
        schema.remove(exclusive);
    } else {
        schema.insert(key.to_owned(), limit);
        schema.insert(exclusive.to_owned(), Value::Bool(true));
    }
}

/// Replaces `contentEncoding` and `contentMediaType`, with which 3.1 writes what 3.0 calls `byte` and `binary`.
fn replace_content(schema: &mut Object) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text("type"), "" | "string") || schema.contains_key("format") {
        return;
    }
    let format = match (text("contentEncoding"), text("contentMediaType")) {
        ("base64", "" | "application/octet-stream") => "byte",
        ("" | "binary", "application/octet-stream") => "binary",
        _ => return,
    };
    schema.remove("contentEncoding");
    schema.remove("contentMediaType");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("format".to_owned(), json!(format));
}
