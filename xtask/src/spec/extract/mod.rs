//! Extracts inline schemas into named components, so that changes of the pages reach the generated types
//! automatically.
//!
//! The generator would name an inline schema after its first location. Without a message, it would also merge
//! two different schemas whose locations result in the same name. Here every name comes from
//! `openapi/names.toml`, and a schema without a name stops the build.
//!
//! [`classify`] determines the schemas that need a name. [`names`] reads the table, [`assign`] assigns the
//! names, and [`rewrite`] moves the schemas.

mod assign;
mod classify;
mod inline;
mod names;
mod rewrite;

use serde_json::Value;

use self::inline::inline_schemas;
pub(crate) use self::{
    names::Names,
    rewrite::{Extracted, OpenTypes, Origins, reference},
};
use crate::failure::{ExitClass, Failure};

/// Moves every inline schema to a component with the name that `names` assigns.
pub(crate) fn extract(document: Value, names: &Names) -> Result<Extracted, Failure> {
    let inline = inline_schemas(&document);
    let assigned = assign::assign(&inline, names).map_err(assign::NamingErrors::into_failure)?;
    rewrite::rewrite(document, &inline, &assigned)
        .map_err(|conflicts| Failure::new(ExitClass::Document, conflicts))
}

#[cfg(test)]
mod tests;
