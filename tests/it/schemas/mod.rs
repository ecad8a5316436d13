//! The JSON Schemas of the feature `schemars` match the schemas of the API.

mod conversion;
mod documents;

use std::{collections::BTreeSet, fs, path::Path};

use distribute_ai::{TaskId, types};
use jsonschema::{Draft, Validator};
use schemars::{JsonSchema, generate::SchemaSettings, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::documents::documents;

const MIXTURES: usize = 300;

/// Returns a schema of a published document. `pointer` leads to it within the operation of `page`.
fn published(page: &str, pointer: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/upstream/{page}.json"));
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (_, item) = document["paths"].as_object().unwrap().iter().next().unwrap();
    let schema = item["post"].pointer(pointer).unwrap();
    schema.pointer("/content/application~1json/schema").unwrap().clone()
}

/// Returns validators for the generated schema: with references, with inlined schemas, and for Draft 7.
fn ours<T: JsonSchema>() -> [Validator; 3] {
    let mut inline = SchemaSettings::draft2020_12();
    inline.inline_subschemas = true;
    [SchemaSettings::draft2020_12(), inline, SchemaSettings::draft07()].map(|settings| {
        jsonschema::validator_for(settings.into_generator().into_root_schema_for::<T>().as_value()).unwrap()
    })
}

/// Returns a validator for a schema of `OpenAPI` 3.0, which follows Draft 4.
fn theirs(schema: &Value) -> Validator {
    jsonschema::options().with_draft(Draft::Draft4).build(schema).unwrap()
}

/// Asserts that the schema of `T` and the schema `expected` give the same verdict on documents made from
/// `published`.
#[track_caller]
fn assert_same_verdicts<T: JsonSchema + DeserializeOwned>(published: &Value, expected: &Value) {
    let (theirs, ours) = (theirs(expected), ours::<T>());
    let (mut valid, mut invalid) = (0, 0);
    for document in documents(published, 7, MIXTURES) {
        let verdict = theirs.is_valid(&document);
        for validator in &ours {
            assert_eq!(validator.is_valid(&document), verdict, "{}: {document}", T::schema_name());
        }
        if verdict {
            valid += 1;
            let read = serde_json::from_value::<T>(document.clone()).map(drop);
            assert!(read.is_ok(), "{}: {read:?} of {document}", T::schema_name());
        } else {
            invalid += 1;
        }
    }
    assert!(valid > 10 && invalid > 10, "too few documents: {valid} valid, {invalid} invalid");
}

#[test]
fn schema_of_request_agrees_with_published_document() {
    let create = published("speech-create", "/requestBody");
    assert_same_verdicts::<types::SpeechRequest>(&create, &create);
    let result = published("speech-result", "/requestBody");
    assert_same_verdicts::<types::TaskQuery>(&result, &result);
}

#[test]
fn schema_of_response_agrees_with_opened_published_document() {
    fn compare<T: JsonSchema + DeserializeOwned>(page: &str, status: u16) {
        let published = published(page, &format!("/responses/{status}"));
        assert_same_verdicts::<T>(&published, &opened(published.clone()));
    }
    compare::<types::TaskCreated>("speech-create", 200);
    compare::<types::ErrorBody>("speech-create", 400);
    compare::<types::ErrorBody>("speech-create", 404);
    compare::<types::SpeechResult>("speech-result", 200);
    compare::<types::ErrorBody>("speech-result", 404);
    compare::<types::ErrorBody>("speech-result", 500);
}

/// Allows unknown properties and enum values, because the server may add some to its responses. Properties that the
/// library does not need may be missing.
fn opened(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            object.remove("enum");
            if object.get("additionalProperties") == Some(&json!(false)) {
                object.remove("additionalProperties");
            }
            if let Some(Value::Array(required)) = object.get_mut("required") {
                required.retain(|name| !["created", "model", "results"].iter().any(|open| name == open));
            }
            object.values_mut().for_each(|value| *value = opened(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = opened(item.take())),
        _ => {}
    }
    schema
}

#[test]
fn schema_of_request_without_any_one_rule_changes_a_verdict() {
    #[track_caller]
    fn assert_each_rule_matters<T: JsonSchema>(page: &str, expected: usize) {
        let documents = documents(&published(page, "/requestBody"), 7, 0);
        let schema = schema_for!(T).to_value();
        let complete = jsonschema::validator_for(&schema).unwrap();
        let mut rules = Vec::new();
        find_rules(&schema, "", &mut rules);
        // Any string is a voice, so the enum of known voices rejects nothing.
        rules.retain(|(pointer, _)| pointer != "/$defs/KnownVoice");
        assert_eq!(rules.len(), expected, "{rules:?}");
        for (pointer, keyword) in rules {
            let mut without = schema.clone();
            without.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(&keyword);
            let without = jsonschema::validator_for(&without).unwrap();
            let is_noticed =
                documents.iter().any(|document| complete.is_valid(document) != without.is_valid(document));
            assert!(is_noticed, "{pointer}/{keyword} changes the verdict on no document");
        }
    }
    assert_each_rule_matters::<types::SpeechRequest>("speech-create", 7);
    assert_each_rule_matters::<types::TaskQuery>("speech-result", 3);
}

fn find_rules(schema: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    const RULES: [&str; 8] = [
        "additionalProperties",
        "enum",
        "maxLength",
        "maximum",
        "minLength",
        "minimum",
        "pattern",
        "required",
    ];
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        if RULES.contains(&keyword.as_str()) {
            found.push((pointer.to_owned(), keyword.clone()));
        }
        find_rules(value, &format!("{pointer}/{keyword}"), found);
    }
}

