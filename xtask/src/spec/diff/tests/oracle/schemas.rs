//! Generates schemas whose values a validator can check, and changes of them.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{Value, json};

use crate::spec::diff::tests::change_schemas;

pub(super) const NAMES: [&str; 3] = ["p", "q", "r"];

/// Generates schemas of texts, numbers and flags.
fn scalar() -> impl Strategy<Value = Value> {
    let kinds = || select(vec!["string", "integer", "number", "boolean"]);
    let words =
        select(vec![json!("a"), json!("b"), json!("abc"), json!("1"), json!(1), json!(2), json!(true)]);
    let limits = (0..3, 2..5, any::<bool>(), any::<bool>(), select(vec!["integer", "number"]));
    prop_oneof![
        3 => kinds().prop_map(|kind| json!({"type": kind})),
        2 => (0..2, 1..4).prop_map(|(low, high)| json!({"type": "string", "minLength": low, "maxLength": high})),
        2 => limits.prop_map(|(low, high, out, open, kind)| json!({
            "type": kind, "minimum": low, "maximum": high, "exclusiveMinimum": out, "exclusiveMaximum": open,
        })),
        1 => select(vec![1, 2, 4]).prop_map(|step| json!({"type": "integer", "multipleOf": step})),
        2 => vec(words, 1..4).prop_map(|values| json!({"enum": values})),
        1 => vec(select(vec!["a", "b", "c"]), 1..3)
            .prop_map(|values| json!({"type": "string", "enum": values, "nullable": true})),
        1 => select(vec!["^a", "b$", "^[ab]+$", ".*", "[0-9]"])
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        1 => select(vec![("string", "uuid"), ("string", "date"), ("integer", "int32"), ("number", "double")])
            .prop_map(|(kind, format)| json!({"type": kind, "format": format})),
        1 => (kinds(), excluded()).prop_map(|(kind, excluded)| json!({"type": kind, "not": excluded})),
        1 => Just(json!({})),
    ]
}

/// Generates schemas for `not`.
fn excluded() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"enum": ["a"]}),
        json!({"enum": ["a", 1]}),
        json!({"type": "integer"}),
        json!({"type": "string", "maxLength": 1}),
        json!({"type": "number", "maximum": 2}),
    ])
}

/// Generates schemas of JSON. Some refer to the components `Cat` and `Dog`.
pub(in crate::spec::diff::tests) fn schema() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![8 => scalar(), 1 => animals(), 1 => reference()];
    leaf.prop_recursive(3, 14, 3, |inner| {
        let size = (0..3, 0..3).prop_map(|(min, more)| (min, min + more));
        let lists = (inner.clone(), size, any::<bool>()).prop_map(|(items, (min, max), unique)| {
            json!({"type": "array", "items": items, "minItems": min, "maxItems": max, "uniqueItems": unique})
        });
        let keys = select(vec!["oneOf", "anyOf", "allOf"]);
        prop_oneof![
            3 => object(inner.clone()),
            1 => (tag(), select(NAMES.to_vec()), inner.clone()).prop_map(|(tag, name, schema)| {
                json!({"type": "object", "required": ["k"], "properties": {"k": tag, name: schema}})
            }),
            1 => lists,
            2 => (keys, vec(inner.clone(), 1..4), any::<bool>())
                .prop_map(|(key, schemas, nullable)| json!({key: schemas, "nullable": nullable})),
            1 => (inner, required()).prop_map(|(part, required)| json!({"allOf": [part], "required": required})),
        ]
    }).boxed()
}

fn required() -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(NAMES.to_vec()), 0..2)
}

/// Generates objects. A property may be read-only or write-only.
pub(super) fn object(inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let rest = prop_oneof![Just(json!(true)), Just(json!(false)), inner.clone()];
    let access = prop_oneof![4 => Just(""), 1 => Just("readOnly"), 1 => Just("writeOnly")];
    let property = (inner, access).prop_map(|(mut property, access)| {
        if !access.is_empty() && property.get("$ref").is_none() {
            property[access] = json!(true);
        }
        property
    });
    let size = prop_oneof![4 => Just(json!({})), 1 => Just(json!({"minProperties": 1})),
        1 => Just(json!({"maxProperties": 1}))];
    (btree_map(select(NAMES.to_vec()), property, 0..3), required(), rest, size).prop_map(
        |(properties, required, rest, size)| {
            let mut object = json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": rest,
            });
            merge(&mut object, &size);
            object
        },
    ).boxed()
}

