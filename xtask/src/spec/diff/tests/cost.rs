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

#[test]
fn unions_and_enums_of_thousands_are_compared_in_linear_time() {
    let document = |words: std::ops::Range<usize>, last: &str| {
        let words: Vec<_> = words.map(|n| json!({"type": "string", "enum": [format!("w{n}")]})).collect();
        let tagged: Vec<_> = (0..300)
            .map(|n| {
                json!({"type": "object", "required": ["k"],
                    "properties": {"k": {"type": "string", "enum": [format!("t{n}")]}, "v": {"type": last}}})
            })
            .collect();
        let schema = json!({"type": "object", "properties": {"a": {"oneOf": words}, "b": {"oneOf": tagged}}});
        let content = json!({"application/json": {"schema": schema}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
    };
    let findings = diff(&document(0..5_000, "string"), &document(1..5_001, "integer"));
    assert_eq!(findings.iter().filter(|f| f.rule.id == "request-property-type-changed").count(), 300);
}

#[test]
fn mutually_recursive_schemas_are_decided_once_for_all_operations() {
    let reference = |n: usize| json!({"$ref": format!("#/components/schemas/S{n}")});
    let document = |last: &str| {
        let schemas: Map<_, _> = (0..40)
            .map(|n| {
                let mut properties: Map<_, _> =
                    (0..40).map(|other| (format!("p{other}"), reference(other))).collect();
                properties.insert("z".to_owned(), json!({"type": last}));
                (format!("S{n}"), json!({"type": "object", "properties": properties}))
            })
            .collect();
        let paths: Map<_, _> = (0..20)
            .map(|n| {
                let content = json!({"application/json": {"schema": reference(n)}});
                (format!("/{n}"), json!({"post": {"requestBody": {"content": content}}}))
            })
            .collect();
        json!({"paths": paths, "components": {"schemas": schemas}})
    };
    // Each schema changes once for each operation, and its finding has the shortest path.
    let findings = diff(&document("string"), &document("integer"));
    assert_eq!(findings.len(), 20 * 40);
    let depth = |message: &str| message.split(':').next().unwrap_or_default().matches('/').count();
    assert!(findings.iter().all(|finding| depth(&finding.message) <= 3), "{:#?}", &findings[..40]);
}
