//! Documents that would make a naive diff run practically forever. `cargo bench -p xtask` measures how the
//! cost grows with the size of a document.

use serde_json::{Map, Value, json};

use crate::spec::diff::diff;

#[test]
fn shared_schemas_are_compared_once() {
    // Each schema refers to the next one twice. Following every reference would visit 2^1000 schemas.
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
fn long_chain_of_references_does_not_overflow_the_stack() {
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
fn excluded_schema_is_visited_once_however_often_it_is_referenced() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    // A ring of schemas. Each of them excludes a schema that contains itself twice.
    let document = |length: usize, recursive: &Value| {
        let mut schemas: Map<_, _> = (0..length)
            .map(|n| {
                let next = reference(&format!("S{}", (n + 1) % length));
                (format!("S{n}"), json!({"not": {"items": reference("N")}, "properties": {"a": next}}))
            })
            .collect();
        schemas.insert("N".to_owned(), recursive.clone());
        let content = json!({"application/json": {"schema": reference("S0")}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}, "components": {"schemas": schemas}})
    };
    let twice = json!([reference("N"), reference("N")]);
    for recursive in [json!({"allOf": twice}), twice] {
        // The rings have different lengths, so every schema of one is compared with every schema of the
        // other.
        let (base, revision) = (document(9, &recursive), document(10, &recursive));
        // Without the cache of digests, this would take a minute.
        assert_eq!(diff(&base, &revision).len(), 0);
    }
}

#[test]
fn callback_of_any_size_is_compared_completely() {
    let document = |last: &str| {
        let mut properties: Map<_, _> =
            (0..30_000).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
        properties.insert("z".to_owned(), json!({"type": last}));
        let content = json!({"application/json": {"schema": {"properties": properties}}});
        let callbacks = json!({"a": {"{$url}": {"post": {"requestBody": {"content": content}}}}});
        json!({"paths": {"/a": {"post": {"callbacks": callbacks}}}})
    };
    assert_eq!(diff(&document("string"), &document("number")).len(), 1);
}

#[test]
fn alternative_is_visited_once_however_often_it_is_referenced() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    // A ring of schemas with many equal alternatives that contain themselves.
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
    // Without the cache of digests, this would take minutes.
    assert_eq!(diff(&document(9), &document(10)).len(), 0);
}
