//! Inline schemas become named components, so that what the pages change flows into the generated types by itself.
//!
//! The generator names an inline schema after the place where it first meets it, takes two different ones for the same
//! when their places sound alike, and says nothing. Here every name comes from `openapi/names.toml`, and a schema
//! without one stops the build.
//!
//! [`form`] says which schemas need a name, [`names`] reads the table, [`assign`] gives each place its name and
//! [`rewrite`] moves the schemas.

mod assign;
mod form;
mod names;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use names::Names;
pub(crate) use rewrite::reference;
use serde_json::Value;

use self::form::Form;
use super::sites::{Site, sites};
use crate::{
    error::{Class, Failure},
    json::Pointer,
};

/// The document with every schema in its place, and what relaxing needs to know of it.
#[derive(Debug)]
pub(crate) struct Hoisted {
    pub(crate) document: Value,
    pub(crate) open: Open,
}

/// The types that admit values beside the ones they know.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// Each closed enum that is received, with the name of the open type that shall stand for it.
    pub(crate) enums: BTreeMap<String, String>,
    /// The components that are unions of known words and any string.
    pub(crate) unions: BTreeSet<Pointer>,
}

/// A schema that a person must have named.
#[derive(Debug)]
struct Inline {
    site: Site,
    form: Form,
    /// What schemas must share to be one.
    shape: Value,
}

pub(crate) fn hoist(document: Value, names: &Names) -> Result<Hoisted, Failure> {
    let inline = inline(&document);
    let assigned = assign::assign(&inline, names).map_err(assign::Unnamed::into_failure)?;
    rewrite::rewrite(document, &inline, &assigned)
        .map_err(|conflicts| Failure::new(Class::Document, conflicts))
}

fn inline(document: &Value) -> Vec<Inline> {
    let mut found = Vec::new();
    let mut union: Option<Pointer> = None;
    for site in sites(document) {
        // The parts of an open union are named with it.
        if union.as_ref().is_some_and(|union| site.pointer.is_within(union)) {
            continue;
        }
        let schema = document.pointer(site.pointer.as_str());
        let Some(Value::Object(schema)) = schema else { continue };
        if let Some(form) = form::form(schema, site.sides) {
            if form == Form::OpenUnion {
                union = Some(site.pointer.clone());
            }
            let shape = form::shape(schema);
            found.push(Inline { site, form, shape });
        }
    }
    found
}

impl Inline {
    /// A component of the source is named already; it is here because others may be equal to it.
    fn component(&self) -> Option<&str> {
        let name = self.site.table.strip_prefix("#/schemas/");
        name.filter(|_| self.site.place == ".")
    }
}

#[cfg(test)]
mod tests;
