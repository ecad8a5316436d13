//! Several documents into one, or every reason why they are not one API.
//!
//! Fails closed: where two documents say different things of one name, no one of them wins. What differs and still
//! can be said (who may call, and where) moves down to the operations it is said of, so that meaning survives.

mod conflict;
mod pushdown;
mod union;

pub(crate) use self::conflict::{Conflict, Warning};
use serde_json::Value;

use super::{diagnostics, document::Document};
use crate::failure::{ExitClass, Failure};

/// The merge of documents already validated, its warnings said.
pub(crate) fn documents_into_one(documents: &[Document]) -> Result<Value, Failure> {
    let named: Vec<_> =
        documents.iter().map(|document| (document.name.clone(), document.value.clone())).collect();
    match merge(&named) {
        Ok((merged, warnings)) => {
            diagnostics::warn(warnings.iter().map(ToString::to_string));
            Ok(merged)
        }
        Err(conflicts) => {
            let lines = conflicts.iter().map(ToString::to_string);
            Err(Failure::new(ExitClass::Document, lines.collect()))
        }
    }
}

/// One document that says what all of these say; each is valid and comes with the name it is known by.
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
