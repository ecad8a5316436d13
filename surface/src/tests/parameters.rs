//! Parameters of operations.

use serde_json::{Value, json};

use super::documents::{Case, assert_refused, body, document, reference, surface, with};
use crate::generate::{self, Parts};

#[test]
fn parameters_that_have_no_text_are_refused_with_their_place() {
    let others = json!({
        "KnownMode": {"type": "string", "enum": ["a"]},
        "Mode": {"oneOf": [
            {"title": "Known", "allOf": [reference("KnownMode")]}, {"title": "Other", "type": "string"}]},
        "Share": {"type": "number", "minimum": 0},
        "Either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "NoMode": {"oneOf": [
            {"title": "Known", "allOf": [reference("KnownMode")]},
            {"title": "Other", "type": "string", "nullable": true}]},
        "Lists": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "array", "items": {}}}]},
    });
    let of = |parameter: Value| {
        let document = document(&with(&json!({}), &others), |document| {
            let item = document["paths"].as_object_mut().unwrap().remove("/do").unwrap();
            let path = if parameter["in"] == "path" { "/do/{p}" } else { "/do" };
            document["paths"][path] = item;
            document["paths"][path]["post"]["parameters"] = json!([parameter]);
        });
        surface(&document).map(drop)
    };
    let parameter =
        |place: &str, schema: &Value| json!({"name": "p", "in": place, "required": true, "schema": schema});
    for place in ["path", "header"] {
        for schema in [
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "string", "nullable": true}),
            json!({}),
            reference("Either"),
            reference("NoMode"),
        ] {
            let problem = of(parameter(place, &schema)).unwrap_err();
            assert!(problem.contains("/post/parameters/0: expected a text, "), "{place} {schema}: {problem}");
        }
        for schema in [
            json!({"type": "string", "format": "uri"}),
            json!({"type": "boolean"}),
            json!({"allOf": [reference("Mode")], "description": "d"}),
            reference("KnownMode"),
            reference("Share"),
        ] {
            assert_eq!(of(parameter(place, &schema)), Ok(()), "{place} {schema}");
        }
    }
    let texts = json!({"type": "array", "items": {"type": "string"}});
    for schema in [
        json!({"type": "array", "items": texts}),
        json!({"type": "array", "items": {"type": "object", "additionalProperties": texts}}),
        json!({"type": "array", "items": {"type": "string", "nullable": true}}),
        json!({"type": "array", "items": reference("Either")}),
        json!({"type": "object", "additionalProperties": texts}),
        json!({"type": "object"}),
        reference("Lists"),
    ] {
        let problem = of(parameter("query", &schema)).unwrap_err();
        let expected =
            "/paths/~1do/post/parameters/0: expected a text, a number, a boolean or an enum, or a list";
        assert!(problem.starts_with(expected), "{schema}: {problem}");
    }
    for schema in [
        texts.clone(),
        json!({"type": "array", "items": reference("Mode")}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"type": "string", "nullable": true}),
        reference("Either"),
        reference("NoMode"),
    ] {
        assert_eq!(of(parameter("query", &schema)), Ok(()), "{schema}");
    }
    let mut list = parameter("query", &texts);
    list["explode"] = json!(false);
    let problem = of(list).unwrap_err();
    assert!(problem.starts_with("/paths/~1do/post/parameters/0: a list with `explode: false`"), "{problem}");
}

#[test]
fn parameter_with_the_name_of_a_method_of_each_mock_has_another_method() {
    let document = document(&body(&json!({})), |document| {
        let parameter =
            |name: &str| json!({"name": name, "in": "query", "required": true, "schema": {"type": "string"}});
        document["paths"]["/do"]["post"]["parameters"] = json!([parameter("new"), parameter("into_inner")]);
    });
    let generated = generate::generate(&document, Parts { schemas: false, mock: true }).unwrap();
    let mock = prettyplease::unparse(&generated.mock.unwrap());
    for (method, count) in [("fn new(", 2), ("fn new_(", 1), ("fn into_inner(", 2), ("fn into_inner_(", 1)] {
        assert_eq!(mock.matches(method).count(), count, "{method} in {mock}");
    }
}

#[test]
fn parameters_that_no_method_can_have_are_refused_with_their_place() {
    let operation = "/paths/~1do/post";
    let cases: [Case; 4] = [
        (
            |document| {
                document["paths"]["/do"]["post"]["parameters"] =
                    json!([{"name": "c", "in": "cookie", "schema": {"type": "string"}}]);
            },
            format!("{operation}/parameters/0: cookies are not supported"),
        ),
        (
            |document| {
                document["paths"]["/do"]["post"]["parameters"] =
                    json!([{"name": "body", "in": "query", "schema": {"type": "string"}}]);
            },
            format!("{operation}: two parameters of do_it would be called body"),
        ),
        (
            |document| {
                let item = document["paths"].as_object_mut().unwrap().remove("/do").unwrap();
                document["paths"]["/do/{id}"] = item;
                let parameter = |place: &str| json!({"name": "id", "in": place, "required": true, "schema": {"type": "string"}});
                document["paths"]["/do/{id}"]["parameters"] = json!([parameter("path")]);
                document["paths"]["/do/{id}"]["post"]["parameters"] = json!([parameter("query")]);
            },
            "/paths/~1do~1{id}/post/parameters/0: a parameter of the path is called \"id\" too".to_owned(),
        ),
        (
            |document| {
                document["paths"]["/do"]["post"]["parameters"] =
                    json!([{"name": "headerMap", "in": "query", "schema": {"type": "string"}}]);
            },
            format!("{operation}/parameters/0: \"headerMap\" is the name of a variable"),
        ),
    ];
    assert_refused(&cases);
}
