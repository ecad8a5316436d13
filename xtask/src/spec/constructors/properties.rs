//! The properties of a component, and the defaults that `new` can give them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::{
    json::{Object, excerpt},
    spec::traverse::{members, resolve},
};

/// A property of a component.
#[derive(Debug, Default)]
pub(super) struct Property<'a> {
    pub(super) required: bool,
    /// The values of an enum, or the known values of an open enum.
    pub(super) values: Option<Vec<Value>>,
    kind: Option<&'a str>,
}

/// Returns the properties of an object, with those of the parts of an `allOf`. Returns an empty map for any other
/// schema, also for alternatives with a list of required properties.
pub(super) fn properties<'a>(document: &'a Value, schema: &'a Object) -> BTreeMap<&'a str, Property<'a>> {
    let mut collector = Collector::default();
    collector.add(document, schema);
    let Collector { mut properties, required, .. } = collector;
    if properties.is_empty() && ["oneOf", "anyOf"].iter().any(|keyword| schema.contains_key(*keyword)) {
        return properties;
    }
    for name in required {
        // The generator makes a field also of a required property that is not defined.
        properties.entry(name).or_default().required = true;
    }
    properties
}

#[derive(Default)]
struct Collector<'a> {
    properties: BTreeMap<&'a str, Property<'a>>,
    /// A part of an `allOf` may require a property of another part.
    required: BTreeSet<&'a str>,
    /// A part can lead back to the schema, and many parts can lead to the same one.
    visited: HashSet<*const Object>,
}

impl<'a> Collector<'a> {
    fn add(&mut self, document: &'a Value, schema: &'a Object) {
        if !self.visited.insert(schema) {
            return;
        }
        for (name, property) in members(schema.get("properties")) {
            self.properties.entry(name).or_default().describe(document, property);
        }
        self.required.extend(list(schema.get("required")).filter_map(Value::as_str));
        for part in list(schema.get("allOf")).filter_map(|part| resolve(document, part).as_object()) {
            self.add(document, part);
        }
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

impl<'a> Property<'a> {
    fn describe(&mut self, document: &'a Value, schema: &'a Value) {
        let schema = unwrap(document, schema);
        self.kind = schema["type"].as_str();
        self.values = values(document, schema);
    }

    /// Returns the value that `new` should give to a property that became required.
    ///
    /// A default of a sent property reaches the server, so only an enum with a single value has one.
    pub(super) fn suggested_default(&self, sent: bool) -> Option<Value> {
        match (self.values.as_deref(), self.kind) {
            (Some([only]), _) => Some(only.clone()),
            (Some([first, ..]), _) if !sent => Some(first.clone()),
            (None, Some(kind)) if !sent => default_of(kind),
            _ => None,
        }
    }

    /// Returns what is wrong with a default.
    pub(super) fn default_problem(&self, default: &Value, sent: bool) -> Option<String> {
        if !self.required {
            return Some("the property is optional, expected no default".to_owned());
        }
        if let Some(values) = &self.values {
            let known = values.contains(default);
            return (!known)
                .then(|| format!("{default} is unknown, expected one of {}", excerpt(&json!(values))));
        }
        if sent {
            return Some("`new` would send it, expected an argument".to_owned());
        }
        let Some(expected) = self.kind.and_then(default_of) else {
            return Some("a value of its type has no default, expected an argument".to_owned());
        };
        let is_fraction = self.kind == Some("integer") && !default.is_i64() && !default.is_u64();
        let same_kind = std::mem::discriminant(&expected) == std::mem::discriminant(default) && !is_fraction;
        (!same_kind).then(|| format!("{default} has another type, expected a value such as {expected}"))
    }
}

fn default_of(kind: &str) -> Option<Value> {
    match kind {
        "string" => Some(json!("")),
        "number" | "integer" => Some(json!(0)),
        "boolean" => Some(json!(false)),
        "array" => Some(json!([])),
        _ => None,
    }
}

/// Follows references, also one that annotations surround, as the only part of an `allOf`.
fn unwrap<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolve(document, schema);
    match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([part]) => resolve(document, part),
        _ => schema,
    }
}

fn values(document: &Value, schema: &Value) -> Option<Vec<Value>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.clone());
    }
    list(schema.get("oneOf")).find_map(|part| unwrap(document, part)["enum"].as_array().cloned())
}
