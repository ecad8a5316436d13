//! Finds the schemas that need a name.

use serde_json::Value;

use super::{
    classify::{self, SchemaKind, has_properties, single_all_of},
    names::{Name, TwoNames},
};
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

    /// Returns `true` if the schema becomes two types: one that accepts any value, and one for the known values.
    ///
    /// This applies to enums in responses, which the server may extend, and to open unions.
    pub(super) fn needs_two_names(&self) -> bool {
        self.kind == SchemaKind::OpenUnion || (self.kind == SchemaKind::Enum && self.location.usage.response)
    }

    /// Returns the name of this schema if `name` is the name of an equal one.
    pub(super) fn name_from_equal(&self, name: &Name) -> Option<Name> {
        match (self.needs_two_names(), name) {
            (true, Name::Open(_)) | (false, Name::One(_)) => Some(name.clone()),
            (false, Name::Open(TwoNames { known, .. })) => Some(Name::One(known.clone())),
            (true, Name::One(_)) => None,
        }
    }

    /// Returns `true` if the table can give this name to the schema.
    pub(super) fn accepts(&self, name: &Name) -> bool {
        match (self.needs_two_names(), name) {
            (false, Name::One(_)) => true,
            // A component keeps its name as the open type, because that is the type that users see.
            (true, Name::Open(TwoNames { open, .. })) => self.component().is_none_or(|name| name == open),
            _ => false,
        }
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
            let schema = InlineSchema { location, kind, shape };
            // An open type must have a name also as a part: the merged type would accept the known values only.
            if schema.needs_two_names() || !is_merged(document, schema.location.pointer.as_str()) {
                found.push(schema);
            }
        }
    }
    found
}

/// Returns `true` if the generator merges the schema into the type of a schema around it.
///
/// This applies to the parts of an `allOf`, and to the alternatives of a part or of an object with properties. The
/// schemas of their properties become types.
fn is_merged(document: &Value, mut at: &str) -> bool {
    while let Some((list, index)) = at.rsplit_once('/')
        && index.bytes().all(|b| b.is_ascii_digit())
        && let Some((parent, keyword)) = list.rsplit_once('/')
        && ["allOf", "anyOf", "oneOf"].contains(&keyword)
        && let Some(Value::Object(schema)) = document.pointer(parent)
    {
        if has_properties(schema) || (keyword == "allOf" && single_all_of(schema).is_none()) {
            return true;
        }
        at = parent;
    }
    false
}
