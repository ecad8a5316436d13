//! Classifies schemas: the kinds that need a name, their annotations, and the shape that equal schemas share.

use serde_json::{Value, json};

use crate::{
    json::{Object, normalized_number},
    spec::schema_locations::{Usage, for_each_child},
};

/// The kinds of schema that the generator turns into named types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SchemaKind {
    Object,
    Enum,
    /// A number with bounds, or a text with a limited length.
    Bounded,
    /// A union of known values and any string.
    OpenUnion,
    /// Any other `allOf`, `anyOf` or `oneOf`.
    Composition,
}

impl SchemaKind {
    /// Returns `true` if equal schemas in requests and in responses share a type: the closed enum stays next to its open
    /// type, and an open union accepts any string in requests too.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Enum | Self::OpenUnion)
    }
}

/// Keys that describe the use of a schema. Two schemas that differ only in these keys are the same schema.
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

const LENGTHS: [&str; 2] = ["minLength", "maxLength"];

/// Returns the kind of the schema, or `None` if the schema needs no name.
pub(crate) fn classify(schema: &Object, usage: Usage) -> Option<SchemaKind> {
    // The only part of an `allOf` has the name, and the schema around it only annotates the part.
    if schema.contains_key("$ref") || single_all_of(schema).is_some() {
        return None;
    }
    let is_of = |kinds: &[&str]| {
        let kind = schema.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kinds.contains(&kind))
    };
    if schema.contains_key("enum") {
        // Rust has a type for the two booleans.
        return (!is_of(&["boolean"])).then_some(SchemaKind::Enum);
    }
    if open_union(schema).is_some() {
        return Some(SchemaKind::OpenUnion);
    }
    if ["allOf", "anyOf", "oneOf"].iter().any(|keyword| schema.contains_key(*keyword)) {
        return Some(SchemaKind::Composition);
    }
    // The generator makes a type also of an object without properties, if a property is required or the object is closed.
    // Closed objects in responses are opened later.
    let requires = schema.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    let is_closed = schema.get("additionalProperties").is_some_and(|rest| rest == false) && !usage.response;
    if has_properties(schema) || requires || is_closed {
        return Some(SchemaKind::Object);
    }
    // Limits in responses are dropped later, so these schemas need no name.
    let has = |limits: &[&str]| limits.iter().any(|limit| schema.contains_key(*limit));
    let is_bounded = is_of(&["number", "integer"]) && has(&BOUNDS) || is_of(&["string"]) && has(&LENGTHS);
    (is_bounded && !usage.response).then_some(SchemaKind::Bounded)
}

pub(crate) fn has_properties(schema: &Object) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// Returns the keyword of an open union, and the indices of its enum and of its plain string.
///
/// An open union accepts known values and any other string.
pub(crate) fn open_union(schema: &Object) -> Option<(&'static str, usize, usize)> {
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = schema.get(keyword) else { continue };
        let is_string = |part: &Value| part.get("type").is_some_and(|kind| kind == "string");
        if parts.len() == 2 && parts.iter().all(is_string) {
            let known = parts.iter().position(|part| part.get("enum").is_some())?;
            let other = 1 - known;
            return parts[other].get("enum").is_none().then_some((keyword, known, other));
        }
    }
    None
}

/// Splits a schema into its annotations and the rest.
pub(crate) fn split_annotations(schema: &Object) -> (Object, Object) {
    let (annotations, mut body): (Object, Object) = schema
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
    // A nullable enum lists null, but `nullable` is an annotation of the use.
    if let Some(Value::Array(values)) = body.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    (annotations, body)
}

/// Returns the schema without annotations, with sorted lists and normalised numbers.
///
/// Two schemas are the same schema exactly if their shapes are equal.
pub(crate) fn canonical_shape(schema: &Object) -> Value {
    if let Some(Value::Object(part)) = single_all_of(schema) {
        return canonical_shape(part);
    }
    let (_, mut body) = split_annotations(schema);
    for_each_child(&mut body, &mut |child| {
        let Value::Object(schema) = child else { return };
        // `nullable` of a child is part of the shape of its parent.
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
    // 1.0 and 1 are the same bound.
    for value in body.values_mut() {
        if let Value::Number(number) = value {
            *number = normalized_number(number);
        }
    }
    Value::Object(body)
}

/// Returns the only part of a schema that adds nothing but annotations to it: `{"allOf": [part], …}`.
pub(crate) fn single_all_of(schema: &Object) -> Option<&Value> {
    let [part] = schema.get("allOf")?.as_array()?.as_slice() else {
        return None;
    };
    let annotates = |key: &String| key == "allOf" || ANNOTATIONS.contains(&key.as_str());
    schema.keys().all(annotates).then_some(part)
}

/// Returns a `$ref` to a schema component.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(schema: &Value, usage: Usage) -> Option<SchemaKind> {
        classify(schema.as_object().unwrap(), usage)
    }

    #[test]
    fn classify_returns_a_kind_for_each_schema_that_becomes_a_type() {
        let request = Usage { request: true, response: false };
        let response = Usage { request: false, response: true };
        let reference = json!({"$ref": "#/components/schemas/A"});
        let closed_enum = json!({"type": "string", "enum": ["a"]});
        for (schema, expected) in [
            (json!({"type": "object", "properties": {"a": {}}}), Some(SchemaKind::Object)),
            (closed_enum.clone(), Some(SchemaKind::Enum)),
            (json!({"type": "integer", "maximum": 1}), Some(SchemaKind::Bounded)),
            (json!({"anyOf": [{"type": "string"}, closed_enum]}), Some(SchemaKind::OpenUnion)),
            (json!({"anyOf": [{"type": "string"}, {"type": "number"}]}), Some(SchemaKind::Composition)),
            (json!({"allOf": [reference, {"type": "object"}]}), Some(SchemaKind::Composition)),
            (json!({"allOf": [reference], "description": "d", "nullable": true}), None),
            (json!({"allOf": [closed_enum], "description": "d"}), None),
            (json!({"type": "object", "additionalProperties": false}), Some(SchemaKind::Object)),
            (json!({"type": "object", "required": ["a"]}), Some(SchemaKind::Object)),
            (json!({"type": "object", "required": []}), None),
            (reference, None),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), None),
            (json!({"type": "string", "maxLength": 1}), Some(SchemaKind::Bounded)),
            (json!({"type": "boolean", "enum": [true]}), None),
            (json!({"type": "number"}), None),
        ] {
            assert_eq!(kind_of(&schema, request), expected, "{schema}");
        }
        for opened in [
            json!({"type": "number", "minimum": 0}),
            json!({"type": "string", "minLength": 1}),
            json!({"type": "object", "additionalProperties": false}),
        ] {
            assert_eq!(kind_of(&opened, response), None);
        }
    }

    #[test]
    fn canonical_shape_ignores_annotations_order_and_number_format() {
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
