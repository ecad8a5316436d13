//! Merges several documents into one, or returns every conflict between them.
//!
//! If two documents define the same name differently, the merge fails. Differing `security` and `servers` are
//! not a conflict: they move from the root to the operations, so that each operation keeps its meaning.

mod conflict;
mod pushdown;
mod union;

pub(crate) use self::conflict::{Conflict, Warning};
use serde_json::Value;

use super::document::Document;
use crate::failure::{ExitClass, Failure};

/// Merges validated documents, and returns warnings.
pub(crate) fn documents_into_one(documents: &[&Document]) -> Result<(Value, Vec<String>), Failure> {
    let named: Vec<_> =
        documents.iter().map(|document| (document.name.clone(), document.corrected().clone())).collect();
    match merge(&named) {
        Ok((merged, warnings)) => Ok((merged, warnings.iter().map(ToString::to_string).collect())),
        Err(conflicts) => {
            let lines = conflicts.iter().map(ToString::to_string);
            Err(Failure::new(ExitClass::Document, lines.collect()))
        }
    }
}

/// Merges named, valid documents into one, and returns warnings or conflicts.
pub(crate) fn merge(documents: &[(String, Value)]) -> Result<(Value, Vec<Warning>), Vec<Conflict>> {
    let documents = pushdown::push_down(documents);
    let mut merged = union::Union::default();
    for (name, document) in &documents {
        merged.add(name, document);
    }
    merged.finish()
}

#[cfg(test)]
mod tests;
