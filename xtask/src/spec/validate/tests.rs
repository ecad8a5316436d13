use serde_json::{Map, Value, json};

use super::*;
use crate::spec::diagnostics::Severity;

/// A valid document with a bit of everything that 3.0 has.
const EVERYTHING: &str = include_str!("../../../tests/documents/everything.json");
const CREATE: &str = include_str!("../../../tests/openapi/upstream/speech-create.json");
const RESULT: &str = include_str!("../../../tests/openapi/upstream/speech-result.json");

const POST: &str = "/paths/~1async~1speech~1create/post";
const BODY: &str = "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema";

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn found(document: &Value, severity: Severity) -> Vec<(String, String)> {
    let problems = validate(document).into_iter().filter(|p| p.severity == severity);
    problems.map(|p| (p.pointer.to_string(), p.message)).collect()
}

/// The create page with the value at a place changed; `null` takes it away.
fn changed(at: &str, value: &Value) -> Value {
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
fn takes_the_documents_as_they_are_published() {
    for text in [CREATE, RESULT] {
        assert_eq!(validate(&document(text)), []);
        assert_eq!(needed_by_the_generator(&document(text), Severity::Error), []);
    }
}

#[test]
fn takes_everything_that_3_0_has() {
    assert_eq!(found(&document(EVERYTHING), Severity::Error), []);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table: what is wrong, where it is told, and in which words")]
fn refuses_with_the_place_and_what_it_found() {
    let body = |rest: &str| format!("{BODY}{rest}");
    let post = |rest: &str| format!("{POST}{rest}");
    let at = |rest: &str| rest.to_owned();
    let gone = Value::Null;
    let cases = [
        (at("/info"), gone.clone(), at("/info"), "missing"),
        (at("/info/version"), gone.clone(), at("/info/version"), "missing; info needs it, found only title"),
        (at("/info/version"), json!(1), at("/info/version"), "expected a string, found 1"),
        (at("/paths"), gone.clone(), at("/paths"), "missing"),
        (at("/openapi"), gone.clone(), at("/openapi"), "missing; expected \"3.0.x\""),
        (at("/openapi"), json!("3.1.0"), at("/openapi"), "found \"3.1.0\""),
        (at("/openapi"), json!("3.0"), at("/openapi"), "found \"3.0\""),
        (at("/openapi"), json!(3.0), at("/openapi"), "found 3.0"),
        (at("/swagger"), json!("2.0"), at("/swagger"), "found Swagger \"2.0\""),
        (post("/responses/200/description"), gone.clone(), post("/responses/200/description"), "missing"),
        (post("/responses"), gone.clone(), post("/responses"), "missing; an operation needs it"),
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
            "only OpenAPI 3.1",
        ),
        (body("/properties/input/minLength"), json!("2"), body("/properties/input/minLength"), "found \"2\""),
        (body("/properties/input/minLength"), json!(-1), body("/properties/input/minLength"), "found -1"),
        (
            body("/properties/input/pattern"),
            json!("(a"),
            body("/properties/input/pattern"),
            "regular expression",
        ),
        (body("/properties/model/enum"), json!("a"), body("/properties/model/enum"), "expected a list"),
        (body("/properties/model/enum"), json!([]), body("/properties/model/enum"), "holds something"),
        (
            body("/properties/temperature/exclusiveMinimum"),
            json!(0),
            body("/properties/temperature/exclusiveMinimum"),
            "true or false",
        ),
        (body("/properties/stream"), json!({"type": "array"}), body("/properties/stream/items"), "missing"),
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
            "something that exists",
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
            "not a circle",
        ),
        (at("/components/schemas"), json!({"a b": {}}), at("/components/schemas/a b"), "a component's name"),
        (
            at("/security/0"),
            json!({"Other": []}),
            at("/security/0/Other"),
            "found \"Other\" beside [\"ApiKeyAuth\"]",
        ),
        (at("/security/0"), json!({"ApiKeyAuth": ["read"]}), at("/security/0/ApiKeyAuth"), "found \"read\""),
        (
            at("/components/securitySchemes/ApiKeyAuth/name"),
            gone.clone(),
            at("/components/securitySchemes/ApiKeyAuth/name"),
            "a scheme of type apiKey needs it",
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
            "expected a variable `host`",
        ),
        (at("/tags"), json!([{"name": "a"}, {"name": "a"}]), at("/tags/1"), "found \"a\" twice"),
    ];
    for (place, value, expected, said) in cases {
        let errors = found(&changed(&place, &value), Severity::Error);
        let hit = errors.iter().any(|(pointer, message)| *pointer == expected && message.contains(said));
        assert!(hit, "{place} = {value}: expected {expected}: {said}, found {errors:?}");
    }
}