#[test]
fn schema_of_speech_request_keeps_descriptions_and_defaults() {
    let number = |default: f64| {
        let description = format!("Default: {default}, chosen by the server.");
        json!({"$ref": "#/$defs/UnitInterval", "description": description, "default": default})
    };
    let expected = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SpeechRequest",
        "description": "A text to speak, and its settings.",
        "type": "object",
        "properties": {
            "cfg_weight": number(0.5),
            "exaggeration": number(0.5),
            "input": {"$ref": "#/$defs/SpeechRequestInput", "description": "The text to speak."},
            "model": {"$ref": "#/$defs/SpeechModel"},
            "stream": {"type": "boolean", "default": false, "description": "Default: false, chosen by the server."},
            "temperature": number(0.8),
            "voice": {
                "$ref": "#/$defs/Voice",
                "default": "leo",
                "description":
                    "One of default voices: leo, nora or a file_id with purpose voice. Default: leo, chosen by the server.",
            },
        },
        "required": ["model", "input"],
        "additionalProperties": false,
        "$defs": {
            "KnownVoice": {
                "description": "The API's own voices. These values are known; the server may add others.",
                "type": "string",
                "enum": ["leo", "nora"],
            },
            "SpeechModel":
                {"description": "The model that produces the speech.", "type": "string", "enum": ["Chatterbox"]},
            "SpeechRequestInput":
                {"description": "The text of a request.", "type": "string", "minLength": 2, "maxLength": 4096},
            "UnitInterval": {"type": "number", "minimum": 0, "maximum": 1},
            "Voice": {
                "description": "One of default voices: leo, nora or a file_id with purpose voice.",
                "anyOf": [{"title": "Known", "$ref": "#/$defs/KnownVoice"}, {"title": "FileId", "type": "string"}],
            },
        },
    });
    assert_eq!(schema_for!(types::SpeechRequest), expected);
}

#[test]
fn schema_of_task_id_accepts_any_string() {
    let schema = schema_for!(TaskId).to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&json!("task_7")) && !validator.is_valid(&json!(7)), "{schema}");
}

// `all_schemas`, which returns the name and the schema of every generated type.
include!(concat!(env!("OUT_DIR"), "/schema_list.rs"));

#[test]
fn schema_exists_for_every_type_under_its_name() {
    for (name, schema) in all_schemas() {
        assert_eq!(schema.get("title").and_then(Value::as_str), Some(name));
        jsonschema::validator_for(schema.as_value()).unwrap();
    }
    let generated = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let types = generated.split_once("pub mod types {").unwrap().1.split_once("\n}\n").unwrap().0;
    let declared = types.lines().filter_map(|line| {
        let rest = line.strip_prefix("    pub struct ").or(line.strip_prefix("    pub enum "))?;
        rest.split(|character: char| !character.is_alphanumeric()).next()
    });
    let numbers = generated.split("bounded_number!(").skip(1).filter_map(|text| {
        let call = text.split_once("]\n")?.1.trim_start();
        Some(call.split_once('(')?.0)
    });
    let tested: BTreeSet<_> = all_schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared.chain(numbers).collect::<BTreeSet<_>>(), tested);
}
