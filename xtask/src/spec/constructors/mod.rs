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
    diagnostics::fail_on,
    schema_locations::{SchemaLocation, schemas},
};
use crate::{
    failure::{ExitClass, Failure},
    transaction,
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
        let path = root.constructors();
        if !path.exists() {
            return Ok(Self::default());
        }
        toml::from_str(&transaction::read(&path, ExitClass::Document)?)
            .map_err(|error| Failure::document(format!("{FILE}: {error}")))
    }
}

/// Adds the constructor of each component with properties. Fails if the table and the document disagree.
pub(crate) fn add(mut document: Value, table: &Constructors) -> Result<Value, Failure> {
    let mut disagreements = Disagreements::default();
    let mut constructors = Vec::new();
    for (location, schema) in schemas(&document) {
        let Some(name) = component_name(&location) else { continue };
        let properties = properties(&document, schema);
        let sent = location.usage.request;
        match table.0.get(name) {
            None if properties.is_empty() => {}
            None => disagreements.missing(name, &properties, sent),
            Some(constructor) => {
                disagreements.check(name, constructor, &properties, sent);
                constructors.push((location.pointer.clone(), constructor, sent));
            }
        }
    }
    disagreements.check_unused(table, &document);
    disagreements.into_result()?;
    let constructors: Vec<_> =
        constructors.into_iter().map(|(at, constructor, sent)| (at, constructor.to_json(sent))).collect();
    for (at, constructor) in constructors {
        if let Some(Value::Object(schema)) = document.pointer_mut(at.as_str()) {
            schema.insert(KEYWORD.to_owned(), constructor);
        }
    }
    Ok(document)
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

    fn to_json(&self, sent: bool) -> Value {
        json!({"arguments": self.arguments, "defaults": self.defaults, "sent": sent})
    }

    /// Returns the entry in the syntax of the table.
    fn to_toml(&self, name: &str) -> String {
        let defaults = self.defaults.iter().map(|(property, value)| format!("{property:?} = {value}"));
        let defaults = defaults.collect::<Vec<_>>().join(", ");
        let defaults =
            if defaults.is_empty() { String::new() } else { format!(", defaults = {{ {defaults} }}") };
        format!("{name} = {{ arguments = {:?}{defaults} }}", self.arguments)
    }
}

/// The errors in the table, and hints on how to fix them.
#[derive(Debug, Default)]
struct Disagreements {
    errors: Vec<String>,
    hints: BTreeSet<String>,
}

impl Disagreements {
    fn into_result(self) -> Result<(), Failure> {
        let hints = self.hints;
        fail_on(self.errors).map_err(|failure| hints.into_iter().fold(failure, Failure::hint))
    }

    fn error(&mut self, name: &str, problem: &str) {
        self.errors.push(format!("{FILE}: {name}: {problem}"));
    }

    fn missing(&mut self, name: &str, properties: &BTreeMap<&str, Property>, sent: bool) {
        self.error(name, "no constructor, expected an entry");
        let line = Constructor::suggest(properties, sent).to_toml(name);
        self.hints.insert(format!("{FILE}: {line}"));
    }

    fn check_unused(&mut self, table: &Constructors, document: &Value) {
        let components = document.pointer("/components/schemas").and_then(Value::as_object);
        for name in table.0.keys().filter(|name| !components.is_some_and(|of| of.contains_key(*name))) {
            self.error(name, "unused entry, expected the name of a component");
        }
    }

    fn check(
        &mut self,
        name: &str,
        constructor: &Constructor,
        properties: &BTreeMap<&str, Property>,
        sent: bool,
    ) {
        let mut seen = BTreeSet::new();
        for property in constructor.arguments.iter().chain(constructor.defaults.keys()) {
            if !properties.contains_key(property.as_str()) {
                self.error(name, &format!("unknown property {property:?}, expected a property of the type"));
                self.hints.insert("removing an argument changes `new`: a breaking change".to_owned());
            }
            if !seen.insert(property) {
                self.error(name, &format!("property {property:?} is listed twice"));
            }
        }
        for (property, schema) in properties {
            let default = constructor.defaults.get(*property);
            if let Some(problem) = default.and_then(|default| schema.default_problem(default, sent)) {
                self.error(name, &format!("default of {property:?}: {problem}"));
            }
            if schema.required && !seen.iter().any(|listed| listed == property) {
                self.unlisted(name, property, schema, sent);
            }
        }
    }

    /// Adds the error for a required property that is neither an argument nor has a default.
    fn unlisted(&mut self, name: &str, property: &str, schema: &Property, sent: bool) {
        self.error(name, &format!("required property {property:?} is not listed"));
        self.hints.insert(match schema.suggested_default(sent) {
            Some(default) => format!("{FILE}: {name}: defaults = {{ {property:?} = {default} }}"),
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