#[test]
fn refuses_what_two_operations_cannot_share() {
    let mut document = document(CREATE);
    let operation = document.pointer(POST).unwrap().clone();
    document["paths"]["/pets/{id}"] = json!({"get": operation});
    document["paths"]["/pets/{name}"] = json!({});
    let errors = found(&document, Severity::Error);
    let expected = [
        (
            "/paths/~1pets~1{id}/get/operationId",
            "found \"asyncSpeechCreate\" as at /paths/~1async~1speech~1create/post/operationId",
        ),
        ("/paths/~1pets~1{name}", "found \"/pets/{name}\" and \"/pets/{id}\""),
        ("/paths/~1pets~1{id}/get/parameters", "expected a path parameter \"id\""),
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for ((pointer, message), (at, said)) in errors.iter().zip(expected) {
        assert!(pointer == at && message.contains(said), "{pointer}: {message}");
    }
}

#[test]
fn a_discriminator_maps_to_schemas_that_are_there() {
    let mapped_to = |target: &str| {
        let mut document = document(CREATE);
        document["components"]["schemas"] = json!({"Cat": {"type": "object"}});
        let pet = json!({
            "oneOf": [{"$ref": "#/components/schemas/Cat"}],
            "discriminator": {"propertyName": "kind", "mapping": {"cat": target}},
        });
        *document.pointer_mut(BODY).unwrap() = json!({"type": "object", "properties": {"pet": pet}});
        found(&document, Severity::Error)
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

#[test]
fn a_link_leads_to_an_operation_that_is_there() {
    for link in ["/paths/~1pets~1{id}/get/responses/200/links/next", "/components/links/L"] {
        let mut document = document(EVERYTHING);
        document.pointer_mut(link).unwrap()["operationId"] = json!("nobody");
        let told =
            (format!("{link}/operationId"), "expected the id of an operation, found \"nobody\"".into());
        assert_eq!(found(&document, Severity::Error), [told]);
    }
}

#[test]
fn a_circle_is_refused_whatever_its_place_is_called() {
    let mut parameter = document(CREATE);
    *parameter.pointer_mut(POST).unwrap() = json!({
        "parameters": [{"$ref": "#/x-a/properties"}], "responses": {"default": {"description": "d"}}
    });
    parameter["x-a"] = json!({"properties": {"$ref": "#/x-a/properties"}});
    let mut scheme = document(CREATE);
    scheme["components"]["securitySchemes"] =
        json!({"properties": {"$ref": "#/components/securitySchemes/properties"}});
    scheme["security"] = json!([{"properties": []}]);
    for (document, place) in [
        (parameter, format!("{POST}/parameters/0/$ref")),
        (scheme, "/components/securitySchemes/properties/$ref".to_owned()),
    ] {
        let errors = found(&document, Severity::Error);
        let hit = errors.iter().any(|(at, message)| *at == place && message.contains("not a circle"));
        assert!(hit, "{place}: {errors:?}");
    }
}

#[test]
fn a_property_may_be_called_as_a_reference_is() {
    let mut document =
        changed(&format!("{BODY}/properties/stream"), &json!({"$ref": "#/components/schemas/A/properties"}));
    document["components"]["schemas"] = json!({"A": {"properties": {"$ref": {"type": "string"}}}});
    assert_eq!(found(&document, Severity::Error), []);
}

#[test]
fn a_long_chain_of_references_is_no_stack_overflow() {
    const LENGTH: usize = 100_000;
    let mut document = document(CREATE);
    let mut chain: Map<_, _> =
        (0..LENGTH).map(|n| (n.to_string(), json!({"$ref": format!("#/x-a/{}", n + 1)}))).collect();
    chain.insert(LENGTH.to_string(), json!({"name": "q", "in": "query", "schema": {}}));
    document["x-a"] = chain.into();
    document.pointer_mut(POST).unwrap()["parameters"] = json!([{"$ref": "#/x-a/0"}]);
    assert_eq!(found(&document, Severity::Error), []);
}

#[test]
fn a_pattern_too_long_to_compile_is_refused_unread() {
    let place = format!("{BODY}/properties/input/pattern");
    let found = |pattern: String| found(&changed(&place, &json!(pattern)), Severity::Error);
    assert_eq!(found("a".repeat(4_096)), []);
    let said = "expected at most 4096 bytes of pattern, found 63999".to_owned();
    assert_eq!(found(vec!["a"; 32_000].join("|")), [(place.clone(), said)]);
}

#[test]
fn collects_every_problem() {
    let mut document = document(CREATE);
    document["info"] = json!({});
    document["x"] = json!(1);
    assert_eq!(found(&document, Severity::Error).len(), 3);
}

#[test]
fn warns_of_what_can_hardly_be_meant() {
    for (place, value, expected, said) in [
        ("/required", json!(["input", "inpt"]), "/required/1", "there is no property \"inpt\""),
        ("/required", json!(["input", "input"]), "/required/1", "stands twice"),
        (
            "/properties/model/default",
            json!("Other"),
            "/properties/model/default",
            "expected one of [\"Chatterbox\"], found \"Other\"",
        ),
        ("/properties/model/enum", json!(["a", "a"]), "/properties/model/enum/1", "\"a\" stands twice"),
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
            "expected maximum 1, found 2",
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
        let document = changed(&format!("{BODY}{place}"), &value);
        assert_eq!(found(&document, Severity::Error), [], "{place}");
        let warnings = found(&document, Severity::Warning);
        let hit =
            warnings.iter().any(|(at, message)| *at == format!("{BODY}{expected}") && message.contains(said));
        assert!(hit, "{place} = {value}: expected {expected}: {said}, found {warnings:?}");
    }
}

#[test]
fn the_generator_needs_an_id_that_the_specification_does_not() {
    let document = changed(&format!("{POST}/operationId"), &Value::Null);
    assert_eq!(validate(&document), []);
    let problems = needed_by_the_generator(&document, Severity::Error);
    assert_eq!(problems[0].pointer.to_string(), format!("{POST}/operationId"));
}

#[test]
fn no_value_anywhere_makes_it_panic() {
    let values = [json!(null), json!("x"), json!([1]), json!({"$ref": "#"})];
    let mut places = vec![String::new()];
    let everything = document(EVERYTHING);
    let mut i = 0;
    while i < places.len() {
        let at = Pointer::new(places[i].clone());
        match everything.pointer(at.as_str()).unwrap() {
            Value::Object(members) => {
                places.extend(members.keys().map(|key| at.child(key).as_str().to_owned()));
            }
            Value::Array(items) => places.extend((0..items.len()).map(|i| at.child(i).as_str().to_owned())),
            _ => {}
        }
        i += 1;
    }
    for place in places {
        for value in &values {
            let mut document = everything.clone();
            *document.pointer_mut(&place).unwrap() = value.clone();
            validate(&document);
        }
    }
}
