//! Selects values that a schema may allow.

use serde_json::{Map, Value, json};

use super::schemas::NAMES;

/// The depth of a value that no choice ends.
const MAX_DEPTH: usize = 8;

/// Selects values by a list of choices. A used-up list selects the smallest value.
pub(super) struct Sampler<'a, C> {
    pub(super) components: &'a Value,
    pub(super) choices: C,
    pub(super) depth: usize,
}

impl<C: Iterator<Item = usize>> Sampler<'_, C> {
    fn pick(&mut self, count: usize) -> usize {
        self.choices.next().unwrap_or(0) % count.max(1)
    }

    fn one_of(&mut self, values: &[Value]) -> Value {
        let index = self.pick(values.len());
        values.get(index).cloned().unwrap_or_default()
    }

    /// Returns a value that the schema may allow.
    pub(super) fn value(&mut self, schema: &Value) -> Value {
        if self.depth > MAX_DEPTH {
            return Value::Null;
        }
        self.depth += 1;
        let value = self.value_within(schema);
        self.depth -= 1;
        value
    }

    fn value_within(&mut self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            let components = self.components;
            return self.value(&components[name]);
        }
        if schema["nullable"] == json!(true) && self.pick(4) == 0 {
            return Value::Null;
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.one_of(values);
        }
        let mut parts: Vec<Value> = schema["allOf"].as_array().cloned().unwrap_or_default();
        for key in ["oneOf", "anyOf"] {
            if let Some(items) = schema[key].as_array() {
                parts.extend(items.get(self.pick(items.len())).cloned());
            }
        }
        let mut values: Vec<Value> = parts.iter().map(|part| self.value(part)).collect();
        let is_empty = values.is_empty();
        if is_empty || schema.get("properties").is_some() {
            values.push(self.own(schema));
        }
        self.with_tag(schema, values)
    }

    /// Returns the merged objects, or one of the other values, with a value of the discriminator.
    fn with_tag(&mut self, schema: &Value, values: Vec<Value>) -> Value {
        let Some(Value::Object(_)) = values.last() else {
            return self.one_of(&values);
        };
        let mut merged = Map::new();
        for value in values {
            merged.extend(value.as_object().cloned().unwrap_or_default());
        }
        let mapping = schema["discriminator"]["mapping"].as_object();
        let words: Vec<Value> = mapping.into_iter().flatten().map(|(word, _)| json!(word)).collect();
        if schema.get("discriminator").is_some() && self.pick(2) == 0 {
            let words = if words.is_empty() { vec![json!("Cat"), json!("Dog")] } else { words };
            let name = schema["discriminator"]["propertyName"].as_str().unwrap_or("k");
            merged.insert(name.to_owned(), self.one_of(&words));
        }
        Value::Object(merged)
    }

    /// Returns a value of the type.
    fn own(&mut self, schema: &Value) -> Value {
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            Value::Null => {
                ["string", "integer", "null", "boolean", "array", "object"].map(Value::from).to_vec()
            }
            kind => vec![kind.clone()],
        };
        let kind = self.one_of(&kinds);
        match kind.as_str().unwrap_or_default() {
            "string" if schema["format"] == "uuid" => json!("6f0e9a44-3b5e-4c7b-8f0a-2d1c9b7e5a10"),
            "string" if schema["format"] == "date" => json!("2024-02-29"),
            "string" => self.one_of(&["", "a", "b", "ab", "ba", "abc", "7", "abcde"].map(Value::from)),
            "integer" => self.one_of(&[-1, 0, 1, 2, 3, 4, 5, 8, 123_456].map(Value::from)),
            "number" => {
                let fractions = [0.5, 2.5, 7.5].map(Value::from);
                self.one_of(&[fractions.as_slice(), &[-1, 0, 1, 2, 3, 4].map(Value::from)].concat())
            }
            "boolean" => json!(self.pick(2) == 0),
            "array" => {
                let max = schema["maxItems"].as_u64().map_or(3, |max| max.min(3));
                let count = self.pick(usize::try_from(max + 1).unwrap_or(1));
                (0..count).map(|_| self.value(&schema["items"])).collect()
            }
            "object" => self.object(schema),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut object = Map::new();
        let required =
            |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if self.pick(2) == 1 || (required(name) && self.pick(8) != 1) {
                object.insert(name.clone(), self.value(property));
            }
        }
        // A sender does not send properties of open objects that it does not declare.
        if schema["additionalProperties"].as_object().is_some_and(|schema| !schema.is_empty()) {
            for name in NAMES.into_iter().chain(["z"]) {
                if !object.contains_key(name) && (self.pick(2) == 1 || required(name)) {
                    object.insert(name.to_owned(), self.value(&schema["additionalProperties"]));
                }
            }
        }
        Value::Object(object)
    }
}