fn tag() -> impl Strategy<Value = Value> {
    select(vec![json!({"type": "string"}), json!({"type": "string", "enum": ["m"]}), json!({"enum": ["n"]})])
}

fn reference() -> impl Strategy<Value = Value> {
    select(vec!["Cat", "Dog"]).prop_map(|name| json!({"$ref": format!("#/components/schemas/{name}")}))
}

/// Generates unions of both components, with and without a discriminator.
fn animals() -> impl Strategy<Value = Value> {
    let mapping = select(vec![
        json!({"m": "#/components/schemas/Cat", "n": "Dog"}),
        json!({"m": "Cat", "x": "#/components/schemas/Cat", "n": "#/components/schemas/Dog"}),
    ]);
    let discriminator = prop_oneof![
        2 => mapping.prop_map(|mapping| json!({"discriminator": {"propertyName": "k", "mapping": mapping}})),
        1 => Just(json!({"discriminator": {"propertyName": "k"}})),
        2 => Just(json!({})),
    ];
    (select(vec!["oneOf", "anyOf"]), discriminator, any::<bool>()).prop_map(|(key, mut union, nullable)| {
        let references = ["Cat", "Dog"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
        union[key] = json!(references);
        union["nullable"] = json!(nullable);
        union
    })
}

/// Generates the components. A cat contains other animals.
fn components() -> impl Strategy<Value = Value> {
    let tags = prop_oneof![
        Just([json!({"enum": ["m"]}), json!({"enum": ["n"]})]),
        Just([json!({"type": "string"}), json!({"type": "string"})]),
        Just([json!({"enum": ["m", "x", "Cat"]}), json!({"type": "string", "enum": ["n", "Dog"]})]),
    ];
    (tags, scalar(), scalar(), animals(), vec(select(vec!["v", "w"]), 0..2)).prop_map(
        |([cat, dog], one, other, child, required)| {
            let required: Vec<_> = required.into_iter().filter(|name| *name != "w").chain(["k"]).collect();
            json!({
                "Cat": {"type": "object", "required": required, "properties": {"k": cat, "v": one, "w": child}},
                "Dog": {"type": "object", "required": ["k"], "properties": {"k": dog, "v": other},
                    "additionalProperties": false},
            })
        },
    )
}

/// Generates two unions with a discriminator, which differ in its values.
pub(super) fn retagged() -> impl Strategy<Value = (Value, Value)> {
    let mapping = btree_map(select(vec!["m", "n", "x"]), select(vec!["Cat", "Dog"]), 1..4);
    let name = || select(vec!["k", "k", "v"]);
    (mapping.clone(), mapping, name(), name(), scalar()).prop_map(|(one, other, name, next, scalar)| {
        let text = json!({"type": "string"});
        let animal =
            json!({"type": "object", "required": ["k"], "properties": {"k": text, "v": text, "w": scalar}});
        let components = json!({"Cat": animal, "Dog": animal});
        let references = ["Cat", "Dog"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
        let spec = |name: &str, mapping| {
            let union =
                json!({"oneOf": references, "discriminator": {"propertyName": name, "mapping": mapping}});
            json!({"schema": union, "schemas": components})
        };
        (spec(name, json!(one)), spec(next, json!(other)))
    })
}

/// Generates schemas of values that are sent as one text or as a list of texts.
pub(super) fn text_schema() -> BoxedStrategy<Value> {
    let lists = (scalar(), 1..3, 2..4).prop_map(
        |(items, min, max)| json!({"type": "array", "items": items, "minItems": min, "maxItems": max}),
    );
    prop_oneof![
        4 => scalar(),
        1 => lists,
        1 => (select(vec!["oneOf", "anyOf", "allOf"]), vec(scalar(), 1..3))
            .prop_map(|(key, schemas)| json!({key: schemas})),
    ]
    .boxed()
}

/// Adds the keywords to a schema. Properties are added to those of the schema.
fn merge(schema: &mut Value, keywords: &Value) {
    for (key, value) in keywords.as_object().into_iter().flatten() {
        match (schema.get_mut(key), value) {
            (Some(Value::Object(properties)), Value::Object(more)) => properties.extend(more.clone()),
            _ => schema[key] = value.clone(),
        }
    }
}

/// A change of one schema.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Merge(Value),
    /// Removes the keyword with this index.
    Remove(usize),
    Extend(Value),
}

fn change(schemas: BoxedStrategy<Value>) -> impl Strategy<Value = Change> {
    let keywords = select(vec![
        json!({"maximum": 3}),
        json!({"minimum": 1}),
        json!({"multipleOf": 2}),
        json!({"nullable": true}),
        json!({"maxLength": 2}),
        json!({"minLength": 1}),
        json!({"pattern": "^a"}),
        json!({"enum": ["a", 1]}),
        json!({"required": ["p"]}),
        json!({"additionalProperties": false}),
        json!({"additionalProperties": true}),
        json!({"additionalProperties": {"type": "string"}}),
        json!({"properties": {"q": {"type": "string"}}}),
        json!({"properties": {"p": {"type": "integer", "readOnly": true}}}),
        json!({"properties": {"p": {"type": "integer", "writeOnly": true}}}),
        json!({"type": "number"}),
        json!({"type": "string"}),
        json!({"uniqueItems": true}),
        json!({"minProperties": 1}),
        json!({"not": {"enum": ["a", 2]}}),
        json!({"discriminator": {"propertyName": "k", "mapping": {"y": "Cat", "n": "Dog"}}}),
    ]);
    prop_oneof![
        2 => schemas.clone().prop_map(Change::Replace),
        5 => keywords.prop_map(Change::Merge),
        3 => (0_usize..8).prop_map(Change::Remove),
        1 => schemas.prop_map(Change::Extend),
    ]
}

/// Returns the specification with the schema at this index changed. Components change only if they are used.
fn changed(mut spec: Value, index: usize, change: &Change) -> Value {
    let mut count = 0;
    let has_references = spec["schema"].to_string().contains("$ref");
    let mut used = if has_references { spec.clone() } else { json!({"schema": spec["schema"]}) };
    change_schemas(&mut used, &mut |_| count += 1);
    let index = index % count;
    let mut at = 0;
    change_schemas(&mut spec, &mut |schema| {
        if at == index {
            apply(schema, change);
        }
        at += 1;
    });
    spec
}

fn apply(schema: &mut Value, change: &Change) {
    match change {
        Change::Replace(other) => *schema = other.clone(),
        Change::Extend(other) => *schema = json!({"anyOf": [schema.clone(), other]}),
        _ if schema.get("$ref").is_some() => {}
        Change::Merge(keywords) => merge(schema, keywords),
        Change::Remove(index) => {
            let members = schema.as_object_mut().unwrap();
            if let Some(key) = members.keys().nth(index % members.len().max(1)).cloned() {
                members.remove(&key);
            }
        }
    }
}

/// Returns `true` if a schema or a part or alternative of it is a reference.
fn is_reference(schema: &Value) -> bool {
    let mut parts =
        ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    schema.get("$ref").is_some() || parts.any(is_reference)
}

/// Generates two specifications, of which the second is a small change of the first. Each has a `schema` and
/// `schemas`, the components.
pub(in crate::spec::diff::tests) fn pairs(
    schemas: BoxedStrategy<Value>,
) -> impl Strategy<Value = (Value, Value)> {
    let changes = vec((0_usize..1_000, change(schemas.clone())), 1..3);
    (schemas, components(), changes).prop_map(|(schema, components, changes)| {
        let base = json!({"schema": schema, "schemas": components});
        let mut revision = base.clone();
        for (index, change) in changes {
            let next = changed(revision.clone(), index, &change);
            // A component that is an alternative of itself has no meaning.
            if !next["schemas"].as_object().unwrap().values().any(is_reference) {
                revision = next;
            }
        }
        (base, revision)
    })
}
