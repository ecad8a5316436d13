//! Extracts inline schemas into named components, so that changes of the pages reach the generated types
//! automatically.
//!
//! The generator would name an inline schema after its first location. Without a message, it would also merge
//! two different schemas whose locations result in the same name. Here every name comes from
//! `openapi/names.toml`, and a schema without a name stops the build with a suggestion.
//!
//! [`classify`] determines the schemas that need a name. [`names`] reads the table, [`assign`] assigns the
//! names, [`type_names`] suggests unused ones, and [`rewrite`] moves the schemas.

mod assign;
mod classify;
mod inline;
mod names;
mod rewrite;
mod type_names;

use std::collections::HashSet;

use serde_json::Value;

use self::{assign::Assignment, inline::inline_schemas};
pub(crate) use self::{
    classify::reference,
    names::{Names, toml_key},
    rewrite::{Extracted, OpenTypes, Origins},
};
use super::schema_locations::locations;
use crate::{failure::Failure, json::normalized_number};

/// A document with a name for every schema.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) extracted: Extracted,
    /// The table with the suggested names, and without unused ones.
    pub(crate) names: Names,
    /// The errors in the table, with the lines that would fix them.
    pub(crate) problems: Option<Failure>,
}

/// Moves every inline schema to a component with the name that `names` assigns, or with a suggested name.
pub(crate) fn extract(mut document: Value, names: &Names) -> Named {
    list_values_once(&mut document);
    let inline = inline_schemas(&document);
    let Assignment { assigned, names, problems } = assign::assign(&document, &inline, names);
    Named { extracted: rewrite::rewrite(document, &inline, &assigned), names, problems }
}

/// Removes each value that an enum has already listed, also as 1 and 1.0: it would become a second variant.
fn list_values_once(document: &mut Value) {
    for location in locations(document) {
        let schema = document.pointer_mut(location.pointer.as_str());
        let Some(Value::Array(values)) = schema.and_then(|schema| schema.get_mut("enum")) else { continue };
        let mut seen = HashSet::new();
        values.retain(|value| match value {
            Value::Number(number) => seen.insert(normalized_number(number).to_string()),
            value => seen.insert(value.to_string()),
        });
    }
}

#[cfg(any(test, distribute_ai_fuzzing))]
impl Named {
    /// Returns the document if the table names every schema.
    pub(crate) fn complete(self) -> Result<Extracted, Failure> {
        self.problems.map_or(Ok(self.extracted), Err)
    }
}

#[cfg(test)]
mod tests;
