use serde_json::{Value, json};

use super::normalize;
use crate::spec::{
    diagnostics::Severity,
    diff::{WireLevel, diff},
    validate::validate_leniently,
};

/// Returns a document with a schema of a request body and a component.
fn document(version: &str, schema: &Value) -> Value {
    let content = json!({"application/json": {"schema": schema}});
    json!({
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"post": {"requestBody": {"content": content}, "responses": {"200": {"description": "d"}}}}},
        "components": {"schemas": {"A": {"type": "string", "maxLength": 9}, "B": {"type": "object"}}},
    })
}

/// Returns the normalized document, and the pointers of all warnings.
#[track_caller]
fn read(document: &Value) -> (Value, Vec<String>) {
    let (normalized, mut problems) = normalize(document.clone());
    problems.extend(validate_leniently(&normalized));
    let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut at: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str().to_owned()).collect();
    at.dedup();
    (normalized, at)
}

/// Asserts that two schemas of OpenAPI 3.1 and 3.0 are no change of each other, in requests.
#[track_caller]
fn assert_same(later: &Value, earlier: &Value) {
    let (new, warnings) = read(&document("3.1.0", later));
    assert_eq!(warnings, [""; 0], "{later}");
    let (old, _) = read(&document("3.0.3", earlier));
    for (base, revision) in [(&old, &new), (&new, &old)] {
        let findings: Vec<_> = diff(base, revision).into_iter().map(|finding| finding.message).collect();
        assert_eq!(findings, [""; 0], "{later} and {earlier}");
    }
}

#[test]
fn keywords_of_3_1_mean_those_of_3_0() {
    let reference = json!({"$ref": "#/components/schemas/A"});
    for (later, earlier) in [
        (json!({"type": ["string", "null"]}), json!({"type": "string", "nullable": true})),
        (json!({"type": ["string"]}), json!({"type": "string"})),
        (
            json!({"type": ["string", "null"], "enum": ["a", null]}),
            json!({"type": "string", "nullable": true, "enum": ["a", null]}),
        ),
        // Without null in the enum, null is not allowed.
        (json!({"type": ["string", "null"], "enum": ["a"]}), json!({"type": "string", "enum": ["a"]})),
        (
            json!({"type": ["string", "integer"], "maxLength": 3, "minimum": 1}),
            json!({"anyOf": [{"type": "string", "maxLength": 3}, {"type": "integer", "minimum": 1}]}),
        ),
        (json!({"const": "a"}), json!({"enum": ["a"]})),
        (json!({"const": "a", "enum": ["a", "b"]}), json!({"enum": ["a"]})),
        (json!({"exclusiveMinimum": 1}), json!({"minimum": 1, "exclusiveMinimum": true})),
        (json!({"exclusiveMaximum": 1, "maximum": 5}), json!({"maximum": 1, "exclusiveMaximum": true})),
        (json!({"exclusiveMaximum": 5, "maximum": 1}), json!({"maximum": 1})),
        (json!({"type": "string", "examples": ["a"]}), json!({"type": "string", "example": "a"})),
        (
            json!({"$ref": "#/components/schemas/A", "description": "d", "minLength": 2}),
            json!({"allOf": [reference.clone()], "description": "d", "minLength": 2}),
        ),
        (
            json!({"anyOf": [reference.clone(), {"type": "null"}]}),
            json!({"allOf": [reference.clone()], "nullable": true}),
        ),
        (
            json!({"oneOf": [{"type": "null"}, reference]}),
            json!({"type": "string", "maxLength": 9, "nullable": true}),
        ),
        (json!({"type": "string", "contentEncoding": "base64"}), json!({"type": "string", "format": "byte"})),
        (
            json!({"contentMediaType": "application/octet-stream"}),
            json!({"type": "string", "format": "binary"}),
        ),
        (json!({"type": "array", "items": true}), json!({"type": "array", "items": {}})),
        (json!({"properties": {"a": false}}), json!({"properties": {"a": {"not": {}}}})),
        (
            json!({"type": "object", "unevaluatedProperties": false}),
            json!({"type": "object", "additionalProperties": false}),
        ),
        (json!({"$defs": {"D": {"type": ["string"]}}, "type": "object"}), json!({"type": "object"})),
        (json!({"$comment": "c", "type": "object"}), json!({"type": "object"})),
    ] {
        assert_same(&later, &earlier);
    }
}

