use serde_json::{Value, json};

use super::*;

/// Returns a document whose operation takes `Order` and returns `Receipt`, with these properties.
fn document(order: &Value, receipt: &Value) -> Value {
    let body = |name: &str| {
        let reference = format!("#/components/schemas/{name}");
        json!({"content": {"application/json": {"schema": {"$ref": reference}}}})
    };
    let mut schemas = json!({
        "Order": {"type": "object"},
        "Receipt": {"type": "object"},
        "Size": {"type": "string", "enum": ["S"]},
        "KnownState": {"type": "string", "enum": ["OPEN", "DONE"]},
        "State": {"oneOf": [
            {"title": "Known", "allOf": [{"$ref": "#/components/schemas/KnownState"}]},
            {"title": "Other", "type": "string"}]},
    });
    json_patch::merge(&mut schemas, &json!({"Order": order, "Receipt": receipt}));
    json!({
        "paths": {"/order": {"post": {
            "operationId": "order", "requestBody": body("Order"), "responses": {"200": body("Receipt")}}}},
        "components": {"schemas": schemas},
    })
}

fn shop() -> Value {
    let size = json!({"allOf": [{"$ref": "#/components/schemas/Size"}], "description": "d"});
    document(
        &json!({"required": ["item", "size"], "properties": {
            "item": {"type": "string"}, "size": size, "note": {"type": "string"}}}),
        &json!({"required": ["id", "state"], "properties": {
            "id": {"type": "string"}, "state": {"$ref": "#/components/schemas/State"}}}),
    )
}

const TABLE: &str = r#"
Order = { arguments = ["item"], defaults = { size = "S" } }
Receipt = { arguments = ["id"], defaults = { state = "OPEN" } }
"#;

fn run(document: &Value, table: &str) -> Result<Value, String> {
    let (document, problems) = add(document.clone(), &toml::from_str(table).unwrap());
    problems.map_or(Ok(document), |problems| Err(problems.to_string()))
}

#[track_caller]
fn assert_fails(document: &Value, table: &str, expected: &[&str]) {
    let error = run(document, table).unwrap_err();
    for expected in expected {
        assert!(error.contains(expected), "expected {expected}\nfound {error}");
    }
}

#[test]
fn add_writes_arguments_defaults_and_usage_to_each_component() {
    let built = run(&shop(), TABLE).unwrap();
    let schemas = &built["components"]["schemas"];
    let order = json!({"arguments": ["item"], "defaults": {"size": "S"}, "sent": true});
    assert_eq!(schemas["Order"]["x-constructor"], order);
    let receipt = json!({"arguments": ["id"], "defaults": {"state": "OPEN"}, "sent": false});
    assert_eq!(schemas["Receipt"]["x-constructor"], receipt);
    assert_eq!(schemas["State"].get("x-constructor"), None);
}

#[test]
fn union_with_required_properties_has_no_constructor() {
    let mut shop = shop();
    shop["components"]["schemas"]["Receipt"]["properties"]["by"] =
        json!({"allOf": [{"$ref": "#/components/schemas/Payment"}]});
    shop["components"]["schemas"]["Payment"] =
        json!({"required": ["id"], "oneOf": [{"type": "object"}, {"type": "string"}]});
    let built = run(&shop, TABLE).unwrap();
    assert_eq!(built["components"]["schemas"]["Payment"].get("x-constructor"), None);
}

