//! Converts a schema from `OpenAPI` 3.0 to JSON Schema 2020-12.
//!
//! The conversion is a pure function of values, so that tests can include this file. References are
//! unchanged.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Converts a schema. Also restores the keywords that the document hides from the generator.
pub(crate) fn converted(schema: &Value) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    if let Some(reference) = schema.get("$ref") {
        // OpenAPI 3.0 ignores the members next to a `$ref`, but JSON Schema 2020-12 would apply them.
        return json!({ "$ref": reference });
    }
    let mut object = Object::new();
    for (keyword, value) in schema {
        let (keyword, value) = match keyword.as_str() {
            "properties" => (keyword.as_str(), convert_members(value)),
            "allOf" | "anyOf" | "oneOf" => (keyword.as_str(), convert_items(value)),
            "items" | "not" | "additionalProperties" => (keyword.as_str(), converted(value)),
            "example" => ("examples", json!([value])),
            // These are hidden because the generator would enforce them, or does not support them; see
            // `xtask/src/spec/relax/annotate.rs`.
            "x-default" => ("default", value.clone()),
            "x-pattern" => ("pattern", value.clone()),
            "x-enum" => ("enum", value.clone()),
            "x-minLength" => ("minLength", value.clone()),
            "x-maxLength" => ("maxLength", value.clone()),
            "x-not" => ("not", converted(value)),
            "x-anyOf" => ("anyOf", convert_items(value)),
            "x-oneOf" => ("oneOf", convert_items(value)),
            // The second is for the generator of the Rust types only.
            "nullable" | "x-constructor" => continue,
            keyword => (keyword, value.clone()),
        };
        object.insert(keyword.to_owned(), value);
    }
    convert_exclusive_limit(&mut object, "minimum", "exclusiveMinimum");
    convert_exclusive_limit(&mut object, "maximum", "exclusiveMaximum");
    convert_open_enum(&mut object);
    unwrap_single_reference(&mut object);
    if schema.get("nullable") == Some(&Value::Bool(true)) { allow_null(object) } else { object.into() }
}

fn convert_members(members: &Value) -> Value {
    let members = members.as_object().into_iter().flatten();
    members.map(|(name, schema)| (name.clone(), converted(schema))).collect::<Object>().into()
}

fn convert_items(schemas: &Value) -> Value {
    schemas.as_array().into_iter().flatten().map(converted).collect()
}

/// Converts an exclusive limit: a boolean next to the limit in 3.0, the limit itself in 2020-12.
fn convert_exclusive_limit(object: &mut Object, limit: &str, exclusive: &str) {
    if object.remove(exclusive) == Some(Value::Bool(true))
        && let Some(value) = object.remove(limit)
    {
        object.insert(exclusive.to_owned(), value);
    }
}

/// Converts an open enum, a `oneOf` of known values and of other strings, to `anyOf`.
///
/// The document uses `oneOf` because the generator makes an enum of it. Under `oneOf`, known values would be
/// invalid, because they also match the member for other strings. The published schema and the generated enum
/// accept both.
fn convert_open_enum(object: &mut Object) {
    let any = |member: &Value| {
        let mut keywords = member.as_object().into_iter().flatten().map(|(keyword, _)| keyword.as_str());
        keywords.all(|keyword| matches!(keyword, "type" | "title" | "description"))
            || member["title"] == "Known"
    };
    if object.get("oneOf").and_then(Value::as_array).is_some_and(|members| members.iter().any(any))
        && let Some(members) = object.remove("oneOf")
    {
        object.insert("anyOf".to_owned(), members);
    }
}

/// Replaces an `allOf` around a single reference with the reference itself.
///
/// `OpenAPI` 3.0 requires the `allOf` next to a description, but JSON Schema does not since 2019, and
/// schemars writes none. An `allOf` next to a keyword that validates is kept, because unwrapping it could
/// change the rules.
fn unwrap_single_reference(object: &mut Object) {
    const ANNOTATIONS: [&str; 6] = ["title", "description", "default", "examples", "readOnly", "writeOnly"];
    let annotation = |keyword: &String| keyword == "allOf" || ANNOTATIONS.contains(&keyword.as_str());
    if let Some([Value::Object(only)]) = object.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
        && let Some(reference) = only.get("$ref").cloned()
        && object.keys().all(annotation)
    {
        object.remove("allOf");
        object.insert("$ref".to_owned(), reference);
    }
}

/// Allows `null` in addition to the values that the schema allows.
fn allow_null(mut object: Object) -> Value {
    let Some(kind) = object.get("type").cloned() else {
        return json!({ "anyOf": [object, { "type": "null" }] });
    };
    object.insert("type".to_owned(), json!([kind, "null"]));
    if let Some(Value::Array(values)) = object.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    object.into()
}
