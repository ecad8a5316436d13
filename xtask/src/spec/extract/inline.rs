//! Finds the schemas that need a name.

use serde_json::Value;

use super::classify::{self, SchemaKind};
use crate::{
    json::Pointer,
    spec::schema_locations::{SchemaLocation, locations},
};

/// A schema that needs a name.
#[derive(Debug)]
pub(super) struct InlineSchema {
    pub(super) location: SchemaLocation,
    pub(super) kind: SchemaKind,
    /// The canonical shape. Schemas with equal shapes are the same schema.
    pub(super) shape: Value,
}

impl InlineSchema {
    /// Returns the name of the component if the schema is one already. Other schemas may be equal to it and
    /// use its name.
    pub(super) fn component(&self) -> Option<&str> {
        let name = self.location.section.strip_prefix("#/schemas/");
        name.filter(|_| self.location.path == ".")
    }
}

/// Returns the schemas that need a name, parents before their children.
pub(super) fn inline_schemas(document: &Value) -> Vec<InlineSchema> {
    let mut found = Vec::new();
    let mut union: Option<Pointer> = None;
    for location in locations(document) {
        // The parts of an open union get their names from the union.
        if union.as_ref().is_some_and(|union| location.pointer.is_within(union)) {
            continue;
        }
        let schema = document.pointer(location.pointer.as_str());
        let Some(Value::Object(schema)) = schema else { continue };
        if let Some(kind) = classify::classify(schema, location.usage) {
            if kind == SchemaKind::OpenUnion {
                union = Some(location.pointer.clone());
            }
            let shape = classify::canonical_shape(schema);
            found.push(InlineSchema { location, kind, shape });
        }
    }
    found
}
