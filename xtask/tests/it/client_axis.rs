//! The client axis: what a change of a page means for code that uses the generated API. The level is computed from the
//! generated clients, so each expectation here is what a reader of the two APIs would say.

use serde_json::{Value, json};

use crate::{added_pages::follow_hints, support::Root};

pub(crate) const BODY: &str = "/requestBody/content/application~1json/schema";
pub(crate) const SUCCESS: &str = "/responses/200/content/application~1json/schema";
pub(crate) const CREATE: &str = "/paths/~1async~1speech~1create/post";
pub(crate) const RESULT: &str = "/paths/~1async~1speech~1result/post";

/// A change of a page: the values at pointers, and `null` for a removed one. A pointer may be relative to the operation.
struct Change {
    name: &'static str,
    page: &'static str,
    edits: Value,
    level: &'static str,
    /// A part of the text of a difference.
    shown: &'static str,
}

fn change(
    name: &'static str,
    page: &'static str,
    edits: Value,
    level: &'static str,
    shown: &'static str,
) -> Change {
    Change { name, page, edits, level, shown }
}

/// Returns the pointer of a property of the request.
pub(crate) fn sent(property: &str) -> String {
    format!("{CREATE}{BODY}/properties/{property}")
}

/// Returns the pointer of a property of the result.
pub(crate) fn received(property: &str) -> String {
    format!("{RESULT}{SUCCESS}/properties/{property}")
}

fn changes() -> Vec<Change> {
    let changes = [
        changes_of_requests(),
        changes_of_values_and_forms(),
        changes_of_operations(),
        changes_of_responses(),
    ];
    changes.into_iter().flatten().collect()
}

fn create(name: &'static str, edits: Value, level: &'static str, shown: &'static str) -> Change {
    change(name, "speech-create", edits, level, shown)
}

fn result(name: &'static str, edits: Value, level: &'static str, shown: &'static str) -> Change {
    change(name, "speech-result", edits, level, shown)
}

pub(crate) fn at(pointer: String, value: impl Into<Value>) -> Value {
    Value::Object([(pointer, value.into())].into_iter().collect())
}

fn changes_of_requests() -> Vec<Change> {
    let text = json!({"type": "string"});
    vec![
        create(
            "optional property",
            at(sent("speed"), text.clone()),
            "compatible",
            "types::SpeechRequest::speed: field added",
        ),
        create(
            "required property",
            json!({sent("speed"): text, format!("{CREATE}{BODY}/required"): ["model", "input", "speed"]}),
            "breaking",
            "types::SpeechRequest::new(): arguments",
        ),
        create(
            "property removed",
            at(sent("stream"), Value::Null),
            "breaking",
            "types::SpeechRequest::stream: field removed",
        ),
        create(
            "type changed",
            at(sent("stream/type"), json!("string")),
            "breaking",
            "types::SpeechRequest::stream: type",
        ),
        create(
            "property nullable",
            at(sent("stream/nullable"), json!(true)),
            "breaking",
            "`Option<Option<bool>>`",
        ),
        create(
            "no longer required",
            at(format!("{CREATE}{BODY}/required"), json!(["model"])),
            "breaking",
            "types::SpeechRequest::input: type",
        ),
        create(
            "maximum raised",
            json!({
                sent("temperature/maximum"): 2, sent("exaggeration/maximum"): 2, sent("cfg_weight/maximum"): 2,
            }),
            "compatible",
            "bounds",
        ),
        create(
            "length raised",
            at(sent("input/maxLength"), json!(5000)),
            "compatible",
            "facts::INPUT_LENGTH",
        ),
        create("pattern", at(sent("input/pattern"), json!("^a")), "none", ""),
        create("default", at(sent("stream/default"), json!(true)), "none", ""),
        create("description", at(sent("stream/description"), json!("d")), "none", ""),
        create("title", at(sent("stream/title"), json!("t")), "none", ""),
        create(
            "known values beside a text with a length",
            at(
                sent("style"),
                json!({"oneOf": [
                    {"type": "string", "maxLength": 64, "minLength": 1}, {"type": "string", "enum": ["calm"]}]}),
            ),
            "compatible",
            "types::AsyncSpeechCreateRequestStyle: enum added",
        ),
    ]
}