#[test]
fn targets_of_references_are_normalized_wherever_they_are() {
    let mut later = document("3.1.0", &json!({"$ref": "#/definitions/D"}));
    later["definitions"] = json!({"D": {"$ref": "#/components/schemas/A/$defs/E"}});
    later["components"]["schemas"]["A"]["$defs"] = json!({"E": {"type": ["integer", "null"], "const": 1}});
    let (later, _) = read(&later);
    let (earlier, _) = read(&document("3.0.3", &json!({"type": "integer", "enum": [1]})));
    assert_eq!(diff(&earlier, &later).len(), 0);
}

#[test]
fn members_of_3_1_are_known() {
    let mut later = document("3.1.0", &json!({}));
    later["webhooks"] =
        json!({"w": {"post": {"requestBody": {"content": {"a/b": {"schema": {"type": ["string"]}}}}}}});
    later["jsonSchemaDialect"] = json!("https://example.com");
    later["info"]["summary"] = json!("s");
    later["info"]["license"] = json!({"name": "n", "identifier": "MIT"});
    later["components"]["pathItems"] = json!({"p": {"get": {"responses": {"200": {"description": "d"}}}}});
    later["components"]["securitySchemes"] = json!({"m": {"type": "mutualTLS"}});
    later["webhooks"]["w"]["post"]["responses"] =
        json!({"200": {"$ref": "#/components/responses/R", "description": "d"}});
    later["components"]["responses"] = json!({"R": {"description": "r"}});
    let (normalized, warnings) = read(&later);
    assert_eq!(warnings, [""; 0]);
    let schema = normalized.pointer("/webhooks/w/post/requestBody/content/a~1b/schema").unwrap();
    assert_eq!(schema, &json!({"type": "string"}));
    let mut changed = later.clone();
    changed["webhooks"]["w"]["post"]["requestBody"]["content"]["a/b"]["schema"] = json!({"type": "integer"});
    let rules: Vec<_> = diff(&normalized, &read(&changed).0).iter().map(|f| f.rule.id.clone()).collect();
    assert_eq!(rules, ["webhook-changed"]);
}

#[test]
fn keyword_that_3_0_cannot_express_is_a_warning_if_it_is_added() {
    for keyword in [
        json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
        json!({"patternProperties": {"^x": {"type": "string"}}}),
        json!({"prefixItems": [{"type": "string"}]}),
        json!({"dependentRequired": {"a": ["b"]}}),
        json!({"contains": {"type": "string"}}),
    ] {
        let (with, warnings) = read(&document("3.1.0", &keyword));
        assert_eq!(warnings, [""; 0], "{keyword}");
        let (without, _) = read(&document("3.1.0", &json!({})));
        assert_eq!(diff(&with, &with).len(), 0);
        let level = |base, revision| diff(base, revision).iter().map(|f| f.wire).max();
        assert_eq!(level(&without, &with), Some(WireLevel::Warn), "{keyword}");
        // Whatever the keyword means, nothing is refused without it.
        assert_eq!(level(&with, &without), Some(WireLevel::Info), "{keyword}");
    }
}

/// A departure: the pointer and the value of the change, and the pointer of the warning.
type Departure = (&'static str, Value, &'static str);

