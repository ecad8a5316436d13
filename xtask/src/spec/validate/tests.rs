use serde_json::{Map, Value, json};

use super::*;
use crate::spec::diagnostics::Severity;

/// A valid document that uses every feature of OpenAPI 3.0.
const EVERYTHING: &str = include_str!("../../../tests/documents/everything.json");
const CREATE: &str = include_str!("../../../tests/openapi/upstream/speech-create.json");
const RESULT: &str = include_str!("../../../tests/openapi/upstream/speech-result.json");

const POST: &str = "/paths/~1async~1speech~1create/post";
const BODY: &str = "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema";

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn problems_of(document: &Value, severity: Severity) -> Vec<(String, String)> {
    let problems = validate(document).into_iter().filter(|p| p.severity == severity);
    problems.map(|p| (p.pointer.to_string(), p.message)).collect()
}

/// Returns the create page with the value at a pointer replaced. `null` removes the value.
fn with_value(at: &str, value: &Value) -> Value {
    let mut document = document(CREATE);
    let (parent, key) = at.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    let key = key.replace("~1", "/");
    match parent {
        Value::Object(members) if value.is_null() => drop(members.remove(&key)),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
        parent => parent[key] = value.clone(),
    }
    document
}

#[test]
fn validate_accepts_the_published_documents() {
    for text in [CREATE, RESULT] {
        assert_eq!(validate(&document(text)), []);
        assert_eq!(generator_requirements(&document(text), Severity::Error), []);
    }
}