#[test]
fn type_without_entry_fails_and_suggests_an_entry_that_succeeds() {
    let error = run(&shop(), "").unwrap_err();
    assert!(error.contains("error: openapi/constructors.toml: Order: no constructor"), "{error}");
    let lines = error.lines().filter_map(|line| line.strip_prefix("hint: openapi/constructors.toml: "));
    let table = lines.collect::<Vec<_>>().join("\n");
    assert!(table.contains(r#"Order = { arguments = ["item"], defaults = { "size" = "S" } }"#), "{table}");
    run(&shop(), &table).unwrap();
}

#[test]
fn entry_without_component_or_with_unknown_property_fails() {
    assert_fails(&shop(), &format!("{TABLE}Gone = {{ arguments = [] }}"), &["Gone: unused entry"]);
    let removed = TABLE.replace(r#"["id"]"#, r#"["id", "cost"]"#);
    assert_fails(&shop(), &removed, &["Receipt: unknown property \"cost\"", "a breaking change"]);
    let twice = TABLE.replace(r#"["id"]"#, r#"["id", "state"]"#);
    assert_fails(&shop(), &twice, &["Receipt: property \"state\" is listed twice"]);
}

#[test]
fn added_optional_property_needs_no_change_of_the_table() {
    let mut document = shop();
    for schema in ["Order", "Receipt"] {
        document["components"]["schemas"][schema]["properties"]["more"] = json!({"type": "number"});
    }
    run(&document, TABLE).unwrap();
}

#[test]
fn argument_that_becomes_optional_stays_an_argument() {
    let mut document = shop();
    document["components"]["schemas"]["Order"]["required"] = json!(["size"]);
    run(&document, TABLE).unwrap();
    document["components"]["schemas"]["Order"]["required"] = json!(["item"]);
    assert_fails(&document, TABLE, &["default of \"size\": the property is optional, expected no default"]);
}

/// Adds a required property to a schema of the document.
fn with_required(schema: &str, property: &Value) -> Value {
    let mut document = shop();
    let schema = &mut document["components"]["schemas"][schema];
    schema["properties"]["more"] = property.clone();
    schema["required"].as_array_mut().unwrap().push(json!("more"));
    document
}

#[test]
fn required_received_property_gets_the_suggested_default() {
    for (property, default) in [
        (json!({"type": "string"}), "\"\""),
        (json!({"type": "integer"}), "0"),
        (json!({"type": "boolean"}), "false"),
        (json!({"type": "array", "items": {"type": "string"}}), "[]"),
        (json!({"$ref": "#/components/schemas/State"}), "\"OPEN\""),
    ] {
        let document = with_required("Receipt", &property);
        let hint = format!("hint: openapi/constructors.toml: Receipt: defaults = {{ \"more\" = {default} }}");
        assert_fails(&document, TABLE, &["Receipt: required property \"more\" is not listed", &hint]);
        let table = TABLE.replace("state =", &format!("more = {default}, state ="));
        run(&document, &table).unwrap();
    }
    let object = with_required("Receipt", &json!({"$ref": "#/components/schemas/Order"}));
    assert_fails(&object, TABLE, &["hint: openapi/fixes.json: remove \"more\""]);
}

#[test]
fn required_sent_property_must_become_an_argument() {
    let document = with_required("Order", &json!({"type": "string"}));
    assert_fails(&document, TABLE, &["add \"more\" to the arguments: a breaking change"]);
    let default = TABLE.replace("size =", "more = \"\", size =");
    assert_fails(&document, &default, &["default of \"more\": `new` would send it, expected an argument"]);
    run(&document, &TABLE.replace(r#"["item"]"#, r#"["item", "more"]"#)).unwrap();
}

#[test]
fn default_of_an_enum_stays_when_values_are_added_and_fails_when_it_is_removed() {
    let mut document = shop();
    document["components"]["schemas"]["Size"]["enum"] = json!(["XL", "S"]);
    let built = run(&document, TABLE).unwrap();
    assert_eq!(built["components"]["schemas"]["Order"]["x-constructor"]["defaults"]["size"], "S");
    document["components"]["schemas"]["Size"]["enum"] = json!(["XL"]);
    assert_fails(&document, TABLE, &["default of \"size\": \"S\" is unknown, expected one of [\"XL\"]"]);
}

#[test]
fn default_of_another_type_fails() {
    let document = with_required("Receipt", &json!({"type": "number"}));
    let table = TABLE.replace("state =", "more = \"0\", state =");
    assert_fails(
        &document,
        &table,
        &["default of \"more\": \"0\" has another type, expected a value such as 0"],
    );
}

#[test]
fn default_with_a_fraction_for_an_integer_fails() {
    let document = with_required("Receipt", &json!({"type": "integer"}));
    let table = TABLE.replace("state =", "more = 0.5, state =");
    assert_fails(&document, &table, &["default of \"more\": 0.5 has another type"]);
}

#[test]
fn property_that_another_part_of_all_of_requires_is_required() {
    let parts = [json!({"required": ["id"]}), json!({"properties": {"id": {"type": "string"}}})];
    for parts in [json!(parts), json!([parts[1], parts[0]])] {
        assert_fails(
            &document(&json!({"allOf": parts}), &json!({})),
            "",
            &["Order = { arguments = [\"id\"] }"],
        );
    }
}

#[test]
fn type_without_defined_properties_needs_an_entry() {
    let closed = json!({"type": "object", "additionalProperties": false});
    assert_fails(
        &document(&closed, &json!({})),
        "",
        &["hint: openapi/constructors.toml: Order = { arguments = [] }"],
    );
    let undefined = document(&json!({"required": ["id"]}), &json!({}));
    assert_fails(&undefined, "", &["hint: openapi/constructors.toml: Order = { arguments = [\"id\"] }"]);
    run(&document(&json!({}), &json!({})), "").unwrap();
}

/// Without memory of visited schemas, this takes hours.
#[test]
fn part_of_all_of_that_many_parts_share_is_read_once() {
    let mut document = shop();
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.insert("Z0".to_owned(), json!({"required": ["id"], "properties": {"id": {"type": "string"}}}));
    for number in 1..40 {
        let part = json!({"$ref": format!("#/components/schemas/Z{}", number - 1)});
        schemas.insert(format!("Z{number}"), json!({"allOf": [part, part]}));
    }
    schemas.insert("Order".to_owned(), json!({"allOf": [{"$ref": "#/components/schemas/Z39"}]}));
    assert_fails(&document, "", &["Order = { arguments = [\"id\"] }"]);
}

#[test]
fn properties_of_all_of_parts_count() {
    let order = json!({"required": ["size", "item"], "allOf": [{"$ref": "#/components/schemas/Receipt"}]});
    let mut document = document(&order, &shop()["components"]["schemas"]["Receipt"]);
    // A part that contains itself.
    let parts = document["components"]["schemas"]["Order"]["allOf"].as_array_mut().unwrap();
    parts.push(json!({"$ref": "#/components/schemas/Order"}));
    assert_fails(&document, "", &["Order = { arguments = [\"id\", \"item\", \"size\", \"state\"] }"]);
}

#[test]
fn document_with_disagreements_has_the_valid_and_the_suggested_part_of_each_entry() {
    let document = with_required("Receipt", &json!({"type": "number"}));
    let table = r#"
Order = { arguments = ["item", "gone", "item"], defaults = { size = "XL" } }
Receipt = { arguments = ["state"] }"#;
    let (built, problems) = add(document, &toml::from_str(table).unwrap());
    let schemas = &built["components"]["schemas"];
    let order = json!({"arguments": ["item"], "defaults": {"size": "S"}, "sent": true});
    assert_eq!(schemas["Order"]["x-constructor"], order);
    let receipt = json!({"arguments": ["state"], "defaults": {"id": "", "more": 0}, "sent": false});
    assert_eq!(schemas["Receipt"]["x-constructor"], receipt);
    let problems = problems.unwrap().to_string();
    assert_eq!(problems.lines().filter(|line| line.starts_with("error: ")).count(), 5, "{problems}");
}

#[test]
fn suggested_entry_is_valid_toml_for_any_name() {
    let item = json!({"type": "string"});
    let order = json!({"required": ["a \"b\""], "properties": {"a \"b\"": item}});
    let document = document(&order, &json!({}));
    let text = document.to_string().replace("/Order\"", "/Or.der\"").replace("\"Order\":", "\"Or.der\":");
    let document: Value = serde_json::from_str(&text).unwrap();
    let error = run(&document, "").unwrap_err();
    let line = error.lines().find_map(|line| line.strip_prefix("hint: openapi/constructors.toml: ")).unwrap();
    run(&document, line).unwrap();
}
