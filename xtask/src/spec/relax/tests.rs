use serde_json::{Value, json};

use super::*;
use crate::spec::extract::{Names, extract};

const NAMES: &str = "
    [make]
    request = \"Make\"
    \"request.voice\" = { open = \"Voice\", known = \"KnownVoice\" }
    \"200\" = \"Made\"
    \"200.status\" = { open = \"Status\", known = \"KnownStatus\" }";

fn document() -> Value {
    let request = json!({"type": "object", "additionalProperties": false, "properties": {
        "text": {"type": "string", "minLength": 2, "pattern": "a", "format": "uuid"},
        "loud": {"type": "boolean", "default": false, "description": "Shout"},
        "voice": {"anyOf": [{"type": "string"}, {"type": "string", "enum": ["leo"], "default": "leo"}]}}});
    let response = json!({"type": "object", "additionalProperties": false, "properties": {
        "at": {"type": "string", "format": "date-time", "minLength": 2, "pattern": "a"},
        "data": {"type": "string", "format": "byte"},
        "share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "list": {"type": "array", "maxItems": 3, "items": {"type": "object", "additionalProperties": false}},
        "status": {"type": "string", "enum": ["DONE"], "description": "How it goes."}}});
    json!({
        "paths": {"/make": {"post": {
            "operationId": "make",
            "requestBody": {"content": {"application/json": {"schema": request}}},
            "responses": {"200": {"content": {"application/json": {"schema": response}}}},
        }}},
    })
}

fn relaxed(document: Value) -> Result<Relaxed, String> {
    let names: Names = toml::from_str(NAMES).unwrap();
    let hoisted = extract(document, &names).unwrap();
    relax(hoisted).map_err(|failure| failure.to_string())
}

fn property(relaxed: &Relaxed, schema: &str, name: &str) -> Value {
    relaxed.document["components"]["schemas"][schema]["properties"][name].clone()
}

#[test]
fn what_is_sent_stays_strict_and_its_defaults_are_told() {
    let relaxed = relaxed(document()).unwrap();
    let made = |name| property(&relaxed, "Make", name);
    assert_eq!(relaxed.document["components"]["schemas"]["Make"]["additionalProperties"], false);
    assert_eq!(
        made("text"),
        json!({
        "type": "string", "minLength": 2, "x-pattern": "a", "description": "Pattern: `a`, checked by the server."})
    );
    let loud = json!({
        "type": "boolean", "x-default": false, "description": "Shout. Default: false, chosen by the server."});
    assert_eq!(made("loud"), loud);
    assert_eq!(made("voice")["description"], "Default: leo, chosen by the server.");
}

#[test]
fn what_is_received_is_opened() {
    let relaxed = relaxed(document()).unwrap();
    let made = |name| property(&relaxed, "Made", name);
    assert_eq!(relaxed.document["components"]["schemas"]["Made"].get("additionalProperties"), None);
    assert_eq!(made("at"), json!({"type": "string"}));
    assert_eq!(made("data"), json!({"type": "string", "format": "byte"}));
    assert_eq!(made("share"), json!({"type": "number"}));
    assert_eq!(made("list"), json!({"type": "array", "items": {"type": "object"}}));
}

#[test]
fn enums_admit_what_they_do_not_know() {
    let relaxed = relaxed(document()).unwrap();
    let schemas = &relaxed.document["components"]["schemas"];
    let known = |name: &str| json!({"title": "Known", "allOf": [reference(name)]});
    let other = json!({"title": "Other", "type": "string"});
    assert_eq!(schemas["Voice"]["oneOf"], json!([known("KnownVoice"), other]));
    assert_eq!(schemas["Status"]["oneOf"], json!([known("KnownStatus"), other]));
    assert_eq!(schemas["KnownStatus"], json!({"type": "string", "enum": ["DONE"]}));
    let status = json!({"allOf": [reference("Status")], "description": "How it goes."});
    assert_eq!(property(&relaxed, "Made", "status"), status);
}

#[test]
fn reports_how_many_places_each_rule_changed() {
    let relaxed = relaxed(document()).unwrap();
    let expected = [
        ("open-unions", 1),
        ("open-enums", 1),
        ("open-objects", 2),
        ("drop-response-patterns", 1),
        ("drop-response-formats", 1),
        ("document-request-patterns", 1),
        ("drop-foreign-formats", 1),
        ("drop-response-limits", 3),
        ("document-request-defaults", 2),
        ("drop-response-defaults", 1),
    ];
    assert_eq!(relaxed.report, expected);
}

#[test]
fn a_rule_that_no_longer_applies_stops() {
    let mut document = document();
    let body = "/paths/~1make/post/responses/200/content/application~1json/schema";
    let response = document.pointer_mut(body).unwrap().as_object_mut().unwrap();
    response.remove("additionalProperties");
    response["properties"]["list"].as_object_mut().unwrap().remove("items");
    let error = relaxed(document).unwrap_err();
    assert!(error.contains("the rule \"open-objects\" no longer applies"), "{error}");
    assert!(error.contains("hint: "), "{error}");
}

#[test]
fn what_is_sent_and_received_is_opened_with_a_warning() {
    let mut document = document();
    let shared = json!({"type": "object", "additionalProperties": false});
    document["components"] = json!({"schemas": {"Shared": shared}});
    let reference = reference("Shared");
    let schema = |at: &str| format!("/paths/~1make/post/{at}/content/application~1json/schema/properties/s");
    for at in ["requestBody", "responses/200"] {
        let parent = schema(at);
        let parent = parent.strip_suffix("/s").unwrap();
        document.pointer_mut(parent).unwrap()["s"] = reference.clone();
    }
    let relaxed = relaxed(document).unwrap();
    assert_eq!(relaxed.warnings, ["/components/schemas/Shared: sent and received, so opened both ways"]);
    assert_eq!(relaxed.document["components"]["schemas"]["Shared"], json!({"type": "object"}));
}

fn reference(name: &str) -> Value {
    crate::spec::extract::reference(name)
}

#[test]
fn the_known_words_of_a_union_stay_closed_where_they_are_also_received_alone() {
    let mut document = document();
    let at = |side: &str| format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
    let union = document.pointer(&at("requestBody")).unwrap()["voice"].clone();
    let received = document.pointer_mut(&at("responses/200")).unwrap();
    received["voice"] = union;
    received["chosen"] = json!({"type": "string", "enum": ["leo"]});
    let line = "\n\"200.chosen\" = { open = \"AnyVoice\", known = \"KnownVoice\" }";
    let names: Names = toml::from_str(&(NAMES.to_owned() + line)).unwrap();
    let relaxed = relax(extract(document, &names).unwrap()).unwrap();
    let known = json!({"title": "Known", "allOf": [reference("KnownVoice")]});
    assert_eq!(relaxed.document["components"]["schemas"]["Voice"]["oneOf"][0], known);
    assert_eq!(property(&relaxed, "Made", "chosen"), reference("AnyVoice"));
}