#[test]
fn validate_accepts_every_feature_of_openapi_3_0() {
    assert_eq!(problems_of(&document(EVERYTHING), Severity::Error), []);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of invalid values, pointers and messages")]
fn validate_rejects_invalid_values_with_pointer_and_message() {
    let body = |rest: &str| format!("{BODY}{rest}");
    let post = |rest: &str| format!("{POST}{rest}");
    let at = |rest: &str| rest.to_owned();
    let removed = Value::Null;
    let cases = [
        (at("/info"), removed.clone(), at("/info"), "missing"),
        (
            at("/info/version"),
            removed.clone(),
            at("/info/version"),
            "missing, required by info; found only title",
        ),
        (at("/info/version"), json!(1), at("/info/version"), "expected a string, found 1"),
        (at("/paths"), removed.clone(), at("/paths"), "missing"),
        (at("/openapi"), removed.clone(), at("/openapi"), "missing, expected \"3.0.x\""),
        (at("/openapi"), json!("3.1.0"), at("/openapi"), "found \"3.1.0\""),
        (at("/openapi"), json!("3.0"), at("/openapi"), "found \"3.0\""),
        (at("/openapi"), json!(3.0), at("/openapi"), "found 3.0"),
        (at("/swagger"), json!("2.0"), at("/swagger"), "found Swagger \"2.0\""),
        (post("/responses/200/description"), removed.clone(), post("/responses/200/description"), "missing"),
        (post("/responses"), removed.clone(), post("/responses"), "missing, required by an operation"),
        (post("/responses"), json!({}), post("/responses"), "expected at least one response"),
        (post("/responses/20O"), json!({"description": "d"}), post("/responses/20O"), "found \"20O\""),
        (post("/responses/600"), json!({"description": "d"}), post("/responses/600"), "found \"600\""),
        (post("/respones"), json!({}), post("/respones"), "unknown key in an operation"),
        (
            body("/properties/input/maxLen"),
            json!(3),
            body("/properties/input/maxLen"),
            "unknown key in a schema",
        ),
        (body("/properties/input/type"), json!("strng"), body("/properties/input/type"), "found \"strng\""),
        (body("/properties/input/type"), json!("null"), body("/properties/input/type"), "found \"null\""),
        (
            body("/properties/input/type"),
            json!(["string"]),
            body("/properties/input/type"),
            "require OpenAPI 3.1",
        ),
        (body("/properties/input/minLength"), json!("2"), body("/properties/input/minLength"), "found \"2\""),
        (body("/properties/input/minLength"), json!(-1), body("/properties/input/minLength"), "found -1"),
        (
            body("/properties/input/pattern"),
            json!("(a"),
            body("/properties/input/pattern"),
            "regular expression",
        ),
        (
            body("/properties/input/pattern"),
            json!("(?i)abc"),
            body("/properties/input/pattern"),
            "expected an ECMA 262 regular expression, found \"(?i)abc\"",
        ),
        (body("/properties/model/enum"), json!("a"), body("/properties/model/enum"), "expected a list"),
        (body("/properties/model/enum"), json!([]), body("/properties/model/enum"), "a non-empty list"),
        (
            body("/properties/temperature/exclusiveMinimum"),
            json!(0),
            body("/properties/temperature/exclusiveMinimum"),
            "true or false",
        ),
        (body("/properties/stream"), json!(true), body("/properties/stream"), "an object, a schema"),
        (body("/properties"), json!([]), body("/properties"), "expected an object, found []"),
        (body("/required"), json!(true), body("/required"), "expected a list, found true"),
        (body("/required"), json!([1]), body("/required/0"), "expected a string"),
        (
            body("/additionalProperties"),
            json!("no"),
            body("/additionalProperties"),
            "true, false or a schema",
        ),
        (
            body("/properties/voice/anyOf/1"),
            json!({"allOf": [{"$ref": "#/x"}], "maxLen": 1}),
            body("/properties/voice/anyOf/1/maxLen"),
            "unknown key",
        ),
        (
            body("/properties/stream"),
            json!({"$ref": "#/components/schemas/No"}),
            body("/properties/stream/$ref"),
            "an existing value",
        ),
        (
            body("/properties/stream"),
            json!({"$ref": "other.json#/A"}),
            body("/properties/stream/$ref"),
            "within this document",
        ),
        (
            body("/properties/stream"),
            json!({"$ref": 1}),
            body("/properties/stream/$ref"),
            "expected a string",
        ),
        (
            body("/properties/stream"),
            json!({"$ref": "#/components/securitySchemes/ApiKeyAuth"}),
            body("/properties/stream/$ref"),
            "#/components/schemas/",
        ),
        (
            at("/components/schemas"),
            json!({"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}}),
            at("/components/schemas/A/$ref"),
            "without a cycle",
        ),
        (at("/components/schemas"), json!({"a b": {}}), at("/components/schemas/a b"), "a component name"),
        (
            at("/security/0"),
            json!({"Other": []}),
            at("/security/0/Other"),
            "undeclared security scheme \"Other\", expected one of [\"ApiKeyAuth\"]",
        ),
        (
            at("/components/securitySchemes/ApiKeyAuth/name"),
            removed.clone(),
            at("/components/securitySchemes/ApiKeyAuth/name"),
            "required by a scheme of type apiKey",
        ),
        (
            at("/components/securitySchemes/ApiKeyAuth/in"),
            json!("body"),
            at("/components/securitySchemes/ApiKeyAuth/in"),
            "found \"body\"",
        ),
        (at("/paths/async"), json!({}), at("/paths/async"), "leading slash"),
        (at("/paths/~1x~1{id"), json!({}), at("/paths/~1x~1{id"), "in pairs of braces"),
        (
            post("/parameters"),
            json!([{"name": "id", "in": "path", "required": true, "schema": {}}]),
            post("/parameters"),
            "expected {id} in the path",
        ),
        (
            post("/parameters"),
            json!([{"name": "q", "in": "query"}]),
            post("/parameters/0"),
            "expected schema or content, found neither",
        ),
        (
            post("/parameters"),
            json!([{"name": "q", "in": "body", "schema": {}}]),
            post("/parameters/0/in"),
            "found \"body\"",
        ),
        (
            at("/servers/0/url"),
            json!("https://{host}"),
            at("/servers/0/variables"),
            "missing variable `host`",
        ),
    ];
    for (changed_at, value, expected_at, text) in cases {
        let errors = problems_of(&with_value(&changed_at, &value), Severity::Error);
        let hit = errors.iter().any(|(at, message)| *at == expected_at && message.contains(text));
        assert!(hit, "{changed_at} = {value}: expected {expected_at}: {text}, found {errors:?}");
    }
}

#[test]
fn validate_rejects_conflicts_between_operations() {
    let mut document = document(CREATE);
    let operation = document.pointer(POST).unwrap().clone();
    document["paths"]["/pets/{id}"] = json!({"get": operation});
    document["paths"]["/pets/{name}"] = json!({});
    let errors = problems_of(&document, Severity::Error);
    let expected = [
        (
            "/paths/~1pets~1{id}/get/operationId",
            "duplicate operationId \"asyncSpeechCreate\", first used at /paths/~1async~1speech~1create/post/operationId",
        ),
        ("/paths/~1pets~1{name}", "two paths match the same URLs: \"/pets/{name}\" and \"/pets/{id}\""),
        ("/paths/~1pets~1{id}/get/parameters", "expected a path parameter \"id\""),
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for ((pointer, message), (at, text)) in errors.iter().zip(expected) {
        assert!(pointer == at && message.contains(text), "{pointer}: {message}");
    }
}

#[test]
fn discriminator_mapping_to_missing_schema_is_rejected() {
    let mapped_to = |target: &str| {
        let mut document = document(CREATE);
        document["components"]["schemas"] = json!({"Cat": {"type": "object"}});
        let pet = json!({
            "oneOf": [{"$ref": "#/components/schemas/Cat"}],
            "discriminator": {"propertyName": "kind", "mapping": {"cat": target}},
        });
        *document.pointer_mut(BODY).unwrap() = json!({"type": "object", "properties": {"pet": pet}});
        problems_of(&document, Severity::Error)
    };
    for known in ["Cat", "#/components/schemas/Cat"] {
        assert_eq!(mapped_to(known), []);
    }
    for unknown in ["Dog", "#/components/schemas/Dog"] {
        let at = format!("{BODY}/properties/pet/discriminator/mapping/cat");
        assert_eq!(
            mapped_to(unknown),
            [(at, format!("expected a schema of this document, found {unknown:?}"))]
        );
    }
}

/// Asserts that the value is accepted with this warning.
#[track_caller]
fn assert_warning(at: &str, value: &Value, warning_at: &str, message: &str) {
    let document = with_value(at, value);
    assert_eq!(problems_of(&document, Severity::Error), [], "{at} = {value}");
    let warnings = problems_of(&document, Severity::Warning);
    let hit = warnings.len() == 1 && warnings[0].0 == warning_at && warnings[0].1.contains(message);
    assert!(hit, "{at} = {value}: expected {warning_at}: {message}, found {warnings:?}");
}

#[test]
fn link_to_missing_operation_is_a_warning() {
    for link in ["/paths/~1pets~1{id}/get/responses/200/links/next", "/components/links/L"] {
        let mut document = document(EVERYTHING);
        let before = problems_of(&document, Severity::Warning);
        document.pointer_mut(link).unwrap()["operationId"] = json!("nobody");
        assert_eq!(problems_of(&document, Severity::Error), []);
        let mut warnings = problems_of(&document, Severity::Warning);
        warnings.retain(|warning| !before.contains(warning));
        let expected =
            (format!("{link}/operationId"), "expected the id of an operation, found \"nobody\"".into());
        assert_eq!(warnings, [expected]);
    }
}

#[test]
fn unknown_key_is_a_warning_in_an_object_that_only_describes_and_else_an_error() {
    let key = |at: &str| format!("{at}/summry");
    for (at, name) in [("/info", "info"), ("/tags/0", "a tag")] {
        assert_warning(
            &key(at),
            &json!("s"),
            &key(at),
            &format!("unknown key in {name}, expected x-… or one of"),
        );
    }
    for (at, value) in [
        ("/info/contact", json!({"summry": "s"})),
        ("/info/license", json!({"name": "n", "summry": "s"})),
        ("/externalDocs", json!({"url": "u", "summry": "s"})),
    ] {
        assert_warning(at, &value, &key(at), "unknown key");
    }
    let media = BODY.strip_suffix("/schema").unwrap();
    assert_warning(
        &format!("{media}/examples"),
        &json!({"a": {"value": 1, "summry": "s"}}),
        &format!("{media}/examples/a/summry"),
        "unknown key in an example",
    );
    let xml = format!("{BODY}/properties/input/xml");
    assert_warning(&xml, &json!({"summry": "s"}), &key(&xml), "unknown key in xml");
    for at in ["", "/servers/0", POST, BODY, media, "/components/securitySchemes/ApiKeyAuth"] {
        let errors = problems_of(&with_value(&key(at), &json!("s")), Severity::Error);
        assert_eq!(errors.len(), 1, "{at}: {errors:?}");
    }
}

#[test]
fn two_kinds_of_example_are_a_warning() {
    let media = BODY.strip_suffix("/schema").unwrap();
    let mut document = with_value(&format!("{media}/example"), &json!({}));
    document.pointer_mut(media).unwrap()["examples"] = json!({"a": {"value": 1, "externalValue": "u"}});
    assert_eq!(problems_of(&document, Severity::Error), []);
    let expected = [
        (format!("{media}/examples/a"), "expected value or externalValue, found both".to_owned()),
        (media.to_owned(), "expected example or examples, found both".to_owned()),
    ];
    assert_eq!(problems_of(&document, Severity::Warning), expected);
}

#[test]
fn duplicate_tag_is_a_warning() {
    let tags = json!([{"name": "a"}, {"name": "a"}]);
    assert_warning("/tags", &tags, "/tags/1", "duplicate tag name \"a\"");
}

#[test]
fn unknown_scope_is_a_warning() {
    let requirement = json!({"ApiKeyAuth": ["read"]});
    assert_warning("/security/0", &requirement, "/security/0/ApiKeyAuth", "found \"read\"");
}

#[test]
fn array_without_items_is_a_warning() {
    let at = format!("{BODY}/properties/stream");
    assert_warning(&at, &json!({"type": "array"}), &format!("{at}/items"), "missing");
}

#[test]
fn pattern_that_is_valid_without_the_unicode_flag_is_a_warning() {
    let at = format!("{BODY}/properties/input/pattern");
    for pattern in [r"^\@[a-z]+$", r"[\w-.]", r"\_", r"a{,5}"] {
        assert_warning(&at, &json!(pattern), &at, "valid in ECMA 262 only without the flag `u`");
    }
    for pattern in [r"^[\w\-.]+$", r"\p{L}", r"(?i:abc)", r"(?<=a)b"] {
        assert_eq!(validate(&with_value(&at, &json!(pattern))), [], "{pattern}");
    }
}

#[test]
fn circular_reference_under_a_key_named_properties_is_rejected() {
    let mut parameter = document(CREATE);
    *parameter.pointer_mut(POST).unwrap() = json!({
        "parameters": [{"$ref": "#/x-a/properties"}], "responses": {"default": {"description": "d"}}
    });
    parameter["x-a"] = json!({"properties": {"$ref": "#/x-a/properties"}});
    let mut scheme = document(CREATE);
    scheme["components"]["securitySchemes"] =
        json!({"properties": {"$ref": "#/components/securitySchemes/properties"}});
    scheme["security"] = json!([{"properties": []}]);
    for (document, expected) in [
        (parameter, format!("{POST}/parameters/0/$ref")),
        (scheme, "/components/securitySchemes/properties/$ref".to_owned()),
    ] {
        let errors = problems_of(&document, Severity::Error);
        let hit = errors.iter().any(|(at, message)| *at == expected && message.contains("without a cycle"));
        assert!(hit, "{expected}: {errors:?}");
    }
}

#[test]
fn property_named_ref_is_accepted() {
    let mut document = with_value(
        &format!("{BODY}/properties/stream"),
        &json!({"$ref": "#/components/schemas/A/properties"}),
    );
    document["components"]["schemas"] = json!({"A": {"properties": {"$ref": {"type": "string"}}}});
    assert_eq!(problems_of(&document, Severity::Error), []);
}

#[test]
fn long_chain_of_references_does_not_overflow_the_stack() {
    const LENGTH: usize = 100_000;
    let mut document = document(CREATE);
    let mut chain: Map<_, _> =
        (0..LENGTH).map(|n| (n.to_string(), json!({"$ref": format!("#/x-a/{}", n + 1)}))).collect();
    chain.insert(LENGTH.to_string(), json!({"name": "q", "in": "query", "schema": {}}));
    document["x-a"] = chain.into();
    document.pointer_mut(POST).unwrap()["parameters"] = json!([{"$ref": "#/x-a/0"}]);
    assert_eq!(problems_of(&document, Severity::Error), []);
}

#[test]
fn pattern_over_the_size_limit_is_rejected() {
    let pointer = format!("{BODY}/properties/input/pattern");
    let problems_of = |pattern: String| problems_of(&with_value(&pointer, &json!(pattern)), Severity::Error);
    assert_eq!(problems_of("a".repeat(4_096)), []);
    let message = "expected a pattern of at most 4096 bytes, found 63999".to_owned();
    assert_eq!(problems_of(vec!["a"; 32_000].join("|")), [(pointer.clone(), message)]);
}

#[test]
fn validate_returns_every_problem() {
    let mut document = document(CREATE);
    document["info"] = json!({});
    document["x"] = json!(1);
    assert_eq!(problems_of(&document, Severity::Error).len(), 3);
}

#[test]
fn validate_warns_about_suspicious_schemas() {
    for (changed_at, value, expected_at, text) in [
        ("/required", json!(["input", "inpt"]), "/required/1", "required property \"inpt\" is not defined"),
        ("/required", json!(["input", "input"]), "/required/1", "duplicate name \"input\""),
        (
            "/properties/model/default",
            json!("Other"),
            "/properties/model/default",
            "expected one of [\"Chatterbox\"], found \"Other\"",
        ),
        ("/properties/model/enum", json!(["a", "a"]), "/properties/model/enum/1", "duplicate value \"a\""),
        (
            "/properties/temperature/minimum",
            json!(2),
            "/properties/temperature/minimum",
            "minimum 2 is above maximum 1",
        ),
        (
            "/properties/temperature/default",
            json!(2),
            "/properties/temperature/default",
            "expected at most 1 (maximum), found 2",
        ),
        (
            "/properties/input/minLength",
            json!(5000),
            "/properties/input/minLength",
            "minLength 5000 is above maxLength 4096",
        ),
        (
            "/properties/stream/default",
            json!("yes"),
            "/properties/stream/default",
            "a value of type boolean, found \"yes\"",
        ),
    ] {
        let document = with_value(&format!("{BODY}{changed_at}"), &value);
        assert_eq!(problems_of(&document, Severity::Error), [], "{changed_at}");
        let warnings = problems_of(&document, Severity::Warning);
        let hit = warnings
            .iter()
            .any(|(at, message)| *at == format!("{BODY}{expected_at}") && message.contains(text));
        assert!(hit, "{changed_at} = {value}: expected {expected_at}: {text}, found {warnings:?}");
    }
}

#[test]
fn missing_operation_id_is_valid_openapi_but_violates_generator_requirements() {
    let document = with_value(&format!("{POST}/operationId"), &Value::Null);
    assert_eq!(validate(&document), []);
    let problems = generator_requirements(&document, Severity::Error);
    assert_eq!(problems[0].pointer.to_string(), format!("{POST}/operationId"));
}

#[test]
fn validate_of_any_replaced_value_does_not_panic() {
    let values = [json!(null), json!("x"), json!([1]), json!({"$ref": "#"})];
    let mut pointers = vec![String::new()];
    let everything = document(EVERYTHING);
    let mut i = 0;
    while i < pointers.len() {
        let at = Pointer::new(pointers[i].clone());
        match everything.pointer(at.as_str()).unwrap() {
            Value::Object(members) => {
                pointers.extend(members.keys().map(|key| at.child(key).as_str().to_owned()));
            }
            Value::Array(items) => pointers.extend((0..items.len()).map(|i| at.child(i).as_str().to_owned())),
            _ => {}
        }
        i += 1;
    }
    for pointer in pointers {
        for value in &values {
            let mut document = everything.clone();
            *document.pointer_mut(&pointer).unwrap() = value.clone();
            validate(&document);
        }
    }
}
