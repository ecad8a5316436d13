//! Is this an OpenAPI 3.0 document? Every reason why not, each with its place.
//!
//! Three readings, each of one kind: [`shape`] holds the document against the object model of the specification,
//! which [`model`] has as a table; [`rules`] are what an object's members say about each other, named in that table;
//! [`links`] are what one part of the document says about another.
//!
//! The validator crate that DESIGN §6 names, roas 0.21, was tried and left out: it refuses valid documents (`null` in
//! a nullable enum, a discriminator that maps to a full reference, a pattern with look-ahead, `1.0` as an integer),
//! lets unknown keys pass beside `allOf`, and stops at the first wrong type without saying where. With the places and
//! unknown keys found here, nothing it finds is left over.

mod object_model;
mod object_rules;
mod references;
mod schema;
mod structure;

use serde_json::Value;

use super::{
    diagnostics::{Diagnostic, Diagnostics, Severity},
    traverse::operations,
};
use crate::json::{Pointer, excerpt};

/// All problems of a document. Without an error among them it is a valid OpenAPI 3.0 document.
pub(crate) fn validate(document: &Value) -> Vec<Diagnostic> {
    let mut problems = Diagnostics::default();
    if let Err((pointer, message)) = version(document) {
        // By another version's rules every further complaint would be noise.
        problems.error(pointer, message);
        return problems.into_vec();
    }
    structure::check(document, &mut problems);
    if !problems.has_errors() {
        references::check(document, &mut problems);
    }
    problems.into_vec()
}

/// What the specification leaves open and the generator does not: an operation's id names its method.
pub(crate) fn needed_by_the_generator(document: &Value, severity: Severity) -> Vec<Diagnostic> {
    let nameless =
        operations(document).into_iter().filter(|(_, _, operation)| !operation.contains_key("operationId"));
    let mut problems = Diagnostics::default();
    problems.extend(nameless.map(|(pointer, ..)| Diagnostic {
        pointer: pointer.child("operationId"),
        message: "missing; expected a string, which becomes the method's name".to_owned(),
        severity,
    }));
    problems.into_vec()
}

fn version(document: &Value) -> Result<(), (Pointer, String)> {
    let root = Pointer::default();
    let Value::Object(members) = document else {
        return Err((root, format!("expected an object, found {}", excerpt(document))));
    };
    if let Some(swagger) = members.get("swagger") {
        let found = format!("expected OpenAPI 3.0.x, found Swagger {}", excerpt(swagger));
        return Err((root.child("swagger"), found));
    }
    let at = root.child("openapi");
    match members.get("openapi") {
        Some(Value::String(version)) if is_3_0(version) => Ok(()),
        Some(found) => Err((at, format!("expected \"3.0.x\", found {}", excerpt(found)))),
        None => Err((at, "missing; expected \"3.0.x\"".to_owned())),
    }
}

fn is_3_0(version: &str) -> bool {
    version
        .strip_prefix("3.0.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