fn changes_of_values_and_forms() -> Vec<Change> {
    let text = json!({"type": "string"});
    vec![
        create(
            "value added",
            at(sent("model/enum"), json!(["Chatterbox", "Other-2"])),
            "compatible",
            "types::SpeechModel::Other2: variant added",
        ),
        create(
            "value replaced",
            at(sent("model/enum"), json!(["Chatterbox2"])),
            "breaking",
            "types::SpeechModel::Chatterbox: variant removed",
        ),
        create(
            "value in another case",
            at(sent("model/enum"), json!(["chatterbox"])),
            "breaking",
            "form in JSON",
        ),
        create(
            "known value added",
            at(sent("voice/anyOf/0/enum"), json!(["leo", "nora", "mia"])),
            "compatible",
            "types::KnownVoice::Mia: variant added",
        ),
        create(
            "known value removed",
            at(sent("voice/anyOf/0/enum"), json!(["leo"])),
            "breaking",
            "types::KnownVoice::Nora: variant removed",
        ),
        create(
            "union closed",
            at(sent("voice"), json!({"type": "string", "enum": ["leo", "nora"]})),
            "breaking",
            "types::SpeechRequest::voice: type",
        ),
        create("object opened", at(format!("{CREATE}{BODY}/additionalProperties"), json!(true)), "none", ""),
        create(
            "map added",
            at(format!("{CREATE}{BODY}/additionalProperties"), json!({"type": "string"})),
            "compatible",
            "types::SpeechRequest::extra: field added",
        ),
        create(
            "multipart body",
            json!({
                format!("{CREATE}/requestBody/content"): {"multipart/form-data": {"schema": {"type": "object"}}},
            }),
            "breaking",
            "expected one media type",
        ),
        create(
            "two properties of one name",
            at(sent("Stream"), text.clone()),
            "breaking",
            "two fields of SpeechRequest would be called stream",
        ),
        create(
            "numeric enum",
            at(sent("speed"), json!({"type": "number", "enum": [1, 1.5]})),
            "compatible",
            "field added",
        ),
        create(
            "format",
            at(sent("speed"), json!({"type": "string", "format": "uuid"})),
            "compatible",
            "field added",
        ),
    ]
}

fn changes_of_operations() -> Vec<Change> {
    vec![
        create(
            "method renamed",
            at(format!("{CREATE}/operationId"), json!("makeSpeech")),
            "breaking",
            "Client::async_speech_create(): method removed",
        ),
        create(
            "clash with a method",
            at(format!("{CREATE}/operationId"), json!("speak")),
            "breaking",
            "Client has a method speak already",
        ),
        create(
            "parameter added",
            at(
                format!("{CREATE}/parameters"),
                json!([
            {"name": "trace", "in": "query", "schema": {"type": "string"}}]),
            ),
            "breaking",
            "Client::async_speech_create(): arguments",
        ),
        create(
            "operation added",
            at(
                "/paths/~1async~1speech~1create/get".to_owned(),
                json!({
            "operationId": "listSpeeches", "responses": {"200": {"description": "d"}}}),
            ),
            "compatible",
            "Client::list_speeches(): method added",
        ),
        create("tag", at(format!("{CREATE}/tags"), json!(["new"])), "none", ""),
        create("deprecated", at(format!("{CREATE}/deprecated"), json!(true)), "none", ""),
        create(
            "key not needed",
            at(format!("{CREATE}/security"), json!([])),
            "compatible",
            "facts::WITHOUT_KEY",
        ),
        create(
            "another credential",
            json!({
            "/components/securitySchemes/ApiKeyAuth": {"type": "http", "scheme": "bearer"}}),
            "breaking",
            "expected an API key in a header",
        ),
        create(
            "key in another header",
            at("/components/securitySchemes/ApiKeyAuth/name".to_owned(), json!("x-key")),
            "breaking",
            "facts::KEY_HEADER",
        ),
        create(
            "another server",
            at("/servers/0/url".to_owned(), json!("https://api2.distribute.ai")),
            "breaking",
            "facts::BASE_URL",
        ),
        create("server described", at("/servers/0/description".to_owned(), json!("d")), "none", ""),
        create(
            "server of an operation",
            at(format!("{CREATE}/servers"), json!([{"url": "https://eu.distribute.ai"}])),
            "breaking",
            "https://eu.distribute.ai",
        ),
    ]
}

