use serde_json::{Value, json};

use super::*;

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

/// Follows the hints once, and returns the table and the extracted document.
#[track_caller]
fn follow_hints(document: &Value, names: &str) -> (String, Extracted) {
    let Named { names: suggested, problems, .. } = extract(document.clone(), &toml::from_str(names).unwrap());
    let problems = problems.map(|problems| problems.to_string()).unwrap_or_default();
    let mut table: toml::Table = toml::from_str(names).unwrap();
    for hint in problems.lines().filter_map(|line| line.strip_prefix("hint: openapi/names.toml, under ")) {
        let (section, line) = hint.split_once("]: ").unwrap();
        let line: toml::Table = toml::from_str(line).unwrap();
        let key: toml::Table = toml::from_str(&format!("{section}]")).unwrap();
        let section = key.keys().next().unwrap().clone();
        let section = table.entry(section).or_insert(toml::Table::new().into()).as_table_mut().unwrap();
        for (path, name) in line {
            assert_eq!(section.insert(path.clone(), name), None, "{path} has two lines: {problems}");
        }
    }
    let table = toml::to_string(&table).unwrap();
    let extracted = run(document, &table).unwrap();
    let same = extract(document.clone(), &suggested);
    assert_eq!(same.extracted.document, extracted.document);
    (table, extracted)
}

#[test]
fn equal_unnamed_schemas_are_one_error_with_one_name_for_all() {
    let closed_enum = json!({"type": "string", "enum": ["a"]});
    let size = object(&json!({"size": closed_enum}));
    let request = object(&json!({"p": size, "q": size, "size": closed_enum}));
    let document = document(&request, &object(&json!({"size": closed_enum})), &json!({}));
    let error = run(&document, "[make]\nrequest = \"Make\"").unwrap_err();
    let expected = "found no name; equal schemas: [make] \"request.p.size\", [make] \"request.q.size\", [make] \"request.size\"\n";
    assert!(error.contains(expected), "{error}");
    let hints: Vec<_> = error.lines().filter(|line| line.starts_with("hint: ")).collect();
    let expected = [
        "hint: openapi/names.toml, under [make]: \"request.p\" = \"MakeRequestP\"",
        "hint: openapi/names.toml, under [make]: \"200\" = \"Make200\"",
        "hint: openapi/names.toml, under [make]: \"200.size\" = { open = \"Make200Size\", known = \"KnownMake200Size\" }",
    ];
    assert_eq!(hints, expected);
    let (_, extracted) = follow_hints(&document, "");
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let properties = json!({"p": reference("MakeRequestP"), "q": reference("MakeRequestP"),
        "size": reference("KnownMake200Size")});
    assert_eq!(schemas(&extracted)["MakeRequest"]["properties"], properties);
}

#[test]
fn equal_parents_of_differently_named_children_need_separate_names() {
    let child = object(&json!({"x": {}}));
    let parent = object(&json!({"child": child}));
    let request = object(&json!({"p": parent, "q": parent, "r": parent}));
    let names = "[make]\n\"request.p.child\" = \"A\"\n\"request.q.child\" = \"B\"\n\"request.p\" = \"P\"";
    let document = document(&request, &json!({}), &json!({}));
    let (_, extracted) = follow_hints(&document, names);
    let properties = &schemas(&extracted)["MakeRequest"]["properties"];
    assert_eq!(properties["q"]["$ref"], "#/components/schemas/MakeRequestQ");
    // An ambiguous child gets one of the existing names, so its parent needs no name.
    assert_eq!(properties["r"], properties["p"]);
}

