//! Schemas of OpenAPI as JSON Schema, as one side of a request or response reads them.

use std::collections::BTreeSet;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::spec::diff::rules::Direction;

/// The depth to which parts of a schema are searched for flags.
const MAX_DEPTH: usize = 8;

/// One side of a request or response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    pub(super) direction: Direction,
    /// `true` for the receiver.
    pub(super) receives: bool,
    /// `true` if the discriminators of this side restrict its values.
    pub(super) tagged: bool,
    /// `true` for OpenAPI 3.1.
    pub(super) later: bool,
    pub(super) components: &'a Value,
}

impl Side<'_> {
    /// Returns `None` for a schema that a change made invalid.
    pub(super) fn validator(&self, schema: &Value) -> Option<Validator> {
        let components: Map<_, _> = self
            .components
            .as_object()?
            .iter()
            .map(|(name, schema)| (name.clone(), self.translated(schema, &BTreeSet::new())))
            .collect();
        let schema = self.translated(schema, &BTreeSet::new());
        let root = json!({"allOf": [schema], "components": {"schemas": components}});
        let draft = if self.later { Draft::Draft202012 } else { Draft::Draft4 };
        // A sender keeps to the formats. Receivers do not check them.
        let options = jsonschema::options()
            .with_draft(draft)
            .with_format("uuid", |text| text.len() == 36)
            .with_format("date", |text| text.len() == 10)
            .should_validate_formats(!self.receives);
        options.build(&root).ok()
    }

    fn is_tolerant(&self) -> bool {
        self.receives && self.direction == Direction::Response
    }

    /// Returns the schema as JSON Schema. The inherited names are properties that schemas around this one, for
    /// the same value, declare as unsent.
    fn translated(&self, schema: &Value, inherited: &BTreeSet<String>) -> Value {
        let Some(members) = schema.as_object() else { return schema.clone() };
        if let Some(reference) = members.get("$ref").filter(|_| !self.later) {
            return json!({"$ref": reference});
        }
        let mut unsent = inherited.clone();
        self.add_unsent(schema, &mut unsent, MAX_DEPTH);
        let within = |schema: &Value| self.translated(schema, &BTreeSet::new());
        let mut object = Map::new();
        for (key, member) in members {
            let (name, member) = match (key.as_str(), member) {
                ("required", Value::Array(names)) => {
                    let sent = |name: &&Value| !name.as_str().is_some_and(|name| unsent.contains(name));
                    ("required", distinct(names.iter().filter(sent)))
                }
                ("enum", Value::Array(words)) => ("enum", distinct(words)),
                ("properties", Value::Object(properties)) => {
                    let property = |(name, property): (&String, &Value)| {
                        let property = match unsent.contains(name) {
                            true if self.receives => json!({}),
                            true => json!({"not": {}}),
                            false => within(property),
                        };
                        (name.clone(), property)
                    };
                    ("properties", properties.iter().map(property).collect())
                }
                ("additionalProperties", Value::Bool(false)) => {
                    ("additionalProperties", json!(self.is_tolerant()))
                }
                ("items" | "additionalProperties", schema) => (key.as_str(), within(schema)),
                ("oneOf" | "anyOf", Value::Array(items)) => {
                    let items = items.iter().map(|item| self.alternative(schema, item, &unsent));
                    ("anyOf", items.collect())
                }
                ("allOf", Value::Array(parts)) => {
                    ("allOf", parts.iter().map(|part| self.translated(part, &unsent)).collect())
                }
                ("pattern", _) if self.is_tolerant() => continue,
                ("nullable" | "discriminator" | "readOnly" | "writeOnly", _) => continue,
                (key, member) => (key, member.clone()),
            };
            // Draft 4 has no empty lists.
            if member != json!([]) {
                object.insert(name.to_owned(), member);
            }
        }
        if members.get("nullable") == Some(&json!(true)) && !self.later {
            return json!({"anyOf": [object, {"enum": [null]}]});
        }
        Value::Object(object)
    }

    /// Returns an alternative, which the values of a discriminator restrict.
    fn alternative(&self, union: &Value, item: &Value, unsent: &BTreeSet<String>) -> Value {
        let translated = self.translated(item, unsent);
        let discriminator = union["discriminator"]["propertyName"].as_str().filter(|_| self.tagged);
        let (Some(property), Some(reference)) = (discriminator, item["$ref"].as_str()) else {
            return translated;
        };
        let component = reference.rsplit('/').next().unwrap_or_default();
        let mapping = union["discriminator"]["mapping"].as_object().into_iter().flatten();
        let targets = mapping.filter(|(_, target)| **target == reference || **target == component);
        let mut words: Vec<_> = targets.map(|(word, _)| word.as_str()).collect();
        if words.is_empty() {
            words.push(component);
        }
        json!({"allOf": [translated, {"properties": {property: {"enum": words}}}]})
    }

    /// Adds the names of the properties that a schema or a part of it declares, and that this direction does not
    /// send.
    fn add_unsent(&self, schema: &Value, names: &mut BTreeSet<String>, depth: usize) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let unsent = properties.filter(|(_, property)| self.is_unsent(property, depth));
        names.extend(unsent.map(|(name, _)| name.clone()));
        let parts = schema["allOf"].as_array().into_iter().flatten();
        for part in parts.chain(self.target(schema)).filter(|_| depth > 0) {
            self.add_unsent(part, names, depth - 1);
        }
    }

    fn is_unsent(&self, property: &Value, depth: usize) -> bool {
        let flag = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        let mut parts = property["allOf"].as_array().into_iter().flatten().chain(self.target(property));
        property[flag] == json!(true) || (depth > 0 && parts.any(|part| self.is_unsent(part, depth - 1)))
    }

    /// Returns the component that a schema refers to.
    fn target(&self, schema: &Value) -> Option<&Value> {
        self.components.get(schema["$ref"].as_str()?.rsplit('/').next()?)
    }
}

/// Returns the values without repetitions, which Draft 4 does not allow.
fn distinct<'v>(values: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut list: Vec<Value> = Vec::new();
    for value in values {
        if !list.contains(value) {
            list.push(value.clone());
        }
    }
    Value::from(list)
}