fn changes_of_responses() -> Vec<Change> {
    let created = json!({
        "type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": false});
    let json_body =
        |schema: Value| json!({"description": "d", "content": {"application/json": {"schema": schema}}});
    let response = |status: &str| format!("{CREATE}/responses/{status}");
    vec![
        create(
            "another success status",
            json!({response("200"): null, response("201"): json_body(created.clone())}),
            "breaking",
            "",
        ),
        create("second success status", at(response("202"), json_body(created.clone())), "none", ""),
        create(
            "other success body",
            at(response("202"), json_body(json!({"type": "string"}))),
            "breaking",
            "the body differs from that of status 200",
        ),
        create("error without a body", at(response("401"), json!({"description": "d"})), "none", ""),
        create(
            "error with another body",
            at(response("422"), json_body(json!({"type": "array", "items": {"type": "string"}}))),
            "none",
            "",
        ),
        create("default error", at(response("default"), json_body(json!({"type": "integer"}))), "none", ""),
        create("error removed", at(response("400"), Value::Null), "none", ""),
        create(
            "received property added",
            at(format!("{CREATE}{SUCCESS}/properties/queue"), json!({"type": "integer"})),
            "compatible",
            "types::TaskCreated::queue: field added",
        ),
        create(
            "received type",
            at(format!("{CREATE}{SUCCESS}/properties/id/type"), json!("integer")),
            "breaking",
            "types::TaskCreated::id: type",
        ),
        create(
            "received property optional",
            at(format!("{CREATE}{SUCCESS}/required"), json!([])),
            "breaking",
            "types::TaskCreated::id: type",
        ),
        result(
            "received value added",
            at(received("status/enum/7"), json!("PAUSED")),
            "compatible",
            "types::KnownStatus::Paused: variant added",
        ),
        result(
            "received value removed",
            at(received("status/enum/2"), Value::Null),
            "breaking",
            "types::KnownStatus::Postponed: variant removed",
        ),
        result(
            "enum opened",
            at(received("status"), json!({"type": "string"})),
            "breaking",
            "types::SpeechResult::status: type",
        ),
        result("received limit", at(received("model/maxLength"), json!(9)), "none", ""),
        result("received format", at(received("model/format"), json!("uuid")), "none", ""),
        result(
            "received list nullable",
            at(received("results/nullable"), json!(true)),
            "breaking",
            "types::SpeechResult::results: type",
        ),
        result(
            "received url required",
            at(received("results/items/required"), json!(["url"])),
            "breaking",
            "types::SpeechOutput::url: type",
        ),
        result(
            "received union",
            at(received("extra_data"), json!({"oneOf": [{"type": "string"}, {"type": "number"}]})),
            "compatible",
            "field added",
        ),
        result(
            "received number narrowed",
            at(received("created/type"), json!("integer")),
            "breaking",
            "types::SpeechResult::created: type",
        ),
    ]
}

/// Returns the document with the edits.
pub(crate) fn edited(document: &Value, edits: &Value) -> Value {
    let mut document = document.clone();
    for (pointer, value) in edits.as_object().unwrap() {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        match (document.pointer_mut(parent).unwrap(), value) {
            (Value::Object(members), Value::Null) => drop(members.remove(&key)),
            (Value::Object(members), value) => drop(members.insert(key, value.clone())),
            (Value::Array(items), Value::Null) => drop(items.remove(key.parse().unwrap())),
            (Value::Array(items), value) if key.parse() == Ok(items.len()) => items.push(value.clone()),
            (Value::Array(items), value) => items[key.parse::<usize>().unwrap()] = value.clone(),
            _ => panic!("{pointer}"),
        }
    }
    document
}

/// Publishes a change, follows the hints, and returns its level.
pub(crate) fn publish(root: &Root, name: &str) -> &'static str {
    let change = changes().into_iter().find(|change| change.name == name).unwrap();
    let document = edited(&root.json(&format!("openapi/upstream/{}.json", change.page)), &change.edits);
    root.write_pages();
    root.write_page(change.page, &document);
    for _ in 0..3 {
        let result = root.xtask("spec accept --from pages");
        if result.is_success() {
            break;
        }
        follow_hints(root, &result.stderr());
    }
    root.xtask("spec build --check").assert_success();
    change.level
}