#[test]
fn departure_with_a_clear_meaning_is_a_warning() {
    const BODY: &str = "/paths/~1a/post/requestBody/content/application~1json/schema";
    let at = |part: &str| format!("{BODY}{part}");
    let departures: Vec<(String, Value, String)> = [
        ("/info/version", json!(1.0), "/info/version"),
        ("/info", json!({"title": "t"}), "/info/version"),
        ("/openapi", json!("3.0.3-draft"), "/openapi"),
        ("/openapi", json!(3.0), "/openapi"),
        ("/paths", json!({"a": {}}), "/paths/a"),
        ("/paths/~1a/post/responses", json!({}), "/paths/~1a/post/responses"),
        ("/paths/~1a/post/responses", json!(null), "/paths/~1a/post/responses"),
        ("/paths/~1a/post/responses/4xx", json!({"description": "d"}), "/paths/~1a/post/responses/4xx"),
        ("/paths/~1a/post/responses/200", json!({}), "/paths/~1a/post/responses/200/description"),
        (
            "/paths/~1a/post/responses/200",
            json!({"$ref": "#/components/schemas/B"}),
            "/paths/~1a/post/responses/200/$ref",
        ),
        ("/paths/~1a/post/security", json!([{"unknown": []}]), "/paths/~1a/post/security/0/unknown"),
        ("/paths/~1a/post/parameters", json!([{"name": "q", "in": "query"}]), "/paths/~1a/post/parameters/0"),
        ("/paths/~1a/post/sumary", json!("s"), "/paths/~1a/post/sumary"),
        ("/servers", json!([{"url": "https://{host}"}]), "/servers/0/variables"),
        ("/components/schemas/a b", json!({}), "/components/schemas/a b"),
    ]
    .into_iter()
    .map(|(at, value, warning): Departure| (at.to_owned(), value, warning.to_owned()))
    .chain([
        (at("/type"), json!("array"), at("/items")),
        (at("/type"), json!(null), at("/type")),
        (at("/type"), json!(["string", "null"]), at("/type")),
        (at("/type"), json!("int"), at("/type")),
        (at("/nullable"), json!("true"), at("/nullable")),
        (at("/maxLength"), json!("10"), at("/maxLength")),
        (at("/unknown"), json!(1), at("/unknown")),
        (at("/pattern"), json!("(?<"), at("/pattern")),
        (at("/enum"), json!([]), at("/enum")),
        (at("/exclusiveMinimum"), json!(5), at("/exclusiveMinimum")),
    ])
    .collect();
    for (at, value, expected) in departures {
        let mut changed = document("3.0.3", &json!({}));
        let (parent, key) = at.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        changed.pointer_mut(parent).unwrap()[key.as_str()] = value.clone();
        let (_, warnings) = read(&changed);
        assert!(warnings.contains(&expected), "{at} = {value}: {warnings:?}");
    }
}

#[test]
fn path_parameter_is_required_and_a_path_gets_its_slash() {
    let mut changed = document("3.0.3", &json!({}));
    let item = changed["paths"]["/a"].take();
    changed["paths"] = json!({"a/{id}": item});
    changed["paths"]["a/{id}"]["post"]["parameters"] = json!([{"name": "id", "in": "path", "schema": {}}]);
    let (normalized, warnings) = read(&changed);
    assert_eq!(normalized["paths"]["/a/{id}"]["post"]["parameters"][0]["required"], json!(true));
    assert_eq!(warnings, ["/paths/a~1{id}", "/paths/~1a~1{id}/post/parameters/0/required"]);
}

#[test]
fn path_item_has_the_members_beside_its_reference() {
    let operation = |summary: &str| json!({"summary": summary, "responses": {"200": {"description": "d"}}});
    for version in ["3.0.3", "3.1.0"] {
        let mut document = document(version, &json!({}));
        document["x-items"] = json!({"i": {"$ref": "#/x-items/j", "put": operation("i")},
            "j": {"get": operation("j"), "put": operation("j")}});
        document["paths"]["/b"] = json!({"$ref": "#/x-items/i", "post": operation("b")});
        let (normalized, warnings) = read(&document);
        assert_eq!(warnings, [""; 0]);
        let expected = json!({"get": operation("j"), "post": operation("b"), "put": operation("i")});
        assert_eq!(normalized["paths"]["/b"], expected);
    }
}

#[test]
fn document_without_a_clear_meaning_is_refused() {
    for (at, value) in [
        ("/openapi", json!("2.0")),
        ("/openapi", json!("3.2.0")),
        ("/info/title", json!({})),
        ("/paths/~1a/post/parameters", json!([{"in": "query"}])),
        ("/components/schemas/A", json!({"type": "text"})),
        ("/components/schemas/A", json!({"$ref": "#/components/schemas/Missing"})),
        ("/components/schemas/A", json!({"$ref": "#/components/schemas/A"})),
        ("/components/schemas/A/multipleOf", json!(0)),
    ] {
        let mut changed = document("3.0.3", &json!({}));
        let (parent, key) = at.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value.clone();
        let (normalized, problems) = normalize(changed);
        let problems = problems.into_iter().chain(validate_leniently(&normalized));
        assert!(problems.into_iter().any(|p| p.severity == Severity::Error), "{at} = {value}");
    }
}
