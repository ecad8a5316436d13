//! The names of all types, and suggestions of unused ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    classify::{canonical_shape, open_union},
    inline::InlineSchema,
    names::{Name, Names, TwoNames, type_name},
};
use crate::spec::traverse::members;

/// The names of components, of the table and of suggestions.
///
/// The generator changes the case of names and removes `_`, so names that differ only there are the same.
pub(super) struct TypeNames(BTreeMap<String, Type>);

enum Type {
    /// The table contains the name, and its schema has not been found yet.
    Reserved,
    /// The name and the shape of the type.
    Defined(String, Value),
}

impl TypeNames {
    /// Returns the names of the components and of the table.
    pub(super) fn new(document: &Value, inline: &[InlineSchema], table: &Names) -> Self {
        let mut names = Self(BTreeMap::new());
        for part in table.entries().flat_map(|(.., name)| name.name_parts()) {
            names.0.insert(folded(part), Type::Reserved);
        }
        let renamed = inline.iter().filter(|schema| schema.needs_two_names());
        let renamed: BTreeSet<_> = renamed.filter_map(InlineSchema::component).collect();
        for (name, schema) in members(document.pointer("/components/schemas")) {
            let ty = match schema.as_object() {
                Some(schema) if !renamed.contains(name.as_str()) => {
                    Type::Defined(name.clone(), canonical_shape(schema))
                }
                _ => Type::Reserved,
            };
            names.0.insert(folded(name), ty);
        }
        names
    }

    /// Gives a name to a schema. Returns the name and the shape of another schema if it has the same name.
    pub(super) fn define(
        &mut self,
        name: &Name,
        schema: &InlineSchema,
        shape: &Value,
    ) -> Result<(), (String, Value)> {
        let parts = shapes_of(name, schema, shape);
        for (part, shape) in &parts {
            if let Some(Type::Defined(other, other_shape)) = self.0.get(&folded(part))
                && (other != part || (other_shape != shape && *other_shape != schema.shape))
            {
                return Err((other.clone(), other_shape.clone()));
            }
        }
        for (part, shape) in parts {
            self.0.insert(folded(part), Type::Defined(part.to_owned(), shape));
        }
        Ok(())
    }

    /// Returns an unused name for a schema: a `similar` one if possible, and else one that tells its location.
    ///
    /// `closed` is the name of an equal enum in requests.
    pub(super) fn suggest(
        &mut self,
        schema: &InlineSchema,
        shape: &Value,
        similar: Option<&Name>,
        closed: Option<String>,
    ) -> Name {
        let similar = similar.map(|similar| match (schema.needs_two_names(), similar) {
            (true, Name::One(open)) => self.open(open, closed.clone()),
            (false, Name::Open(TwoNames { open, .. })) => Name::One(open.clone()),
            _ => similar.clone(),
        });
        if let Some(similar) = similar.filter(|similar| schema.accepts(similar))
            && self.define(&similar, schema, shape).is_ok()
        {
            return similar;
        }
        let name = match (schema.component(), schema.needs_two_names()) {
            (Some(component), _) => self.open(component, closed),
            (None, needs_two_names) => {
                let location = &schema.location;
                let section = location.section.strip_prefix("#/schemas/").unwrap_or(&location.section);
                let name = self.unused(&type_name(&format!("{section} {}", location.path)));
                if needs_two_names { self.open(&name, closed) } else { Name::One(name) }
            }
        };
        for (part, shape) in shapes_of(&name, schema, shape) {
            self.0.insert(folded(part), Type::Defined(part.to_owned(), shape));
        }
        name
    }

    fn open(&self, open: &str, closed: Option<String>) -> Name {
        let known = closed.unwrap_or_else(|| self.unused(&type_name(&format!("Known {open}"))));
        Name::Open(TwoNames { open: open.to_owned(), known })
    }

    /// Returns the name, with a number if it is used.
    fn unused(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| !self.0.contains_key(&folded(name))).unwrap_or_default()
    }
}

/// Returns each part of a name with the shape of its type.
fn shapes_of<'a>(name: &'a Name, schema: &InlineSchema, shape: &Value) -> Vec<(&'a str, Value)> {
    match name {
        Name::One(name) => vec![(name, shape.clone())],
        Name::Open(TwoNames { open, known }) => match schema.shape.as_object().and_then(open_union) {
            Some((keyword, part, _)) => vec![(open, shape.clone()), (known, closed(&shape[keyword][part]))],
            None => vec![(open, json!({"open type of": known})), (known, shape.clone())],
        },
    }
}

fn closed(part: &Value) -> Value {
    part.as_object().map(canonical_shape).unwrap_or_default()
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
