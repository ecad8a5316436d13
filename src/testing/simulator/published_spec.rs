//! The API's two documents, exactly as published: they name the routes, the key's header and the checks.

use std::io;

use hyper::{Method, header::HeaderName};
use jsonschema::{
    Draft, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

const CREATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/upstream/speech-create.json"));
const RESULT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/upstream/speech-result.json"));

/// What the documents say about both operations.
pub(crate) struct PublishedSpec {
    pub(crate) create: Operation,
    pub(crate) result: Operation,
    /// The API's own voices; any other must be a file id.
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

/// What one document says about its one operation.
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

    /// Whether a request's body is what the document describes; else the first thing that is not.
    pub(crate) fn check(&self, body: &Value) -> Result<(), String> {
        self.validator.validate(body).map_err(|error| describe(&error))
    }
}

/// The schemas of a document in version 3.0 mean what they mean in Draft 4, `exclusiveMinimum: true` for one.
fn validator(schema: &Value) -> io::Result<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .build(schema)
        .map_err(|error| io::Error::other(error.to_string()))
}

/// The entry of an object that has just one.
fn only(value: &Value) -> Option<(&String, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next()
}

/// The strings that a schema lists, itself or in its alternatives.
fn enum_values(schema: &Value) -> Vec<String> {
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    std::iter::once(schema)
        .chain(alternatives)
        .flat_map(|schema| schema["enum"].as_array().into_iter().flatten())
        .filter_map(|option| Some(option.as_str()?.to_owned()))
        .collect()
}

fn unexpected_shape(what: &str) -> io::Error {
    io::Error::other(format!("the simulator cannot follow an upstream document: {what}"))
}

/// Such as `body/temperature must be <= 1`.
fn describe(error: &ValidationError<'_>) -> String {
    let place = format!("body{}", error.instance_path());
    match error.kind() {
        Kind::Required { property } => format!("{place} must have the property {property}"),
        Kind::AdditionalProperties { unexpected } => {
            let names = unexpected.join("\", \"");
            format!("{place} must not have the property \"{names}\"")
        }
        Kind::Enum { options } => format!("{place} must be one of {options}"),
        Kind::Minimum { limit } => format!("{place} must be >= {limit}"),
        Kind::Maximum { limit } => format!("{place} must be <= {limit}"),
        Kind::MinLength { limit } => format!("{place} must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("{place} must have at most {limit} characters"),
        Kind::Pattern { pattern } => format!("{place} must match {pattern}"),
        Kind::Type { kind: TypeKind::Single(name) } => format!("{place} must be {name}"),
        _ => format!("{place} is not valid: {error}", error = error.masked()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// Fails unless the document describes such a reply to its operation.
    #[track_caller]
    pub(in crate::testing) fn assert_described(operation: &Operation, status: u16, reply: &Value) {
        let all = [CREATE, RESULT].map(|text| serde_json::from_str::<Value>(text).unwrap());
        let described = all
            .iter()
            .find_map(|document| document["paths"].get(&operation.path))
            .and_then(|item| only(item))
            .map(|(_, operation)| &operation["responses"][status.to_string()])
            .unwrap();
        let schema = &described["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{} has no {status}", operation.path);
        let verdict = validator(schema).unwrap().validate(reply).map_err(|error| error.to_string());
        assert_eq!(verdict, Ok(()), "{reply}");
    }

    #[test]
    fn the_documents_name_the_routes_the_header_and_the_voices() {
        let contract = PublishedSpec::load().unwrap();
        assert_eq!(contract.create.path, "/async/speech/create");
        assert_eq!(contract.result.path, "/async/speech/result");
        for operation in [&contract.create, &contract.result] {
            assert_eq!(operation.method, Method::POST);
            assert_eq!(operation.key_header, "authorization");
            assert_eq!(operation.media_type, "application/json");
        }
        assert_eq!(contract.voices, ["leo", "nora"]);
    }

    #[test]
    fn schemas_are_read_as_version_3_0_of_the_specification_means_them() {
        let above_zero = json!({ "type": "number", "minimum": 0, "exclusiveMinimum": true });
        let validator = validator(&above_zero).unwrap();
        assert!(validator.is_valid(&json!(0.1)));
        assert!(!validator.is_valid(&json!(0)));
    }

    #[test]
    fn a_document_that_cannot_be_followed_is_an_error_that_says_what() {
        let error = Operation::from_document(r#"{ "paths": {} }"#).err().unwrap();
        assert!(error.to_string().ends_with(": paths"), "{error}");
        let error = Operation::from_document(r#"{ "paths": { "/a": { "post": {} } } }"#).err().unwrap();
        assert!(error.to_string().ends_with(": requestBody"), "{error}");
    }
}
