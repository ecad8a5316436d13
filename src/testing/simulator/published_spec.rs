//! The API's two documents, exactly as published. They define the routes, the API key header and the schemas.

use std::io;

use hyper::{Method, header::HeaderName};
use jsonschema::{
    Draft, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::{Value, json};

const CREATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/upstream/speech-create.json"));
const RESULT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/upstream/speech-result.json"));

/// The definitions of both operations in the documents.
pub(crate) struct PublishedSpec {
    pub(crate) create: Operation,
    pub(crate) result: Operation,
    /// The API's own voices. Any other `voice` must be a file id.
    pub(crate) voices: Vec<String>,
}

impl PublishedSpec {
    pub(crate) fn load() -> io::Result<Self> {
        let create = Operation::from_document(CREATE)?;
        let voices = enum_values(&create.schema["properties"]["voice"]);
        if voices.is_empty() {
            return Err(unexpected_shape("voice"));
        }
        Ok(Self { create, result: Operation::from_document(RESULT)?, voices })
    }
}

/// The definition of the only operation in a document.
pub(crate) struct Operation {
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) media_type: String,
    pub(crate) key_header: HeaderName,
    schema: Value,
    validator: Validator,
}

impl Operation {
    fn from_document(document: &str) -> io::Result<Self> {
        let document: Value = serde_json::from_str(document)?;
        let (path, item) = only(&document["paths"]).ok_or_else(|| unexpected_shape("paths"))?;
        let (method, operation) = only(item).ok_or_else(|| unexpected_shape(path))?;
        let content = &operation["requestBody"]["content"];
        let (media_type, content) = only(content).ok_or_else(|| unexpected_shape("requestBody"))?;
        let (_, scheme) = only(&document["components"]["securitySchemes"])
            .filter(|(_, scheme)| scheme["in"] == "header")
            .ok_or_else(|| unexpected_shape("securitySchemes"))?;

        Ok(Self {
            path: path.clone(),
            method: method.to_uppercase().parse().map_err(io::Error::other)?,
            media_type: media_type.clone(),
            key_header: scheme["name"].as_str().unwrap_or_default().parse().map_err(io::Error::other)?,
            validator: validator(&content["schema"])?,
            schema: content["schema"].clone(),
        })
    }

    /// Validates a request body, and returns a message about the first violation.
    pub(crate) fn check(&self, body: &Value) -> Result<(), String> {
        self.validator.validate(body).map_err(|error| describe(&error))
    }
}

/// Compiles a schema as JSON Schema Draft 4. `OpenAPI` 3.0 follows its rules, such as `exclusiveMinimum: true`.
///
/// Leaves out the patterns that the validator cannot compile, such as `[\w-.]`, which ECMA 262 allows.
fn validator(schema: &Value) -> io::Result<Validator> {
    let compile = |schema: &Value| jsonschema::options().with_draft(Draft::Draft4).build(schema);
    let compiled = compile(schema).or_else(|_| {
        let mut schema = schema.clone();
        remove_patterns(&mut schema, &|pattern| compile(&json!({ "pattern": pattern })).is_err());
        compile(&schema)
    });
    compiled.map_err(|error| io::Error::other(error.to_string()))
}

/// Removes the selected patterns from a schema and from the schemas within it.
fn remove_patterns(schema: &mut Value, selected: &dyn Fn(&str) -> bool) {
    match schema {
        Value::Object(members) => {
            members.retain(|key, value| key != "pattern" || !value.as_str().is_some_and(selected));
            members.values_mut().for_each(|value| remove_patterns(value, selected));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_patterns(item, selected)),
        _ => {}
    }
}

/// Returns the only entry of an object, or `None` if the object does not have exactly one.
fn only(value: &Value) -> Option<(&String, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next()
}

/// Returns the `enum` strings of a schema and of its `anyOf` alternatives.
fn enum_values(schema: &Value) -> Vec<String> {
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    std::iter::once(schema)
        .chain(alternatives)
        .flat_map(|schema| schema["enum"].as_array().into_iter().flatten())
        .filter_map(|option| Some(option.as_str()?.to_owned()))
        .collect()
}

