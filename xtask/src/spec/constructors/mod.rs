//! `openapi/constructors.toml`: the arguments of `new`, for each generated type with properties.
//!
//! If the arguments were the required properties of the document, a property that becomes required would change `new`
//! and break every caller. The table therefore fixes the arguments. A required property that is not an argument has a
//! default.
//!
//! The spec contains each entry as `x-constructor` of the component, for `build.rs`.

mod properties;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use self::properties::{Property, properties};
use super::{
    extract::toml_key,
    schema_locations::{SchemaLocation, schemas},
};
use crate::{
    failure::{ExitClass, Failure},
    json::Object,
    workspace::Workspace,
};

const FILE: &str = "openapi/constructors.toml";

/// The name of the extension that `build.rs` reads.
const KEYWORD: &str = "x-constructor";

/// The constructors, by the name of the component.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Constructors(BTreeMap<String, Constructor>);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Constructor {
    /// The properties that `new` takes, in order.
    arguments: Vec<String>,
    /// The values of the required properties that are not arguments.
    #[serde(default)]
    defaults: BTreeMap<String, Value>,
}

impl Constructors {
    /// Reads the committed table. Returns an empty one if the file does not exist.
    pub(crate) fn read(root: &Workspace) -> Result<Self, Failure> {
        root.read_toml(&root.constructors())
    }
}

/// Adds the constructor of each component with properties, as the table says or as the hints suggest. Returns the
/// disagreements of the table and the document.
pub(crate) fn add(mut document: Value, table: &Constructors) -> (Value, Option<Failure>) {
    let mut disagreements = Disagreements::default();
    let mut constructors = Vec::new();
    for (location, schema) in schemas(&document) {
        let Some(name) = component_name(&location) else { continue };
        let properties = properties(&document, schema);
        let sent = location.usage.request;
        let constructor = match table.0.get(name) {
            None if properties.is_empty() && !is_closed(schema) => continue,
            None => disagreements.missing(name, &properties, sent),
            Some(constructor) => disagreements.check(name, constructor, &properties, sent),
        };
        constructors.push((location.pointer, constructor.to_json(sent)));
    }
    disagreements.check_unused(table, &document);
    for (at, constructor) in constructors {
        if let Some(Value::Object(schema)) = document.pointer_mut(at.as_str()) {
            schema.insert(KEYWORD.to_owned(), constructor);
        }
    }
    (document, disagreements.into_failure())
}

/// Returns `true` if the generator makes a type of the schema even without properties.
fn is_closed(schema: &Object) -> bool {
    schema.get("additionalProperties").is_some_and(|rest| rest == false)
}

/// Returns the name of the component at this location, if the location is a component.
fn component_name(location: &SchemaLocation) -> Option<&str> {
    location.section.strip_prefix("#/schemas/").filter(|_| location.path == ".")
}

impl Constructor {
    /// Returns the default for each required property that can have one. The other properties are arguments.
    fn suggest(properties: &BTreeMap<&str, Property>, sent: bool) -> Self {
        let mut suggestion = Self::default();
        for (name, property) in properties.iter().filter(|(_, property)| property.required) {
            match property.values.as_deref() {
                // A later value must not change what `new` sends.
                Some([only]) if sent => drop(suggestion.defaults.insert((*name).to_owned(), only.clone())),
                _ => suggestion.arguments.push((*name).to_owned()),
            }
        }
        suggestion
    }

    /// Adds a required property, with its default if it has one.
    fn add(&mut self, property: &str, schema: &Property, sent: bool) {
        match schema.suggested_default(sent) {
            Some(default) => drop(self.defaults.insert(property.to_owned(), default)),
            None => self.arguments.push(property.to_owned()),
        }
    }

    fn to_json(&self, sent: bool) -> Value {
        json!({"arguments": self.arguments, "defaults": self.defaults, "sent": sent})
    }

