//! Random operations, added one after another by following the hints.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{super::classify::canonical_shape, hints::follow_hints, schemas};

/// Returns schemas of a few kinds and names, so that equal ones are frequent.
fn schema() -> impl Strategy<Value = Value> {
    let text = json!({"type": "string"});
    let leaf = select(vec![
        text.clone(),
        json!({"type": "string", "enum": ["a"]}),
        json!({"type": "integer", "minimum": 1, "nullable": true, "description": "d"}),
        json!({"anyOf": [text, {"type": "string", "enum": ["a"]}]}),
        json!({"type": "integer", "minimum": 1}),
        json!({"type": "object", "additionalProperties": false}),
        json!({"$ref": "#/components/schemas/Size"}),
        json!({"$ref": "#/components/schemas/Pet"}),
        json!({"properties": {"x": {"type": "string"}}}),
        json!({"not": {"enum": ["a"]}}),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let properties = vec((select(vec!["a", "b", "a_b", "a.b", "A-B"]), inner.clone()), 1..4);
        let object = properties.prop_map(|properties| {
            let properties: Map<_, _> =
                properties.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
            json!({"type": "object", "properties": properties})
        });
        let parts = (select(vec!["allOf", "oneOf"]), vec(inner.clone(), 1..3));
        prop_oneof![
            3 => object.clone(),
            1 => inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            1 => inner.prop_map(|rest| json!({"type": "object", "additionalProperties": rest})),
            1 => parts.clone().prop_map(|(keyword, parts)| json!({keyword: parts})),
            1 => (object, parts).prop_map(|(mut object, (keyword, parts))| {
                object[keyword] = json!(parts);
                object
            }),
        ]
    })
}

/// Returns a document with the operations, and with components that they may refer to.
fn document(operations: &BTreeMap<&str, [Value; 2]>) -> Value {
    let content = |schema: &Value| json!({"content": {"application/json": {"schema": schema}}});
    let paths = operations.iter().map(|(id, [request, response])| {
        let operation = json!({
            "operationId": id, "requestBody": content(request), "responses": {"200": content(response)}});
        (format!("/{id}"), json!({"post": operation}))
    });
    let components = json!({
        "Size": {"type": "string", "enum": ["a"]},
        "Pet": {"type": "object", "properties": {"x": {"type": "string"}}}});
    json!({"paths": paths.collect::<Map<_, _>>(), "components": {"schemas": components}})
}

/// Replaces references by the schemas that they lead to.
fn expand(schemas: &Value, schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let name = reference.rsplit('/').next().unwrap();
                *schema = schemas[name].clone();
                return expand(schemas, schema);
            }
            members.values_mut().for_each(|member| expand(schemas, member));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| expand(schemas, item)),
        _ => {}
    }
}

/// Returns the shapes of all bodies, without references.
fn shapes(document: &Value) -> Vec<Value> {
    let schemas = &document["components"]["schemas"];
    let at =
        ["requestBody", "responses/200"].map(|body| format!("/post/{body}/content/application~1json/schema"));
    let items = document["paths"].as_object().unwrap().values();
    items
        .flat_map(|item| at.iter().map(|at| item.pointer(at).unwrap()))
        .map(|schema| {
            let mut schema = schema.clone();
            expand(schemas, &mut schema);
            canonical_shape(schema.as_object().unwrap())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn operations_added_in_any_order_are_extracted_without_losing_anything(
        operations in vec((select(vec!["a", "aB", "b", "2c"]), [schema(), schema()]), 1..4),
    ) {
        let mut added = BTreeMap::new();
        let mut table = String::new();
        for (id, bodies) in operations {
            if added.insert(id, bodies).is_some() {
                return Ok(());
            }
            let document = document(&added);
            let (after, extracted) = follow_hints(&document, &table);
            prop_assert_eq!(shapes(&extracted.document), shapes(&document));
            let schemas = schemas(&extracted).as_object().unwrap();
            let mut folded: Vec<_> =
                schemas.keys().map(|name| name.to_lowercase().replace('_', "")).collect();
            folded.sort();
            folded.dedup();
            prop_assert_eq!(folded.len(), schemas.len());
            table = after;
        }
    }
}
