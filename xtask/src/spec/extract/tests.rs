use serde_json::{Value, json};

use super::*;

/// A document with one operation, `make`, that takes and gives these schemas.
fn document(request: &Value, response: &Value, components: &Value) -> Value {
    json!({
        "paths": {"/make": {"post": {
            "operationId": "make",
            "requestBody": {"content": {"application/json": {"schema": request}}},
            "responses": {"200": {"content": {"application/json": {"schema": response}}}},
        }}},
        "components": {"schemas": components},
    })
}

fn run(document: &Value, names: &str) -> Result<Extracted, String> {
    let names = toml::from_str(names).unwrap();
    extract(document.clone(), &names).map_err(|failure| failure.to_string())
}

fn schemas(hoisted: &Extracted) -> &Value {
    &hoisted.document["components"]["schemas"]
}

fn object(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties})
}

#[test]
fn what_is_said_of_a_use_stays_with_the_use() {
    let share = json!({"type": "number", "minimum": 0, "maximum": 1});
    let mut told = share.clone();
    told["description"] = json!("How loud.");
    told["default"] = json!(0.5);
    told["nullable"] = json!(true);
    let request = object(&json!({"a": told, "b": share}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"Share\"";
    let hoisted = run(&document(&request, &json!({"type": "string"}), &json!({})), names).unwrap();
    let reference = json!({"$ref": "#/components/schemas/Share"});
    let expected = json!({
        "Make": object(&json!({
            "a": {"allOf": [reference], "description": "How loud.", "default": 0.5, "nullable": true},
            "b": reference,
        })),
        "Share": share,
    });
    assert_eq!(*schemas(&hoisted), expected);
}

#[test]
fn an_object_takes_its_description_along() {
    let mut request = object(&json!({"a": {}}));
    request["description"] = json!("What to make.");
    let document = document(&request, &json!({}), &json!({}));
    let hoisted = run(&document, "[make]\nrequest = \"Make\"").unwrap();
    assert_eq!(schemas(&hoisted)["Make"]["description"], "What to make.");
    let body = "/paths/~1make/post/requestBody/content/application~1json/schema";
    assert_eq!(*hoisted.document.pointer(body).unwrap(), json!({"$ref": "#/components/schemas/Make"}));
}

#[test]
fn a_schema_without_a_name_is_told_with_the_line_that_it_needs() {
    let word = json!({"type": "string", "enum": ["a"]});
    let document = document(&object(&json!({"size": word})), &object(&json!({"kind": word})), &json!({}));
    let error = run(&document, "[make]\nrequest = \"Make\"").unwrap_err();
    for said in [
        "error: openapi/names.toml: [make] \"request.size\": expected a name for the inline schema at /paths/~1make/post/requestBody/content/application~1json/schema/properties/size, {\"enum\":[\"a\"],\"type\":\"string\"}; found no name\n",
        "error: openapi/names.toml: [make] \"200.kind\": expected two names",
        "hint: openapi/names.toml, under [make]: \"request.size\" = \"MakeRequestSize\"\n",
        "hint: openapi/names.toml, under [make]: \"200\" = \"Make200\"\n",
        "hint: openapi/names.toml, under [make]: \"200.kind\" = { open = \"Make200Kind\", known = \"KnownMake200Kind\" }\n",
    ] {
        assert!(error.contains(said), "expected {said}found {error}");
    }
}

#[test]
fn a_line_that_names_nothing_is_told() {
    let document = document(&json!({"type": "string"}), &json!({}), &json!({}));
    let error = run(&document, "[make]\n\"request.gone\" = \"Gone\"").unwrap_err();
    let said =
        "[make] \"request.gone\": expected an inline schema to call \"Gone\", found none at this place";
    assert!(error.contains(said), "{error}");
}

#[test]
fn two_schemas_of_one_name_are_told_with_both() {
    let request = object(&json!({"a": object(&json!({"x": {}})), "b": object(&json!({"y": {}}))}));
    let document = document(&request, &json!({}), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"Same\"\n\"request.b\" = \"Same\"";
    let error = run(&document, names).unwrap_err();
    for said in
        ["two schemas would be called \"Same\"", "properties/a is {", "properties/b is {", "\"x\"", "\"y\""]
    {
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_component_of_the_page_keeps_its_name_and_lends_it() {
    let pet = object(&json!({"a": {"type": "string"}}));
    let components = json!({"Pet": pet});
    let shared = run(&document(&pet, &json!({}), &components), "").unwrap();
    assert_eq!(*schemas(&shared), components);
    let other = object(&json!({"b": {}}));
    let error = run(&document(&other, &json!({}), &components), "[make]\nrequest = \"Pet\"").unwrap_err();
    assert!(error.contains("two schemas would be called \"Pet\""), "{error}");
}

#[test]
fn a_schema_that_equals_two_needs_a_name_of_its_own() {
    let point = object(&json!({"x": {}}));
    let request = object(&json!({"a": point, "b": point, "c": point}));
    let document = document(&request, &json!({}), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"One\"\n\"request.b\" = \"Two\"";
    let error = run(&document, names).unwrap_err();
    assert!(
        error.contains("\"request.c\": expected a name") && error.contains("\"One\" and \"Two\""),
        "{error}"
    );
}

#[test]
fn what_is_sent_is_not_what_is_received() {
    let point = object(&json!({"x": {}}));
    let document = document(&point, &point, &json!({}));
    let error = run(&document, "[make]\nrequest = \"Sent\"").unwrap_err();
    assert!(error.contains("[make] \"200\": expected a name"), "{error}");
}

#[test]
fn words_that_are_sent_and_received_are_one_closed_enum() {
    let mut word = json!({"type": "string", "enum": ["a", null], "nullable": true});
    let received = word.clone();
    word["default"] = json!("a");
    let document = document(&object(&json!({"w": word})), &object(&json!({"w": received})), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"200\" = \"Made\"\n\"200.w\" = { open = \"Word\", known = \"KnownWord\" }";
    let hoisted = run(&document, names).unwrap();
    assert_eq!(schemas(&hoisted)["KnownWord"], json!({"type": "string", "enum": ["a"]}));
    assert_eq!(hoisted.open.enums["KnownWord"], "Word");
    let sent = &schemas(&hoisted)["Make"]["properties"]["w"];
    let expected =
        json!({"allOf": [{"$ref": "#/components/schemas/KnownWord"}], "default": "a", "nullable": true});
    assert_eq!(*sent, expected);
}

#[test]
fn an_enum_that_the_page_names_gives_its_name_to_the_open_type() {
    let components = json!({"Status": {"type": "string", "enum": ["a"]}});
    let response = object(&json!({"status": {"$ref": "#/components/schemas/Status"}}));
    let document = document(&json!({"type": "string"}), &response, &components);
    let error = run(&document, "[make]\n\"200\" = \"Made\"").unwrap_err();
    let line = "under [\"#/schemas/Status\"]: \".\" = { open = \"Status\", known = \"KnownStatus\" }";
    assert!(error.contains(line), "{error}");
    let names = "[make]\n\"200\" = \"Made\"\n[\"#/schemas/Status\"]\n\".\" = { open = \"Status\", known = \"KnownStatus\" }";
    let hoisted = run(&document, names).unwrap();
    let known = json!({"$ref": "#/components/schemas/KnownStatus"});
    assert_eq!(schemas(&hoisted)["Made"]["properties"]["status"], known);
    assert_eq!(schemas(&hoisted)["KnownStatus"], components["Status"]);
    assert_eq!(hoisted.open.enums["KnownStatus"], "Status");
}