    /// Returns the entry in the syntax of the table.
    fn to_toml(&self, name: &str) -> String {
        let defaults = self.defaults.iter().map(|(property, value)| format!("{} = {value}", json!(property)));
        let defaults = defaults.collect::<Vec<_>>().join(", ");
        let defaults =
            if defaults.is_empty() { String::new() } else { format!(", defaults = {{ {defaults} }}") };
        let arguments = self.arguments.iter().map(|argument| json!(argument).to_string());
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        format!("{} = {{ arguments = [{arguments}]{defaults} }}", toml_key(name))
    }
}

/// The errors in the table, and hints on how to fix them.
#[derive(Debug, Default)]
struct Disagreements {
    errors: Vec<String>,
    hints: BTreeSet<String>,
}

impl Disagreements {
    fn into_failure(self) -> Option<Failure> {
        let failure = Failure::new(ExitClass::Document, self.errors);
        (!failure.is_empty()).then(|| self.hints.into_iter().fold(failure, Failure::hint))
    }

    fn error(&mut self, name: &str, problem: &str) {
        self.errors.push(format!("{FILE}: {name}: {problem}"));
    }

    fn missing(&mut self, name: &str, properties: &BTreeMap<&str, Property>, sent: bool) -> Constructor {
        self.error(name, "no constructor, expected an entry");
        let suggestion = Constructor::suggest(properties, sent);
        self.hints.insert(format!("{FILE}: {}", suggestion.to_toml(name)));
        suggestion
    }

    fn check_unused(&mut self, table: &Constructors, document: &Value) {
        let components = document.pointer("/components/schemas").and_then(Value::as_object);
        for name in table.0.keys().filter(|name| !components.is_some_and(|of| of.contains_key(*name))) {
            self.error(name, "unused entry, expected the name of a component");
        }
    }

    /// Checks an entry, and returns the valid part of the entry with what the hints suggest.
    fn check(
        &mut self,
        name: &str,
        constructor: &Constructor,
        properties: &BTreeMap<&str, Property>,
        sent: bool,
    ) -> Constructor {
        let mut valid = Constructor::default();
        let mut seen = BTreeSet::new();
        let defaults = constructor.defaults.iter().map(|(property, default)| (property, Some(default)));
        for (property, default) in
            constructor.arguments.iter().map(|property| (property, None)).chain(defaults)
        {
            let schema = properties.get(property.as_str());
            let first = seen.insert(property);
            if schema.is_none() {
                self.error(name, &format!("unknown property {property:?}, expected a property of the type"));
                self.hints.insert("removing an argument changes `new`: a breaking change".to_owned());
            }
            if !first {
                self.error(name, &format!("property {property:?} is listed twice"));
            }
            let Some(schema) = schema.filter(|_| first) else { continue };
            match default {
                None => valid.arguments.push(property.clone()),
                Some(default) => match schema.default_problem(default, sent) {
                    None => drop(valid.defaults.insert(property.clone(), default.clone())),
                    Some(problem) => {
                        self.error(name, &format!("default of {property:?}: {problem}"));
                        if schema.required {
                            valid.add(property, schema, sent);
                        }
                    }
                },
            }
        }
        for (property, schema) in properties {
            if schema.required && !seen.iter().any(|listed| listed == property) {
                self.unlisted(name, property, schema, sent);
                valid.add(property, schema, sent);
            }
        }
        valid
    }

    /// Adds the error for a required property that is neither an argument nor has a default.
    fn unlisted(&mut self, name: &str, property: &str, schema: &Property, sent: bool) {
        self.error(name, &format!("required property {property:?} is not listed"));
        self.hints.insert(match schema.suggested_default(sent) {
            Some(default) => format!("{FILE}: {name}: defaults = {{ {} = {default} }}", json!(property)),
            None if sent => format!(
                "{FILE}: {name}: add {property:?} to the arguments: a breaking change, because callers of `new` must pass it"
            ),
            None => format!(
                "openapi/fixes.json: remove {property:?} from /components/schemas/{name}/required, because a \
                 value of its type has no default"
            ),
        });
    }
}

#[cfg(test)]
mod tests;
