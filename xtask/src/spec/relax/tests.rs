use serde_json::{Value, json};

use super::*;
use crate::spec::extract::{Names, extract};

const NAMES: &str = "
    [make]
    request = \"Make\"
    \"request.text\" = \"MakeText\"
    \"request.voice\" = { open = \"Voice\", known = \"KnownVoice\" }
    \"200\" = \"Made\"
    \"200.part\" = \"Part\"
    \"200.status\" = { open = \"Status\", known = \"KnownStatus\" }";

fn document() -> Value {
    let request = json!({"type": "object", "additionalProperties": false, "properties": {
        "text": {"type": "string", "minLength": 2, "pattern": "a", "format": "uuid"},
        "loud": {"type": "boolean", "default": false, "description": "Shout"},
        "agreed": {"type": "boolean", "enum": [true]},
        "tone": {"not": {"type": "string"}},
        "pitch": {"type": "integer", "format": "int32"},
        "voice": {"anyOf": [{"type": "string"}, {"type": "string", "enum": ["leo"], "default": "leo"}]}}});
    let response = json!({"type": "object", "additionalProperties": false, "properties": {
        "at": {"type": "string", "format": "date-time", "minLength": 2, "pattern": "a"},
        "data": {"type": "string", "format": "byte"},
        "size": {"type": "integer", "format": "int32"},
        "done": {"type": "boolean", "enum": [true], "not": {"type": "string"}},
        "part": {"oneOf": [{"type": "string"}, {"type": "number"}]},
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

fn relaxed(document: Value) -> Relaxed {
    let names: Names = toml::from_str(NAMES).unwrap();
    let extracted = extract(document, &names).complete().unwrap();
    relax(extracted)
}

fn property(relaxed: &Relaxed, schema: &str, name: &str) -> Value {
    relaxed.document["components"]["schemas"][schema]["properties"][name].clone()
}

#[test]
fn request_schemas_stay_strict_and_document_their_defaults() {
    let relaxed = relaxed(document());
    let made = |name| property(&relaxed, "Make", name);
    assert_eq!(relaxed.document["components"]["schemas"]["Make"]["additionalProperties"], false);
    assert_eq!(
        relaxed.document["components"]["schemas"]["MakeText"],
        json!({
        "type": "string", "minLength": 2, "x-pattern": "a", "description": "Pattern: `a`, checked by the server."})
    );
    let agreed =
        json!({"type": "boolean", "x-enum": [true], "description": "Always `true`, checked by the server."});
    assert_eq!(made("agreed"), agreed);
    let tone = json!({
        "x-not": {"type": "string"}, "description": "Excluded: `{\"type\":\"string\"}`, checked by the server."});
    assert_eq!(made("tone"), tone);
    assert_eq!(made("pitch"), json!({"type": "integer", "format": "int32"}));
    let loud = json!({
        "type": "boolean", "x-default": false, "description": "Shout. Default: false, chosen by the server."});
    assert_eq!(made("loud"), loud);
    assert_eq!(made("voice")["description"], "Default: leo, chosen by the server.");
}

#[test]
fn response_schemas_lose_their_constraints() {
    let relaxed = relaxed(document());
    let made = |name| property(&relaxed, "Made", name);
    assert_eq!(relaxed.document["components"]["schemas"]["Made"].get("additionalProperties"), None);
    assert_eq!(made("at"), json!({"type": "string"}));
    assert_eq!(made("data"), json!({"type": "string", "format": "byte"}));
    assert_eq!(made("share"), json!({"type": "number"}));
    assert_eq!(made("size"), json!({"type": "integer"}));
    assert_eq!(made("done"), json!({"type": "boolean"}));
    assert_eq!(made("list"), json!({"type": "array", "items": {"type": "object"}}));
}

#[test]
fn open_enums_and_unions_accept_unknown_values() {
    let relaxed = relaxed(document());
    let schemas = &relaxed.document["components"]["schemas"];
    let known = |name: &str| json!({"title": "Known", "allOf": [reference(name)]});
    let other = json!({"title": "Other", "type": "string"});
    assert_eq!(schemas["Voice"]["oneOf"], json!([known("KnownVoice"), other]));
    assert_eq!(schemas["Status"]["oneOf"], json!([known("KnownStatus"), other]));
    assert_eq!(schemas["KnownStatus"], json!({"type": "string", "enum": ["DONE"]}));
    let other = json!({"title": "Other", "description": "Any other value."});
    assert_eq!(schemas["Part"]["oneOf"], json!([{"type": "string"}, {"type": "number"}, other]));
    let status = json!({"allOf": [reference("Status")], "description": "How it goes."});
    assert_eq!(property(&relaxed, "Made", "status"), status);
}

#[test]
fn titles_that_mark_open_types_are_removed_from_the_alternatives_of_a_page() {
    let mut document = document();
    let at = |side: &str| format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
    let titled = |title: &str, kind: &str| json!({"title": title, "type": kind});
    document.pointer_mut(&at("requestBody")).unwrap()["size"] =
        json!({"anyOf": [titled("Other", "string"), titled("Known", "number"), titled("known", "boolean")]});
    document.pointer_mut(&at("responses/200")).unwrap()["part"] =
        json!({"oneOf": [titled("Known", "string"), titled("Other", "number")]});
    let names: Names = toml::from_str(&(NAMES.to_owned() + "\n\"request.size\" = \"Size\"")).unwrap();
    let schemas = &relax(extract(document, &names).complete().unwrap()).document["components"]["schemas"];
    let size = json!([{"type": "string"}, {"type": "number"}, titled("known", "boolean")]);
    assert_eq!(schemas["Size"]["anyOf"], size);
    let other = json!({"title": "Other", "description": "Any other value."});
    assert_eq!(schemas["Part"]["oneOf"], json!([{"type": "string"}, {"type": "number"}, other]));
}

#[test]
fn alternatives_that_only_require_properties_are_documented_in_requests_and_dropped_in_responses() {
    let alternatives = json!([{"required": ["a"]}, {"required": ["b", "c"], "title": "Both"}]);
    let text = json!({"type": "string"});
    let either = |union: &str| {
        let properties = json!({"a": text, "b": text, "c": text});
        json!({"type": "object", "properties": properties, union: alternatives})
    };
    let schema = |union: &str, side: &str, name: &str| {
        let mut document = document();
        let at = format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
        document.pointer_mut(&at).unwrap()["either"] = either(union);
        let names = format!("{NAMES}\n\"{name}.either\" = \"Either\"");
        let names: Names = toml::from_str(&names).unwrap();
        let extracted = extract(document, &names).complete().unwrap();
        relax(extracted).document["components"]["schemas"]["Either"].clone()
    };
    for (union, count) in [("anyOf", "At least"), ("oneOf", "Exactly")] {
        let mut expected = either(union);
        expected.as_object_mut().unwrap().remove(union);
        assert_eq!(schema(union, "responses/200", "200"), expected);
        expected[format!("x-{union}")] = alternatives.clone();
        let sets = "`[\"a\"]`, `[\"b\",\"c\"]`";
        expected["description"] =
            format!("{count} one of these is required, checked by the server: {sets}.").into();
        assert_eq!(schema(union, "requestBody", "request"), expected);
    }
}

#[test]
fn length_of_other_values_is_documented_in_requests_and_dropped_in_responses() {
    let mut document = document();
    let at = |side: &str| format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
    let other = json!({"type": "string", "minLength": 2, "maxLength": 64});
    let sent = &mut document.pointer_mut(&at("requestBody")).unwrap()["voice"];
    sent["anyOf"][0] = other.clone();
    let known = sent["anyOf"][1]["enum"].clone();
    document.pointer_mut(&at("responses/200")).unwrap()["tone"] =
        json!({"oneOf": [{"type": "string", "enum": known.clone()}, other]});
    let line = "\n\"200.tone\" = { open = \"Tone\", known = \"KnownVoice\" }";
    let names: Names = toml::from_str(&(NAMES.to_owned() + line)).unwrap();
    let schemas = &relax(extract(document, &names).complete().unwrap()).document["components"]["schemas"];
    let described = json!({
        "title": "Other", "type": "string", "x-minLength": 2, "x-maxLength": 64,
        "description": "At least 2 characters, checked by the server. At most 64 characters, checked by the server."});
    assert_eq!(schemas["Voice"]["oneOf"][1], described);
    assert_eq!(schemas["Tone"]["oneOf"][1], json!({"title": "Other", "type": "string"}));
}

#[test]
fn property_of_one_side_is_required_on_this_side_only() {
    let text = json!({"type": "string"});
    let (read, write) =
        (json!({"type": "string", "readOnly": true}), json!({"type": "string", "writeOnly": true}));
    let account = json!({
        "type": "object",
        "required": ["id", "name", "password"],
        "properties": {"id": read, "name": text, "password": write}});
    let required = |sides: &[&str]| {
        let mut document = document();
        document["components"] = json!({"schemas": {"Account": account}});
        for side in sides {
            let at = format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
            document.pointer_mut(&at).unwrap()["account"] = reference("Account");
        }
        relaxed(document).document["components"]["schemas"]["Account"]["required"].clone()
    };
    assert_eq!(required(&["requestBody"]), json!(["name", "password"]));
    assert_eq!(required(&["responses/200"]), json!(["id", "name"]));
    assert_eq!(required(&["requestBody", "responses/200"]), json!(["name"]));
}

#[test]
fn format_beside_a_type_without_formats_is_dropped() {
    for schema in [
        json!({"type": "object", "format": "json"}),
        json!({"type": "array", "items": {"type": "string"}, "format": "csv"}),
        json!({"type": "boolean", "format": "bool"}),
        json!({"format": "date-time"}),
        json!({"format": "byte"}),
    ] {
        for side in ["requestBody", "responses/200"] {
            let mut document = document();
            let at = format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
            document.pointer_mut(&at).unwrap()["odd"] = schema.clone();
            let component = if side == "requestBody" { "Make" } else { "Made" };
            let found = property(&relaxed(document), component, "odd");
            assert_eq!((found.get("format"), found.get("type")), (None, schema.get("type")), "{side}");
        }
    }
}

#[test]
fn members_that_the_build_writes_are_removed_from_pages() {
    let mut document = document();
    let at = "/paths/~1make/post/requestBody/content/application~1json/schema/properties";
    let odd =
        json!({"type": "integer", "x-enum": 3, "x-pattern": "[", "x-minLength": "no", "x-internal": true});
    document.pointer_mut(at).unwrap()["odd"] = odd;
    let found = property(&relaxed(document), "Make", "odd");
    assert_eq!(found, json!({"type": "integer", "x-internal": true}));
}

#[test]
fn relax_reports_the_number_of_changes_per_rule() {
    let relaxed = relaxed(document());
    let expected = [
        ("drop-reserved-titles", 0),
        ("drop-reserved-extensions", 0),
        ("drop-requirements-of-the-other-side", 0),
        ("drop-response-requirements", 0),
        ("document-request-requirements", 0),
        ("open-unions", 1),
        ("open-alternatives", 1),
        ("open-enums", 1),
        ("open-objects", 2),
        ("drop-response-patterns", 1),
        ("drop-response-exclusions", 1),
        ("drop-response-booleans", 1),
        ("widen-response-numbers", 1),
        ("drop-response-formats", 1),
        ("document-request-patterns", 1),
        ("document-request-exclusions", 1),
        ("document-request-booleans", 1),
        ("drop-foreign-formats", 1),
        ("drop-response-limits", 3),
        ("document-request-defaults", 2),
        ("drop-response-defaults", 1),
    ];
    assert_eq!(relaxed.report, expected);
}

#[test]
fn relax_warns_if_an_expected_rule_changes_nothing() {
    let mut document = document();
    let body = "/paths/~1make/post/responses/200/content/application~1json/schema";
    let response = document.pointer_mut(body).unwrap().as_object_mut().unwrap();
    response.remove("additionalProperties");
    response["properties"]["list"].as_object_mut().unwrap().remove("items");
    let [warning] = relaxed(document).warnings.try_into().unwrap();
    assert!(warning.starts_with("the rule \"open-objects\" no longer applies"), "{warning}");
}

#[test]
fn shared_component_is_relaxed_with_a_warning() {
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
    let relaxed = relaxed(document);
    assert_eq!(
        relaxed.warnings,
        ["/components/schemas/Shared: used in requests and in responses, so relaxed for both"]
    );
    assert_eq!(relaxed.document["components"]["schemas"]["Shared"], json!({"type": "object"}));
}

fn reference(name: &str) -> Value {
    crate::spec::extract::reference(name)
}

#[test]
fn known_values_of_an_open_union_stay_closed_if_also_used_in_a_response() {
    let mut document = document();
    let at = |side: &str| format!("/paths/~1make/post/{side}/content/application~1json/schema/properties");
    let union = document.pointer(&at("requestBody")).unwrap()["voice"].clone();
    let response = document.pointer_mut(&at("responses/200")).unwrap();
    response["voice"] = union;
    response["chosen"] = json!({"type": "string", "enum": ["leo"]});
    let line = "\n\"200.chosen\" = { open = \"AnyVoice\", known = \"KnownVoice\" }";
    let names: Names = toml::from_str(&(NAMES.to_owned() + line)).unwrap();
    let relaxed = relax(extract(document, &names).complete().unwrap());
    let known = json!({"title": "Known", "allOf": [reference("KnownVoice")]});
    assert_eq!(relaxed.document["components"]["schemas"]["Voice"]["oneOf"][0], known);
    assert_eq!(property(&relaxed, "Made", "chosen"), reference("AnyVoice"));
}