#[test]
fn level_of_each_change_is_what_it_does_to_the_generated_client() {
    let root = Root::live();
    let mut wrong = Vec::new();
    for Change { name, page, edits, level, shown } in changes() {
        let old = format!("openapi/upstream/{page}.json");
        root.write("new.json", &edited(&root.json(&old), &edits).to_string());
        let report = root.xtask(&format!("spec diff {old} new.json --format json --fail-on none"));
        let report: Value = serde_json::from_str(&report.assert_success()).unwrap();
        let text = report.to_string().replace("\\\"", "\"").replace("\\\\", "\\");
        // Each of these changes has a finding of its own, which explains all differences.
        let is_explained = !text.contains("client-surface-changed");
        if report["client"] != level || !text.contains(shown) || !is_explained {
            wrong.push(format!("{name}: expected {level} with {shown:?}, found {report:#}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {}", wrong.len(), wrong.join("\n"));
}

#[test]
fn request_that_published_releases_do_not_send_is_breaking() {
    let root = Root::live();
    let page = root.json("openapi/upstream/speech-create.json");
    let path = "/async/speech/create";
    let operation = &page["paths"][path]["post"];
    let with_item = |path: &str, item: Value| {
        let mut document = page.clone();
        document["paths"] = json!({path: item});
        document
    };
    let with_parameter = |name: &str| {
        let parameter = json!({"name": name, "in": "query", "schema": {"type": "integer"}});
        let mut operation = operation.clone();
        operation["parameters"] = json!([parameter]);
        with_item(path, json!({"post": operation}))
    };
    let at_server = |url: &str| {
        let mut operation = operation.clone();
        operation["servers"] = json!([{"url": url}]);
        with_item(path, json!({"post": operation}))
    };
    for (old, new, expected) in [
        (page.clone(), with_item("/speech", json!({"post": operation})), "is now `POST /speech`"),
        (page.clone(), with_item(path, json!({"put": operation})), "is now `PUT /async/speech/create`"),
        (
            with_parameter("pageSize"),
            with_parameter("page_size"),
            "?pageSize` is now `POST /async/speech/create?page_size`",
        ),
        (
            page.clone(),
            at_server("https://api.distribute.ai/v2"),
            "is now `POST https://api.distribute.ai/v2/async",
        ),
        (page.clone(), at_server("https://api.distribute.ai"), ""),
    ] {
        root.write("old.json", &old.to_string());
        root.write("new.json", &new.to_string());
        let report = root.xtask("spec diff old.json new.json --format json --fail-on none").assert_success();
        let report: Value = serde_json::from_str(&report).unwrap();
        let level = if expected.is_empty() { "none" } else { "breaking" };
        let is_explained = !report.to_string().contains("client-surface-changed");
        assert!(
            report["client"] == level && report.to_string().contains(expected) && is_explained,
            "{report:#}"
        );
    }
}

#[test]
fn clients_of_built_documents_are_compared_as_they_are() {
    let root = Root::live();
    let mut built = root.json("openapi/distribute-ai.json");
    let constructor = &mut built["components"]["schemas"]["SpeechRequest"]["x-constructor"];
    constructor["arguments"] = json!(["model", "input"]);
    constructor["defaults"] = json!({});
    root.write("new.json", &built.to_string());
    let report = root.xtask("spec diff openapi/distribute-ai.json new.json --format json --fail-on none");
    let report: Value = serde_json::from_str(&report.assert_success()).unwrap();
    let is_found = report.to_string().contains("types::SpeechRequest::new(): arguments");
    assert!(report["client"] == "breaking" && is_found, "{report:#}");
}

#[test]
fn known_values_beside_a_text_with_a_length_are_accepted_with_the_printed_lines() {
    let root = Root::live();
    publish(&root, "known values beside a text with a length");
}

#[test]
fn documents_of_another_api_have_no_client() {
    let root = Root::live();
    let document = |kind: &str| {
        json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/other": {
        "get": {"operationId": "other", "responses": {"200": {"description": "d", "content": {"application/json": {
            "schema": {"type": kind}}}}}}}}})
    };
    root.write("old.json", &document("string").to_string());
    root.write("new.json", &document("integer").to_string());
    let report = root.xtask("spec diff old.json new.json --format json --fail-on none").assert_success();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["wire"], &report["client"]), (&json!("err"), &json!("none")));
}
