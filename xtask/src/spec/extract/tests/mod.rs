use serde_json::{Value, json};

use super::*;

mod hints;
mod random;

/// Returns a document with one operation, `make`, with these request and response schemas.
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
    extract(document.clone(), &names).complete().map_err(|failure| failure.to_string())
}

fn schemas(extracted: &Extracted) -> &Value {
    &extracted.document["components"]["schemas"]
}

fn object(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties})
}

#[test]
fn annotations_of_a_use_stay_with_its_reference() {
    let share = json!({"type": "number", "minimum": 0, "maximum": 1});
    let mut annotated = share.clone();
    annotated["description"] = json!("How loud.");
    annotated["default"] = json!(0.5);
    annotated["nullable"] = json!(true);
    let request = object(&json!({"a": annotated, "b": share}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"Share\"";
    let extracted = run(&document(&request, &json!({"type": "string"}), &json!({})), names).unwrap();
    let reference = json!({"$ref": "#/components/schemas/Share"});
    let expected = json!({
        "Make": object(&json!({
            "a": {"allOf": [reference], "description": "How loud.", "default": 0.5, "nullable": true},
            "b": reference,
        })),
        "Share": share,
    });
    assert_eq!(*schemas(&extracted), expected);
}

#[test]
fn description_of_an_object_moves_to_its_component() {
    let mut request = object(&json!({"a": {}}));
    request["description"] = json!("What to make.");
    let document = document(&request, &json!({}), &json!({}));
    let extracted = run(&document, "[make]\nrequest = \"Make\"").unwrap();
    assert_eq!(schemas(&extracted)["Make"]["description"], "What to make.");
    let body = "/paths/~1make/post/requestBody/content/application~1json/schema";
    assert_eq!(*extracted.document.pointer(body).unwrap(), json!({"$ref": "#/components/schemas/Make"}));
}

#[test]
fn value_that_an_enum_lists_twice_is_one_variant() {
    let word = |values: &Value| json!({"type": "string", "enum": values});
    let request = object(&json!({
        "a": word(&json!(["b", "a", "b", null])), "b": word(&json!(["a", "b"])),
        "c": {"type": "number", "enum": [1, 2.5, 1.0, -0.0, 0]},
        "d": {"anyOf": [word(&json!(["x", "x"])), {"type": "string"}]},
    }));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"Word\"\n\"request.c\" = \"Step\"\n\"request.d\" = { open = \"X\", known = \"KnownX\" }";
    let extracted =
        run(&document(&request, &json!({}), &json!({"Own": word(&json!(["c", "c"]))})), names).unwrap();
    for (name, values) in [
        ("Word", json!(["b", "a"])),
        ("Step", json!([1, 2.5, -0.0])),
        ("KnownX", json!(["x"])),
        ("Own", json!(["c"])),
    ] {
        assert_eq!(schemas(&extracted)[name]["enum"], values, "{name}");
    }
}

#[test]
fn extract_without_a_name_fails_and_suggests_a_line() {
    let request = object(&json!({"size": {"type": "string", "enum": ["a"]}}));
    let response = object(&json!({"kind": {"type": "string", "enum": ["b"]}}));
    let error = run(&document(&request, &response, &json!({})), "[make]\nrequest = \"Make\"").unwrap_err();
    for expected in [
        "error: openapi/names.toml: [make] \"request.size\": expected a name for the inline schema at /paths/~1make/post/requestBody/content/application~1json/schema/properties/size, {\"enum\":[\"a\"],\"type\":\"string\"}; found no name\n",
        "error: openapi/names.toml: [make] \"200.kind\": expected two names",
        "hint: openapi/names.toml, under [make]: \"request.size\" = \"MakeRequestSize\"\n",
        "hint: openapi/names.toml, under [make]: \"200\" = \"Make200\"\n",
        "hint: openapi/names.toml, under [make]: \"200.kind\" = { open = \"Make200Kind\", known = \"KnownMake200Kind\" }\n",
    ] {
        assert!(error.contains(expected), "expected {expected}found {error}");
    }
}

#[test]
fn extract_with_unused_name_fails() {
    let document = document(&json!({"type": "string"}), &json!({}), &json!({}));
    let error = run(&document, "[make]\n\"request.gone\" = \"Gone\"").unwrap_err();
    let expected = "[make] \"request.gone\": unused name \"Gone\", expected an inline schema at this path";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn extract_with_one_name_for_two_schemas_fails_and_shows_both() {
    let request = object(&json!({"a": object(&json!({"x": {}})), "b": object(&json!({"y": {}}))}));
    let document = document(&request, &json!({}), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"Same\"\n\"request.b\" = \"Same\"";
    let error = run(&document, names).unwrap_err();
    for expected in [
        "properties/b, {\"properties\":{\"y\":{}},\"type\":\"object\"}",
        "found name \"Same\", which is used for two different schemas; the other is {\"properties\":{\"x\":{}}",
        "hint: openapi/names.toml, under [make]: \"request.b\" = \"MakeRequestB\", instead of \"Same\"",
    ] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn inline_schema_equal_to_a_component_uses_its_name() {
    let pet = object(&json!({"a": {"type": "string"}}));
    let components = json!({"Pet": pet});
    let shared = run(&document(&pet, &json!({}), &components), "").unwrap();
    assert_eq!(*schemas(&shared), components);
    let other = object(&json!({"b": {}}));
    let error = run(&document(&other, &json!({}), &components), "[make]\nrequest = \"Pet\"").unwrap_err();
    assert!(error.contains("found name \"Pet\", which is used for two different schemas"), "{error}");
}

#[test]
fn schema_equal_to_two_named_schemas_needs_its_own_name() {
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
fn equal_request_and_response_schemas_need_separate_names() {
    let point = object(&json!({"x": {}}));
    let document = document(&point, &point, &json!({}));
    let error = run(&document, "[make]\nrequest = \"Sent\"").unwrap_err();
    assert!(error.contains("[make] \"200\": expected a name"), "{error}");
}

#[test]
fn enum_in_request_and_response_becomes_one_closed_type() {
    let mut closed_enum = json!({"type": "string", "enum": ["a", null], "nullable": true});
    let in_response = closed_enum.clone();
    closed_enum["default"] = json!("a");
    let document =
        document(&object(&json!({"w": closed_enum})), &object(&json!({"w": in_response})), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"200\" = \"Made\"\n\"200.w\" = { open = \"Word\", known = \"KnownWord\" }";
    let extracted = run(&document, names).unwrap();
    assert_eq!(schemas(&extracted)["KnownWord"], json!({"type": "string", "enum": ["a"]}));
    assert_eq!(extracted.open.enums["KnownWord"], "Word");
    let in_request = &schemas(&extracted)["Make"]["properties"]["w"];
    let expected =
        json!({"allOf": [{"$ref": "#/components/schemas/KnownWord"}], "default": "a", "nullable": true});
    assert_eq!(*in_request, expected);
}

#[test]
fn response_enum_component_gives_its_name_to_the_open_type() {
    let components = json!({"Status": {"type": "string", "enum": ["a"]}});
    let response = object(&json!({"status": {"$ref": "#/components/schemas/Status"}}));
    let document = document(&json!({"type": "string"}), &response, &components);
    let error = run(&document, "[make]\n\"200\" = \"Made\"").unwrap_err();
    let line = "under [\"#/schemas/Status\"]: \".\" = { open = \"Status\", known = \"KnownStatus\" }";
    assert!(error.contains(line), "{error}");
    let names = "[make]\n\"200\" = \"Made\"\n[\"#/schemas/Status\"]\n\".\" = { open = \"Status\", known = \"KnownStatus\" }";
    let extracted = run(&document, names).unwrap();
    let known = json!({"$ref": "#/components/schemas/KnownStatus"});
    assert_eq!(schemas(&extracted)["Made"]["properties"]["status"], known);
    assert_eq!(schemas(&extracted)["KnownStatus"], components["Status"]);
    assert_eq!(extracted.open.enums["KnownStatus"], "Status");
}

#[test]
fn union_with_a_known_value_that_can_be_null_can_be_null() {
    let known = json!({"type": "string", "enum": ["a", null], "nullable": true, "default": "a"});
    let union = json!({"anyOf": [{"type": "string"}, known]});
    let document = document(&object(&json!({"voice": union})), &json!({}), &json!({}));
    let names =
        "[make]\nrequest = \"Make\"\n\"request.voice\" = { open = \"Voice\", known = \"KnownVoice\" }";
    let extracted = run(&document, names).unwrap();
    let expected =
        json!({"allOf": [{"$ref": "#/components/schemas/Voice"}], "default": "a", "nullable": true});
    assert_eq!(schemas(&extracted)["Make"]["properties"]["voice"], expected);
}

#[test]
fn schemas_that_differ_in_a_child_that_can_be_null_are_different() {
    let side = json!({"type": "integer", "minimum": 1});
    let mut nullable = side.clone();
    nullable["nullable"] = json!(true);
    let request =
        object(&json!({"a": object(&json!({"side": side})), "b": object(&json!({"side": nullable}))}));
    let document = document(&request, &json!({}), &json!({}));
    let names = "[make]\nrequest = \"Make\"\n\"request.a\" = \"A\"\n\"request.a.side\" = \"Side\"";
    let error = run(&document, names).unwrap_err();
    assert!(
        error.contains("[make] \"request.b\": expected a name") && !error.contains("request.b.side"),
        "{error}"
    );
}

#[test]
fn table_can_give_the_name_of_an_equal_component_if_their_children_have_the_same_names() {
    let pet = object(&json!({"owner": object(&json!({"name": {}}))}));
    let document = document(&pet, &json!({}), &json!({"Pet": pet}));
    let owner = "[\"#/schemas/Pet\"]\nowner = \"Owner\"";
    let names =
        |in_request| format!("[make]\nrequest = \"Pet\"\n\"request.owner\" = {in_request:?}\n{owner}");
    let extracted = run(&document, &names("Owner")).unwrap();
    assert_eq!(schemas(&extracted).as_object().unwrap().len(), 2);
    let error = run(&document, &names("Sender")).unwrap_err();
    let expected =
        "openapi/names.toml: /components/schemas/Pet: found name \"Pet\", which is used for two different";
    assert!(error.contains(expected), "{error}");
}