fn unexpected_shape(member: &str) -> io::Error {
    io::Error::other(format!("upstream document has an unexpected structure: {member}"))
}

/// Describes a violation, such as `body/temperature must be <= 1`.
fn describe(error: &ValidationError<'_>) -> String {
    let path = format!("body{}", error.instance_path());
    match error.kind() {
        Kind::Required { property } => format!("{path} must have the property {property}"),
        Kind::AdditionalProperties { unexpected } => {
            let names = unexpected.join("\", \"");
            format!("{path} must not have the property \"{names}\"")
        }
        Kind::Enum { options } => format!("{path} must be one of {options}"),
        Kind::Minimum { limit } => format!("{path} must be >= {limit}"),
        Kind::Maximum { limit } => format!("{path} must be <= {limit}"),
        Kind::MinLength { limit } => format!("{path} must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("{path} must have at most {limit} characters"),
        Kind::Pattern { pattern } => format!("{path} must match {pattern}"),
        Kind::Type { kind: TypeKind::Single(name) } => format!("{path} must be {name}"),
        _ => format!("{path} is not valid: {error}", error = error.masked()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Asserts that the document describes this response to its operation.
    #[track_caller]
    pub(in crate::testing) fn assert_described(operation: &Operation, status: u16, response: &Value) {
        let documents = [CREATE, RESULT].map(|text| serde_json::from_str::<Value>(text).unwrap());
        let described = documents
            .iter()
            .find_map(|document| document["paths"].get(&operation.path))
            .and_then(|item| only(item))
            .map(|(_, operation)| &operation["responses"][status.to_string()])
            .unwrap();
        let schema = &described["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{} has no {status}", operation.path);
        let result = validator(schema).unwrap().validate(response).map_err(|error| error.to_string());
        assert_eq!(result, Ok(()), "{response}");
    }

    #[test]
    fn published_documents_define_routes_header_and_voices() {
        let spec = PublishedSpec::load().unwrap();
        assert_eq!(spec.create.path, "/async/speech/create");
        assert_eq!(spec.result.path, "/async/speech/result");
        for operation in [&spec.create, &spec.result] {
            assert_eq!(operation.method, Method::POST);
            assert_eq!(operation.key_header, "authorization");
            assert_eq!(operation.media_type, "application/json");
        }
        assert_eq!(spec.voices, ["leo", "nora"]);
    }

    #[test]
    fn schema_uses_openapi_3_0_exclusive_minimum() {
        let above_zero = json!({ "type": "number", "minimum": 0, "exclusiveMinimum": true });
        let validator = validator(&above_zero).unwrap();
        assert!(validator.is_valid(&json!(0.1)));
        assert!(!validator.is_valid(&json!(0)));
    }

    #[test]
    fn pattern_that_cannot_be_compiled_is_left_out() {
        let properties = json!({
            "name": { "type": "string", "pattern": r"^[\w-.]+$", "maxLength": 3 },
            "pattern": { "type": "string", "pattern": r"^\@[a-z]+$" },
        });
        let validator = validator(&json!({ "properties": properties })).unwrap();
        assert!(validator.is_valid(&json!({ "name": "a b" })));
        assert!(!validator.is_valid(&json!({ "name": "a b c" })));
        assert!(validator.is_valid(&json!({ "pattern": "@a" })));
        assert!(!validator.is_valid(&json!({ "pattern": "a" })));
    }

    #[test]
    fn document_with_unexpected_structure_error_names_the_member() {
        let error = Operation::from_document(r#"{ "paths": {} }"#).err().unwrap();
        assert!(error.to_string().ends_with(": paths"), "{error}");
        let error = Operation::from_document(r#"{ "paths": { "/a": { "post": {} } } }"#).err().unwrap();
        assert!(error.to_string().ends_with(": requestBody"), "{error}");
    }
}
