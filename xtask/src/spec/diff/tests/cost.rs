//! What a diff costs of documents made to be costly: looked at naively, none of these would end. How the cost grows with
//! a document is measured by `cargo bench -p xtask`.

use serde_json::{Map, Value, json};

use crate::spec::diff::diff;

#[test]
fn schemas_that_share_schemas_are_compared_once() {
    // Each refers to the next twice: followed one by one that would be 2^1000 schemas.
    let document = |last: &str| {
        let mut schemas: Map<_, _> = (0..1_000)
            .map(|n| {
                let next = json!({"$ref": format!("#/components/schemas/S{}", n + 1)});
                (format!("S{n}"), json!({"type": "object", "properties": {"a": next, "b": next}}))
            })
            .collect();
        schemas.insert("S1000".to_owned(), json!({"type": last}));
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}, "components": {"schemas": schemas}})
    };
    let (base, revision) = (document("string"), document("object"));
    assert_eq!(diff(&base, &base).len(), 0);
    assert_eq!(diff(&base, &revision).len(), 1);
}

#[test]
fn a_chain_of_references_is_no_stack_overflow() {
    let document = |last: &str| {
        let mut schemas: Map<_, _> = (0..2_000)
            .map(|n| {
                let next = json!({"$ref": format!("#/components/schemas/S{}", n + 1)});
                (format!("S{n}"), json!({"type": "array", "items": {"anyOf": [next, {"type": "string"}]}}))
            })
            .collect();
        schemas.insert("S2000".to_owned(), json!({"type": last}));
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}, "components": {"schemas": schemas}})
    };
    assert_eq!(diff(&document("number"), &document("boolean")).len(), 1);
}

#[test]
fn what_is_excluded_is_looked_at_once_however_often_it_is_met() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    // A ring of schemas, each of which excludes what contains itself twice and so has no end.
    let document = |length: usize, endless: &Value| {
        let mut schemas: Map<_, _> = (0..length)
            .map(|n| {
                let next = reference(&format!("S{}", (n + 1) % length));
                (format!("S{n}"), json!({"not": {"items": reference("N")}, "properties": {"a": next}}))
            })
            .collect();
        schemas.insert("N".to_owned(), endless.clone());
        let content = json!({"application/json": {"schema": reference("S0")}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}, "components": {"schemas": schemas}})
    };
    let twice = json!([reference("N"), reference("N")]);
    for endless in [json!({"allOf": twice}), twice] {
        // Of rings of different lengths every schema of one meets every schema of the other.
        let (base, revision) = (document(9, &endless), document(10, &endless));
        // Looked at anew each time, this would not end for a minute.
        assert_eq!(diff(&base, &revision).len(), 0);
    }
}

#[test]
fn nothing_is_too_large_to_be_looked_at() {
    let document = |last: &str| {
        let mut properties: Map<_, _> =
            (0..30_000).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
        properties.insert("z".to_owned(), json!({"type": last}));
        let content = json!({"application/json": {"schema": {"properties": properties}}});
        let called = json!({"a": {"{$url}": {"post": {"requestBody": {"content": content}}}}});
        json!({"paths": {"/a": {"post": {"callbacks": called}}}})
    };
    assert_eq!(diff(&document("string"), &document("number")).len(), 1);
}

#[test]
fn an_alternative_is_looked_at_once_however_often_it_is_met() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    // As above, with alternatives that are all the same and without end.
    let document = |length: usize| {
        let mut schemas: Map<_, _> = (0..length)
            .map(|n| {
                let next = reference(&format!("S{}", (n + 1) % length));
                (format!("S{n}"), json!({"anyOf": vec![reference("N"); 50], "properties": {"a": next}}))
            })
            .collect();
        schemas.insert("N".to_owned(), json!({"anyOf": vec![reference("N"); 50]}));
        let content = json!({"application/json": {"schema": reference("S0")}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}, "components": {"schemas": schemas}})
    };
    // Looked at anew each time, this would not end for minutes.
    assert_eq!(diff(&document(9), &document(10)).len(), 0);
}
