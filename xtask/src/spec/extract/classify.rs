//! Which schemas need a name, what of a schema belongs to the place where it is used, and when two are one.

use serde_json::Value;

use crate::{
    json::Object,
    spec::schema_locations::{Usage, for_each_child},
};

/// The kinds of schema of which the generator makes a type of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaKind {
    Object,
    Enum,
    /// A number within bounds.
    Bounded,
    /// Known words, or any string.
    OpenUnion,
    /// Any other `allOf`, `anyOf` or `oneOf`.
    Composition,
}

/// What is said of a use rather than of the schema: two schemas that differ only in these are one.
const ANNOTATIONS: [&str; 10] = [
    "title",
    "description",
    "default",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "nullable",
    "externalDocs",
    "xml",
];

const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

pub(crate) fn classify(schema: &Object, sides: Usage) -> Option<SchemaKind> {
    if schema.contains_key("$ref") || single_all_of(schema).is_some_and(|part| part.get("$ref").is_some()) {
        return None;
    }
    if schema.contains_key("enum") {
        return Some(SchemaKind::Enum);
    }
    if open_union(schema).is_some() {
        return Some(SchemaKind::OpenUnion);
    }
    if ["allOf", "anyOf", "oneOf"].iter().any(|word| schema.contains_key(*word)) {
        return Some(SchemaKind::Composition);
    }
    let has_properties = schema.get("properties").and_then(Value::as_object).is_some_and(|p| !p.is_empty());
    if has_properties {
        return Some(SchemaKind::Object);
    }
    // Bounds of what is received are dropped later, so nobody need name them.
    let is_number = schema.get("type").is_some_and(|kind| kind == "number" || kind == "integer");
    let is_bounded = BOUNDS.iter().any(|bound| schema.contains_key(*bound));
    (is_number && is_bounded && !sides.response).then_some(SchemaKind::Bounded)
}

/// The word, and the places of the enum and of the plain string, of a union that admits any string beside known ones.
pub(crate) fn open_union(schema: &Object) -> Option<(&'static str, usize, usize)> {
    for word in ["anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = schema.get(word) else { continue };
        let is_string = |part: &Value| part.get("type").is_some_and(|kind| kind == "string");
        if parts.len() == 2 && parts.iter().all(is_string) {
            let known = parts.iter().position(|part| part.get("enum").is_some())?;
            let other = 1 - known;
            return parts[other].get("enum").is_none().then_some((word, known, other));
        }
    }
    None
}

/// A schema taken apart: what is said of its use, and the rest.
pub(crate) fn split_annotations(schema: &Object) -> (Object, Object) {
    let (annotations, mut body): (Object, Object) = schema
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
    // That a nullable enum must list null is said by `nullable` at the use already.
    if let Some(Value::Array(values)) = body.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    (annotations, body)
}

/// What a schema says when annotations, the order of names and the spelling of numbers are nothing.
pub(crate) fn canonical_shape(schema: &Object) -> Value {
    if let Some(Value::Object(part)) = single_all_of(schema) {
        return canonical_shape(part);
    }
    let (_, mut body) = split_annotations(schema);
    for_each_child(&mut body, &mut |child| {
        let Value::Object(schema) = child else { return };
        // Of a member, whether it may be null is part of the whole.
        let nullable = schema.get("nullable").cloned();
        *child = canonical_shape(schema);
        if let Some(nullable) = nullable {
            child["nullable"] = nullable;
        }
    });
    for key in ["required", "enum"] {
        if let Some(Value::Array(names)) = body.get_mut(key) {
            names.sort_by_key(ToString::to_string);
        }
    }
    // 1.0 and 1 are one bound. What is whole prints as an integer, and what is too large for one stays as it is.
    for value in body.values_mut().filter(|value| value.is_f64()) {
        let printed = value.as_f64().map(|number| number.to_string());
        if let Some(integer) = printed.and_then(|text| text.parse::<i64>().ok()) {
            *value = integer.into();
        }
    }
    Value::Object(body)
}

/// The one part of a schema that only annotates another: `{"allOf": [part], "description": …}`.
fn single_all_of(schema: &Object) -> Option<&Value> {
    let [part] = schema.get("allOf")?.as_array()?.as_slice() else {
        return None;
    };
    let annotates = |key: &String| key == "allOf" || ANNOTATIONS.contains(&key.as_str());
    schema.keys().all(annotates).then_some(part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(schema: &Value, sides: Usage) -> Option<SchemaKind> {
        classify(schema.as_object().unwrap(), sides)
    }

    #[test]
    fn knows_what_becomes_a_type() {
        let sent = Usage { request: true, response: false };
        let received = Usage { request: false, response: true };
        let reference = json!({"$ref": "#/components/schemas/A"});
        let word = json!({"type": "string", "enum": ["a"]});
        for (schema, expected) in [
            (json!({"type": "object", "properties": {"a": {}}}), Some(SchemaKind::Object)),
            (word.clone(), Some(SchemaKind::Enum)),
            (json!({"type": "integer", "maximum": 1}), Some(SchemaKind::Bounded)),
            (json!({"anyOf": [{"type": "string"}, word]}), Some(SchemaKind::OpenUnion)),
            (json!({"anyOf": [{"type": "string"}, {"type": "number"}]}), Some(SchemaKind::Composition)),
            (json!({"allOf": [reference, {"type": "object"}]}), Some(SchemaKind::Composition)),
            (json!({"allOf": [reference], "description": "d", "nullable": true}), None),
            (reference, None),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), None),
            (json!({"type": "string", "maxLength": 1}), None),
            (json!({"type": "number"}), None),
        ] {
            assert_eq!(of(&schema, sent), expected, "{schema}");
        }
        assert_eq!(of(&json!({"type": "number", "minimum": 0}), received), None);
    }

    #[test]
    fn annotations_orders_and_spellings_do_not_count() {
        let one = json!({"type": "object", "title": "T", "required": ["a", "b"], "properties": {
            "a": {"type": "number", "maximum": 1.0, "description": "d"},
            "b": {"allOf": [{"$ref": "#/components/schemas/B"}], "default": 1},
            "title": {"type": "string"}}});
        let other = json!({"type": "object", "required": ["b", "a"], "properties": {
            "a": {"type": "number", "maximum": 1, "example": 3},
            "b": {"$ref": "#/components/schemas/B"},
            "title": {"type": "string", "title": "x"}}});
        assert_eq!(canonical_shape(one.as_object().unwrap()), canonical_shape(other.as_object().unwrap()));
        let nullable = json!({"type": "object", "required": ["b", "a"], "properties": {
            "a": {"type": "number", "maximum": 1, "nullable": true},
            "b": {"$ref": "#/components/schemas/B"},
            "title": {"type": "string"}}});
        assert_ne!(canonical_shape(one.as_object().unwrap()), canonical_shape(nullable.as_object().unwrap()));
    }
}