#[test]
fn suggested_names_differ_from_each_other_and_from_existing_names() {
    let of = |key: &str| object(&json!({key: {}}));
    let request = object(&json!({
        "a_b": of("1"), "a-b": of("2"), "a": object(&json!({"b": of("3"), "1": {}})), "a.b": of("4"),
        "ä": of("5"), "ö": of("6"), "A_B": of("7"),
    }));
    let response = object(&json!({"kind": {"type": "string", "enum": ["b"]}, "pet": of("8")}));
    let components = json!({"known_make200_kind": {"type": "string"}, "Make200PET": {"type": "string"}});
    let document = document(&request, &response, &components);
    let (table, extracted) = follow_hints(&document, "[make]\n\"request.a\" = \"MakeRequestAB2\"");
    assert_eq!(schemas(&extracted).as_object().unwrap().len(), 14, "{table}");
    let lower =
        schemas(&extracted).as_object().unwrap().keys().map(|name| name.to_lowercase().replace('_', ""));
    assert_eq!(lower.collect::<std::collections::BTreeSet<_>>().len(), 14, "{table}");
    assert!(table.contains("KnownMake200Kind2"), "{table}");
}

#[test]
fn suggested_name_starts_with_a_letter() {
    let mut document = document(&object(&json!({"a": {}})), &json!({}), &json!({}));
    document["paths"]["/make"]["post"]["operationId"] = json!("2make");
    let (table, _) = follow_hints(&document, "");
    assert!(table.contains("request = \"Schema2makeRequest\""), "{table}");
}

#[test]
fn suggested_names_stay_when_an_operation_is_added() {
    let mut document = document(
        &object(&json!({"a_b": object(&json!({"x": {}})), "a": object(&json!({"b":
        object(&json!({"y": {}}))}))})),
        &json!({}),
        &json!({}),
    );
    let (table, _) = follow_hints(&document, "");
    document["paths"]["/first"] = document["paths"]["/make"].clone();
    document["paths"]["/first"]["post"]["operationId"] = json!("first");
    let (after, extracted) = follow_hints(&document, &table);
    assert!(after == table && schemas(&extracted).get("FirstRequest").is_none(), "{after}");
}

#[test]
fn name_of_an_enum_stays_when_the_enum_becomes_open_or_closed() {
    let closed_enum = json!({"type": "string", "enum": ["a"]});
    let both = |request: &Value, response: &Value| document(&object(request), &object(response), &json!({}));
    let in_request = both(&json!({"size": closed_enum}), &json!({"more": {}}));
    let in_response = both(&json!({"more": {}}), &json!({"size": closed_enum}));
    let line = "hint: openapi/names.toml, under [make]: \"request.size\" = \"Size\", instead of { open";
    let names = "[make]\nrequest = \"Make\"\n\"200\" = \"Made\"\n";
    let open = "= { open = \"Size\", known = \"KnownSize\" }";
    let error = run(&in_request, &format!("{names}\"request.size\" {open}")).unwrap_err();
    assert!(error.contains("found the unsuitable name { open") && error.contains(line), "{error}");
    let error = run(&in_response, &format!("{names}\"200.size\" = \"Size\"")).unwrap_err();
    assert!(error.contains(&format!("\"200.size\" {open}, instead of \"Size\"")), "{error}");
}

#[test]
fn parts_of_all_of_need_no_name_but_their_properties_do() {
    let size = |key: &str| object(&json!({"size": object(&json!({key: {}}))}));
    let union = json!({"oneOf": [size("b"), size("c")]});
    let parts = json!({"allOf": [size("a"), union]});
    let mut wide = object(&json!({"name": {}}));
    wide["anyOf"] = json!([{"required": ["name"], "properties": {"name": {"type": "string"}}}]);
    let only = json!({"allOf": [size("d")], "description": "d"});
    let request = object(&json!({"parts": parts, "wide": wide, "only": only}));
    let (table, extracted) = follow_hints(&document(&request, &json!({}), &json!({})), "");
    let expected = [
        "MakeRequest",
        "MakeRequestOnly1",
        "MakeRequestOnly1Size",
        "MakeRequestParts",
        "MakeRequestParts1Size",
        "MakeRequestParts21Size",
        "MakeRequestParts22Size",
        "MakeRequestWide",
    ];
    let names: Vec<_> = schemas(&extracted).as_object().unwrap().keys().collect();
    assert_eq!(names, expected, "{table}");
    let only = json!({"allOf": [{"$ref": "#/components/schemas/MakeRequestOnly1"}], "description": "d"});
    assert_eq!(schemas(&extracted)["MakeRequest"]["properties"]["only"], only);
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
