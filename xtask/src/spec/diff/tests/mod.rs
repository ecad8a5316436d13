//! Tests of the diff as a whole: two documents in, findings out.

mod cases;
mod composition;
mod cost;
mod meaning;
mod oracle;
mod properties;
mod serialisation;

use serde_json::{Map, Value, json};

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
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                hoist(member, prefix, schemas);
                match (key.as_str(), &mut *member) {
                    ("schema" | "items" | "additionalProperties", Value::Object(_)) => {
                        move_schema(member, prefix, schemas);
                    }
                    ("oneOf" | "anyOf" | "allOf", Value::Array(items)) => {
                        for item in items {
                            move_schema(item, prefix, schemas);
                        }
                    }
                    ("properties", Value::Object(properties)) => {
                        for property in properties.values_mut() {
                            move_schema(property, prefix, schemas);
                        }
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hoist(item, prefix, schemas)),
        _ => {}
    }
}

fn move_schema(schema: &mut Value, prefix: &str, schemas: &mut Map<String, Value>) {
    let name = format!("{prefix}{}", schemas.len());
    let reference = json!({"$ref": format!("#/components/schemas/{name}")});
    schemas.insert(name, std::mem::replace(schema, reference));
}
