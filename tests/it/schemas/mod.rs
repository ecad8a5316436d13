//! The schemas of the feature `schemars` are those of the API.

mod conversion;
mod documents;

use std::{collections::BTreeSet, fs, path::Path};

use distribute_ai::{TaskId, types};
use jsonschema::{Draft, Validator};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::documents::documents;

const MIXTURES: usize = 300;

/// A schema of a published document, by its page and its place there.
fn published(page: &str, place: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/upstream/{page}.json"));
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (_, item) = document["paths"].as_object().unwrap().iter().next().unwrap();
    let schema = item["post"].pointer(place).unwrap();
    schema.pointer("/content/application~1json/schema").unwrap().clone()
}

/// What schemars gives, with references, without them, and for those who read an older draft.
fn ours<T: JsonSchema>() -> [Validator; 3] {
    let mut inline = SchemaSettings::draft2020_12();
    inline.inline_subschemas = true;
    [SchemaSettings::draft2020_12(), inline, SchemaSettings::draft07()].map(|settings| {
        jsonschema::validator_for(settings.into_generator().into_root_schema_for::<T>().as_value()).unwrap()
    })
}

/// Schemas of version 3.0 mean what they mean in Draft 4.
fn theirs(schema: &Value) -> Validator {
    jsonschema::options().with_draft(Draft::Draft4).build(schema).unwrap()
}

/// Judges the same documents by both; `published` is what they are made of, `meant` what of it holds.
#[track_caller]
fn judge_alike<T: JsonSchema + DeserializeOwned>(published: &Value, meant: &Value) {
    let (theirs, ours) = (theirs(meant), ours::<T>());
    let (mut good, mut bad) = (0, 0);
    for document in documents(published, 7, MIXTURES) {
        let verdict = theirs.is_valid(&document);
        for validator in &ours {
            assert_eq!(validator.is_valid(&document), verdict, "{}: {document}", T::schema_name());
        }
        if verdict {
            good += 1;
            let read = serde_json::from_value::<T>(document.clone()).map(drop);
            assert!(read.is_ok(), "{}: {read:?} of {document}", T::schema_name());
        } else {
            bad += 1;
        }
    }
    assert!(good > 10 && bad > 10, "{good} good and {bad} bad ones say little");
}

#[test]
fn a_request_is_judged_as_the_published_documents_judge_it() {
    let create = published("speech-create", "/requestBody");
    judge_alike::<types::SpeechRequest>(&create, &create);
    let result = published("speech-result", "/requestBody");
    judge_alike::<types::TaskQuery>(&result, &result);
}

#[test]
fn a_reply_is_judged_as_the_published_documents_judge_it_once_they_are_opened() {
    fn judge<T: JsonSchema + DeserializeOwned>(page: &str, status: u16) {
        let published = published(page, &format!("/responses/{status}"));
        judge_alike::<T>(&published, &opened(published.clone()));
    }
    judge::<types::TaskCreated>("speech-create", 200);
    judge::<types::ErrorBody>("speech-create", 400);
    judge::<types::ErrorBody>("speech-create", 404);
    judge::<types::SpeechResult>("speech-result", 200);
    judge::<types::ErrorBody>("speech-result", 404);
    judge::<types::ErrorBody>("speech-result", 500);
}

/// The server may learn properties and words: what a reply is to us.
fn opened(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            object.remove("enum");
            if object.get("additionalProperties") == Some(&json!(false)) {
                object.remove("additionalProperties");
            }
            object.values_mut().for_each(|value| *value = opened(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = opened(item.take())),
        _ => {}
    }
    schema
}

#[test]
fn no_rule_of_a_request_could_be_missing_without_being_missed() {
    #[track_caller]
    fn each_counts<T: JsonSchema>(page: &str, expected: usize) {
        let documents = documents(&published(page, "/requestBody"), 7, 0);
        let schema = schema_for!(T).to_value();
        let whole = jsonschema::validator_for(&schema).unwrap();
        let mut rules = Vec::new();
        find_rules(&schema, "", &mut rules);
        // A known voice is a text, and any text may be a voice.
        rules.retain(|(place, _)| place != "/$defs/KnownVoice");
        assert_eq!(rules.len(), expected, "{rules:?}");
        for (place, word) in rules {
            let mut without = schema.clone();
            without.pointer_mut(&place).unwrap().as_object_mut().unwrap().remove(&word);
            let without = jsonschema::validator_for(&without).unwrap();
            let missed = documents.iter().any(|it| whole.is_valid(it) != without.is_valid(it));
            assert!(missed, "{place}/{word} makes no difference to any document");
        }
    }
    each_counts::<types::SpeechRequest>("speech-create", 7);
    each_counts::<types::TaskQuery>("speech-result", 3);
}

fn find_rules(schema: &Value, place: &str, found: &mut Vec<(String, String)>) {
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
    for (word, value) in schema.as_object().into_iter().flatten() {
        if RULES.contains(&word.as_str()) {
            found.push((place.to_owned(), word.clone()));
        }
        find_rules(value, &format!("{place}/{word}"), found);
    }
}

#[test]
fn a_request_to_speak_is_described_with_all_that_the_document_says() {
    let number = |default: f64| {
        let description = format!("Default: {default}, chosen by the server.");
        json!({"$ref": "#/$defs/UnitInterval", "description": description, "default": default})
    };
    let expected = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SpeechRequest",
        "description": "Text to speak, and how.",
        "type": "object",
        "properties": {
            "cfg_weight": number(0.5),
            "exaggeration": number(0.5),
            "input":
                {"type": "string", "minLength": 2, "maxLength": 4096, "description": "The text to speak."},
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
                "description": "The API's own voices, as known today.",
                "type": "string",
                "enum": ["leo", "nora"],
            },
            "SpeechModel":
                {"description": "The model that speaks.", "type": "string", "enum": ["Chatterbox"]},
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
fn an_id_of_a_task_is_any_text() {
    let schema = schema_for!(TaskId).to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&json!("task_7")) && !validator.is_valid(&json!(7)), "{schema}");
}

/// The schema of each, for which each must have one.
fn all() -> Vec<(&'static str, Schema)> {
    macro_rules! schemas {
        ($($name:ident)*) => { vec![$((stringify!($name), schema_for!(types::$name))),*] };
    }
    schemas!(
        ErrorBody KnownStatus KnownVoice SpeechModel SpeechOutput SpeechRequest SpeechRequestInput SpeechResult
        SpeechStatus TaskCreated TaskQuery UnitInterval Voice
    )
}

#[test]
fn every_type_has_a_schema_that_bears_its_name() {
    for (name, schema) in all() {
        assert_eq!(schema.get("title").and_then(Value::as_str), Some(name));
        jsonschema::validator_for(schema.as_value()).unwrap();
    }
    let generated = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let types = generated.split_once("pub mod types {").unwrap().1.split_once("\n}\n").unwrap().0;
    let declared = types.lines().filter_map(|line| {
        let rest = line.strip_prefix("    pub struct ").or(line.strip_prefix("    pub enum "))?;
        rest.split(|letter: char| !letter.is_alphanumeric()).next()
    });
    let numbers = generated.split("bounded_number!(").skip(1).filter_map(|text| {
        let call = text.split_once("]\n")?.1.trim_start();
        Some(call.split_once('(')?.0)
    });
    let tested: BTreeSet<_> = all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared.chain(numbers).collect::<BTreeSet<_>>(), tested);
}
