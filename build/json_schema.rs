//! A schema of version 3.0 of the `OpenAPI` specification, said in JSON Schema 2020-12.
//!
//! From values to values, so that tests can read this file without a build. References stay as the document has them.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// The same rules in the other language, with what the document moved out of the generator's sight put back.
pub(crate) fn converted(schema: &Value) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    if let Some(reference) = schema.get("$ref") {
        // What stands beside a reference is ignored in 3.0, and would hold in 2020-12.
        return json!({ "$ref": reference });
    }
    let mut object = Object::new();
    for (word, value) in schema {
        let (word, value) = match word.as_str() {
            "properties" => (word.as_str(), each_member(value)),
            "allOf" | "anyOf" | "oneOf" => (word.as_str(), each_item(value)),
            "items" | "not" | "additionalProperties" => (word.as_str(), converted(value)),
            "example" => ("examples", json!([value])),
            // The generator must not see these two, or it would build them in; see `xtask/src/spec/relax/annotate.rs`.
            "x-default" => ("default", value.clone()),
            "x-pattern" => ("pattern", value.clone()),
            "nullable" => continue,
            word => (word, value.clone()),
        };
        object.insert(word.to_owned(), value);
    }
    exclusive(&mut object, "minimum", "exclusiveMinimum");
    exclusive(&mut object, "maximum", "exclusiveMaximum");
    open_union(&mut object);
    lone_reference(&mut object);
    if schema.get("nullable") == Some(&Value::Bool(true)) { nullable(object) } else { object.into() }
}

fn each_member(members: &Value) -> Value {
    let members = members.as_object().into_iter().flatten();
    members.map(|(name, schema)| (name.clone(), converted(schema))).collect::<Object>().into()
}

fn each_item(schemas: &Value) -> Value {
    schemas.as_array().into_iter().flatten().map(converted).collect()
}

/// A word about the limit in 3.0, the limit itself in 2020-12.
fn exclusive(object: &mut Object, limit: &str, exclusive: &str) {
    if object.remove(exclusive) == Some(Value::Bool(true))
        && let Some(value) = object.remove(limit)
    {
        object.insert(exclusive.to_owned(), value);
    }
}

/// Known words or any other: the document has a `oneOf`, for that is what the generator makes an enum of. Taken at its
/// word it would refuse what is known, which is a text like any other; what was published, and what the enum takes, is
/// one of them at least.
fn open_union(object: &mut Object) {
    let any = |member: &Value| {
        let mut words = member.as_object().into_iter().flatten().map(|(word, _)| word.as_str());
        words.all(|word| matches!(word, "type" | "title" | "description"))
    };
    if object.get("oneOf").and_then(Value::as_array).is_some_and(|members| members.iter().any(any))
        && let Some(members) = object.remove("oneOf")
    {
        object.insert("anyOf".to_owned(), members);
    }
}

/// In 3.0 a reference with a description needs an `allOf` around it; from 2019 on it needs none, and schemars itself
/// writes none. What would change the rules stays where it is.
fn lone_reference(object: &mut Object) {
    const REMARKS: [&str; 6] = ["title", "description", "default", "examples", "readOnly", "writeOnly"];
    let remark = |word: &String| word == "allOf" || REMARKS.contains(&word.as_str());
    if let Some([Value::Object(only)]) = object.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
        && let Some(reference) = only.get("$ref").cloned()
        && object.keys().all(remark)
    {
        object.remove("allOf");
        object.insert("$ref".to_owned(), reference);
    }
}

fn nullable(mut object: Object) -> Value {
    let Some(kind) = object.get("type").cloned() else {
        return json!({ "anyOf": [object, { "type": "null" }] });
    };
    object.insert("type".to_owned(), json!([kind, "null"]));
    if let Some(Value::Array(words)) = object.get_mut("enum")
        && !words.contains(&Value::Null)
    {
        words.push(Value::Null);
    }
    object.into()
}
