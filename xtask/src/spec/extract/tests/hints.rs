//! Following the hints leads to an extracted document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Extracted, Named, document, extract, object, run, schemas};

/// Follows the hints once, and returns the table and the extracted document.
#[track_caller]
pub(super) fn follow_hints(document: &Value, names: &str) -> (String, Extracted) {
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
    assert_eq!(suggested.invalid(), Vec::<String>::new());
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
    let (table, extracted) = follow_hints(&document, "[make]\n\"request.a\" = \"MakeRequestAb2\"");
    assert_eq!(schemas(&extracted).as_object().unwrap().len(), 14, "{table}");
    let lower =
        schemas(&extracted).as_object().unwrap().keys().map(|name| name.to_lowercase().replace('_', ""));
    assert_eq!(lower.collect::<BTreeSet<_>>().len(), 14, "{table}");
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
fn suggested_name_within_a_component_starts_with_the_name_of_the_component() {
    let pet = object(&json!({"owner": object(&json!({"name": {}}))}));
    let (table, _) = follow_hints(&document(&json!({}), &json!({}), &json!({"Pet": pet})), "");
    assert_eq!(table, "[\"#/schemas/Pet\"]\nowner = \"PetOwner\"\n");
}

#[test]
fn enum_component_whose_name_is_no_type_name_keeps_the_name_as_its_open_type() {
    let response = object(&json!({"status": {"$ref": "#/components/schemas/task_STATUS"}}));
    let components = json!({"task_STATUS": {"type": "string", "enum": ["a"]}});
    let (table, _) = follow_hints(&document(&json!({}), &response, &components), "");
    assert!(
        table.contains("open = \"task_STATUS\"") && table.contains("known = \"KnownTaskStatus\""),
        "{table}"
    );
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
    let open = json!({"allOf": [{"type": "string"}, {"type": "string", "enum": ["a"]}]});
    let (table, extracted) = follow_hints(&document(&request, &open, &json!({})), "");
    let expected = [
        "KnownMake2002",
        "Make200",
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
