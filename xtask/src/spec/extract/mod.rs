//! Inline schemas become named components, so that what the pages change flows into the generated types by itself.
//!
//! The generator names an inline schema after the place where it first meets it, takes two different ones for the same
//! when their places sound alike, and says nothing. Here every name comes from `openapi/names.toml`, and a schema
//! without one stops the build.
//!
//! [`form`] says which schemas need a name, [`names`] reads the table, [`assign`] gives each place its name and
//! [`rewrite`] moves the schemas.

mod assign;
mod classify;
mod names;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::{names::Names, rewrite::reference};
use serde_json::Value;

use self::classify::SchemaKind;
use super::schema_locations::{SchemaLocation, locations};
use crate::{
    failure::{ExitClass, Failure},
    json::Pointer,
};

/// The document with every schema in its place, and what relaxing needs to know of it.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) document: Value,
    pub(crate) open: OpenTypes,
}

/// The types that admit values beside the ones they know.
#[derive(Debug, Default)]
pub(crate) struct OpenTypes {
    /// Each closed enum that is received, with the name of the open type that shall stand for it.
    pub(crate) enums: BTreeMap<String, String>,
    /// The components that are unions of known words and any string.
    pub(crate) unions: BTreeSet<Pointer>,
}

/// A schema that a person must have named.
#[derive(Debug)]
struct InlineSchema {
    location: SchemaLocation,
    kind: SchemaKind,
    /// What schemas must share to be one.
    shape: Value,
}

pub(crate) fn extract(document: Value, names: &Names) -> Result<Extracted, Failure> {
    let inline = inline_schemas(&document);
    let assigned = assign::assign(&inline, names).map_err(assign::NamingErrors::into_failure)?;
    rewrite::rewrite(document, &inline, &assigned)
        .map_err(|conflicts| Failure::new(ExitClass::Document, conflicts))
}

fn inline_schemas(document: &Value) -> Vec<InlineSchema> {
    let mut found = Vec::new();
    let mut union: Option<Pointer> = None;
    for site in locations(document) {
        // The parts of an open union are named with it.
        if union.as_ref().is_some_and(|union| site.pointer.is_within(union)) {
            continue;
        }
        let schema = document.pointer(site.pointer.as_str());
        let Some(Value::Object(schema)) = schema else { continue };
        if let Some(form) = classify::classify(schema, site.usage) {
            if form == SchemaKind::OpenUnion {
                union = Some(site.pointer.clone());
            }
            let shape = classify::canonical_shape(schema);
            found.push(InlineSchema { location: site, kind: form, shape });
        }
    }
    found
}

impl InlineSchema {
    /// A component of the source is named already; it is here because others may be equal to it.
    fn component(&self) -> Option<&str> {
        let name = self.location.section.strip_prefix("#/schemas/");
        name.filter(|_| self.location.path == ".")
    }
}

#[cfg(test)]
mod tests;
