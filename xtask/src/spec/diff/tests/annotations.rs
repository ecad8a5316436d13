//! Annotations beside wrapped schemas, in OpenAPI 3.0 and 3.1.

use serde_json::{Value, json};

use crate::spec::{
    diff::{Finding, diff},
    normalize::normalize,
};

/// Returns a document of OpenAPI 3.1 in which two properties have the schema `A`, the second one with more keys.
fn document(second: &Value) -> Value {
    let reference = json!({"$ref": "#/components/schemas/A"});
    let schema = json!({"type": "object", "properties": {"a": {"allOf": [reference]}, "b": second}});
    let content = json!({"application/json": {"schema": schema}});
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"post": {"requestBody": {"content": content}, "responses": {}}}},
        "components": {"schemas": {
            "A": {"type": "object", "description": "a", "properties": {"p": {}}},
            "B": {"allOf": [reference], "description": "b", "properties": {"q": {}}}}}});
    normalize(document).0
}

fn messages(base: &Value, revision: &Value) -> Vec<String> {
    diff(&document(base), &document(revision)).into_iter().map(|finding| finding.message).collect()
}

#[test]
fn annotation_beside_a_wrapped_schema_is_compared() {
    let reference = json!({"$ref": "#/components/schemas/A"});
    let wrappers = [
        reference.clone(),
        json!({"allOf": [reference]}),
        json!({"allOf": [{"allOf": [reference]}]}),
        json!({"allOf": [{"type": "object"}]}),
        json!({"allOf": [reference], "nullable": true}),
        json!({"oneOf": [reference]}),
    ];
    for wrapper in wrappers {
        let with = |key: &str, value: Value| {
            let mut schema = wrapper.clone();
            schema[key] = value;
            schema
        };
        for (key, message) in [
            ("description", "description or summary changed: \"x\" is now \"y\""),
            ("title", "title changed, which may rename a type: \"x\" is now \"y\""),
            ("example", "example changed: \"x\" is now \"y\""),
            ("x-key", "extension changed: \"x\" is now \"y\""),
        ] {
            let found = messages(&with(key, json!("x")), &with(key, json!("y")));
            assert_eq!(found, [format!("request application/json/b {key}: {message}")], "{wrapper}");
        }
        let [one, other] = ["u", "v"].map(|url| with("externalDocs", json!({"url": url})));
        assert_eq!(messages(&one, &other).len(), 1, "{wrapper}");
    }
    // The description of the component is replaced by that of the wrapper.
    let described = |text: &str| json!({"allOf": [reference], "description": text});
    assert_eq!(messages(&reference, &described("a")), [""; 0]);
    assert_eq!(
        messages(&reference, &described("b")),
        ["request application/json/b description: description or summary changed: \"a\" is now \"b\""]
    );
}

#[test]
fn annotation_beside_a_wrapped_body_is_compared() {
    let document = |text: &str| {
        let schema = json!({"allOf": [{"type": "object"}], "description": text});
        let content = json!({"application/json": {"schema": schema}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
    };
    let rules: Vec<_> =
        diff(&document("a"), &document("b")).into_iter().map(|finding| &finding.rule.id).collect();
    assert_eq!(rules, ["description-changed"]);
}

#[test]
fn schema_that_wraps_itself_is_unwrapped_once() {
    let document = |text: &str| {
        let reference = json!({"$ref": "#/components/schemas/A"});
        let content = json!({"application/json": {"schema": reference}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}},
            "components": {"schemas": {"A": {"allOf": [reference], "description": text}}}})
    };
    let findings = diff(&document("a"), &document("b"));
    // The wrapper is reported, then the schema and its part.
    assert_eq!(findings.len(), 3, "{findings:#?}");
}

#[test]
fn every_example_of_a_list_is_compared() {
    let with = |examples: Value| json!({"type": "string", "examples": examples});
    assert_eq!(messages(&with(json!(["a"])), &json!({"type": "string", "example": "a"})), [""; 0]);
    assert_eq!(messages(&with(json!(["a", "b"])), &with(json!(["a", "c"]))).len(), 1);
    assert_eq!(messages(&with(json!(["a", "b"])), &with(json!(["a"]))).len(), 1);
}

#[test]
fn annotation_of_a_wrapper_is_not_compared_with_that_of_its_part() {
    let reference = json!({"$ref": "#/components/schemas/A"});
    let wrapper = json!({"description": "d", "title": "t", "allOf": [reference]});
    let with = |key: &str, value: Value| {
        let mut schema = wrapper.clone();
        schema[key] = value;
        schema
    };
    for key in ["nullable", "deprecated", "readOnly", "writeOnly"] {
        assert_eq!(messages(&wrapper, &with(key, json!(false))), [""; 0], "{key}");
        assert_eq!(messages(&with(key, json!(false)), &wrapper), [""; 0], "{key}");
        let found = messages(&wrapper, &with(key, json!(true)));
        assert!(found.len() == 1 && found[0].starts_with("request application/json/b: "), "{key} {found:#?}");
        assert_eq!(messages(&with(key, json!(true)), &wrapper).len(), 1, "{key}");
    }
    for (key, value) in [("default", json!({})), ("properties", json!({"q": {"type": "string"}}))] {
        let found = [messages(&wrapper, &with(key, value.clone())), messages(&with(key, value), &wrapper)];
        assert!(found.iter().all(|messages| messages.len() == 1), "{key} {found:#?}");
    }
    let described = |text: &str| json!({"description": text, "allOf": [reference]});
    assert_eq!(
        messages(
            &wrapper,
            &json!({"description": "e", "title": "t", "nullable": true, "allOf": [reference]})
        )
        .len(),
        2
    );
    assert_eq!(messages(&described("a"), &described("b")).len(), 1);
}

#[test]
fn annotations_of_a_parameter_and_of_its_schema_are_distinguished() {
    let document = |members: Value| {
        let mut parameter = json!({"name": "q", "in": "query", "schema": {"type": "string"}});
        json_patch::merge(&mut parameter, &members);
        json_patch::merge(&mut parameter["schema"], &members);
        let mut header = json!({"schema": {"type": "string"}});
        json_patch::merge(&mut header, &members);
        json_patch::merge(&mut header["schema"], &members);
        let response = json!({"description": "d", "headers": {"X-A": header}});
        json!({"paths": {"/a": {"get": {"parameters": [parameter], "responses": {"200": response}}}}})
    };
    for members in [json!({"description": "d"}), json!({"deprecated": true})] {
        let findings = diff(&document(json!({})), &document(members));
        let distinct = |text: fn(&Finding) -> &String| {
            findings.iter().map(text).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert!(findings.len() > 2, "{findings:#?}");
        assert_eq!(distinct(|finding| &finding.message), findings.len(), "{findings:#?}");
        assert_eq!(distinct(|finding| &finding.fingerprint), findings.len(), "{findings:#?}");
    }
}
