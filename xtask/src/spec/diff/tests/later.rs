//! Writes schemas of OpenAPI 3.0 as those of OpenAPI 3.1.

use serde_json::{Map, Value, json};

use super::change_schemas;

/// Keywords that say something about a property, or nothing about its values.
const ANNOTATIONS: [&str; 5] = ["readOnly", "writeOnly", "deprecated", "description", "default"];

/// Returns the value with its schemas as OpenAPI 3.1 writes them.
pub(super) fn as_later(value: &Value) -> Value {
    let mut value = value.clone();
    change_schemas(&mut value, &mut |schema| {
        if let Value::Object(members) = schema {
            change_schema(members);
        }
    });
    if value.get("openapi").is_some() {
        value["openapi"] = json!("3.1.0");
    }
    value
}

fn change_schema(schema: &mut Map<String, Value>) {
    // OpenAPI 3.0 ignores what stands beside a reference.
    if schema.contains_key("$ref") {
        schema.retain(|key, _| key == "$ref");
        return;
    }
    for (exclusive, key) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        let is_exclusive = schema.remove(exclusive) == Some(json!(true));
        if let Some(limit) = schema.remove(key) {
            schema.insert(if is_exclusive { exclusive } else { key }.to_owned(), limit);
        }
    }
    let is_reference = |parts: &&Vec<Value>| parts.len() == 1 && parts[0].get("$ref").is_some();
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array).filter(is_reference) {
        let reference = parts[0]["$ref"].clone();
        schema.remove("allOf");
        schema.insert("$ref".to_owned(), reference);
    }
    join_types(schema);
    if schema.remove("nullable") == Some(json!(true)) {
        add_null(schema);
    }
    if let Some([word]) = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        let word = word.clone();
        schema.remove("enum");
        schema.insert("const".to_owned(), word);
    }
}

/// Replaces a union of plain types by a list of types.
fn join_types(schema: &mut Map<String, Value>) {
    if schema.contains_key("type") || schema.contains_key("enum") {
        return;
    }
    let is_plain =
        |item: &Value| item["type"].is_string() && item.as_object().is_some_and(|item| item.len() == 1);
    let list = schema.get("anyOf").and_then(Value::as_array).filter(|list| list.iter().all(is_plain));
    let Some(list) = list else { return };
    let mut kinds: Vec<Value> = Vec::new();
    for item in list.iter().filter(|_| !list.is_empty()) {
        if !kinds.contains(&item["type"]) {
            kinds.push(item["type"].clone());
        }
    }
    schema.remove("anyOf");
    schema.insert("type".to_owned(), Value::from(kinds));
}

fn add_null(schema: &mut Map<String, Value>) {
    let is_simple = !["oneOf", "anyOf", "allOf", "$ref"].iter().any(|key| schema.contains_key(*key));
    let is_union = ["type", "enum", "allOf", "not", "$ref"].iter().all(|key| !schema.contains_key(*key))
        && schema.contains_key("oneOf") != schema.contains_key("anyOf");
    if is_simple && (schema.contains_key("type") || schema.contains_key("enum")) {
        if let Some(kind) = schema.get("type").cloned() {
            let kinds = match kind {
                Value::Array(kinds) => kinds,
                kind => vec![kind],
            };
            schema.insert("type".to_owned(), kinds.into_iter().chain([json!("null")]).collect());
        }
        if let Some(Value::Array(words)) = schema.get_mut("enum").filter(|words| !has_null(words)) {
            words.push(Value::Null);
        }
    } else if is_union {
        for key in ["oneOf", "anyOf"] {
            if let Some(Value::Array(items)) = schema.get_mut(key) {
                items.push(json!({"type": "null"}));
            }
        }
    } else {
        let (annotations, rest): (Map<_, _>, Map<_, _>) =
            std::mem::take(schema).into_iter().partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
        *schema = annotations;
        schema.insert("anyOf".to_owned(), json!([rest, {"type": "null"}]));
    }
}

fn has_null(words: &Value) -> bool {
    words.as_array().is_some_and(|words| words.contains(&Value::Null))
}
