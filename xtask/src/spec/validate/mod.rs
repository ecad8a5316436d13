//! Validates OpenAPI 3.0 documents. Returns every problem with its pointer.
//!
//! Validation has three parts. [`structure`] compares the document with the object model of the
//! specification, which [`object_model`] contains as a table. [`object_rules`] and [`schema`] check the
//! members of one object against each other. [`references`] checks one part of the document against another.
//!
//! A violation is an error if the document could mean something else than its reader understands. These violations are
//! warnings, because nothing is lost:
//!
//! - an unknown key in an object that only describes the API (`info`, a tag, an example): the key has no meaning
//! - `example` next to `examples`, and `value` next to `externalValue`: the generator uses neither
//! - two tags of one name: the generator ignores tags
//! - an unknown scope of a security scheme: the client sends the same key
//! - a link to an unknown operation: pages are cut from a larger document, and the generator ignores links
//! - an array without `items`: JSON Schema allows any item
//! - a pattern that is valid in ECMA 262 only without the flag `u`, such as `\@`: servers use such patterns
//! - keys next to a `$ref`: the specification ignores them, except in a path item, where they are not supported
//! - an empty `required`, a name that `required` lists twice, and a value that `enum` lists twice: the meaning is clear
//! - a required property that is not defined, a default that its schema rejects, and limits that exclude every value: the
//!   document is valid, but probably wrong
//!
//! `openapi/corrections` corrects pages with errors. For `spec diff`, which compares documents of any author,
//! [`validate_leniently`] accepts more.
//!
//! The validator crate roas 0.21 is not used. It rejects valid documents: `null` in a nullable enum, a
//! discriminator that maps to a full reference, a pattern with look-ahead, `1.0` as an integer. It accepts
//! unknown keys next to `allOf`, and it stops at the first wrong type without its position. It finds no
//! problem that this module misses.

pub(in crate::spec) mod object_model;
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

/// Returns all problems of a document. The document is valid OpenAPI 3.0 if none of them is an error.
pub(crate) fn validate(document: &Value) -> Vec<Diagnostic> {
    check(document, Diagnostics::default())
}

/// Returns all problems of a document that was [normalized](super::normalize). Departures from the specification whose
/// meaning is clear are warnings, and the keys of OpenAPI 3.1 are known.
pub(crate) fn validate_leniently(document: &Value) -> Vec<Diagnostic> {
    check(document, Diagnostics::lenient())
}

fn check(document: &Value, mut problems: Diagnostics) -> Vec<Diagnostic> {
    if let Err((pointer, message)) = version(document, problems.is_lenient()) {
        // The rules of 3.0 do not apply to other versions, so report nothing else.
        problems.error(pointer, message);
        return problems.into_vec();
    }
    if problems.is_lenient() && document["openapi"].as_str().is_some_and(|text| !is_known(text)) {
        let message = format!("expected \"3.0.x\" or \"3.1.x\", found {}", excerpt(&document["openapi"]));
        problems.warn(Pointer::new("/openapi"), message);
    }
    structure::check(document, &mut problems);
    if !problems.has_errors() {
        references::check(document, &mut problems);
    }
    problems.into_vec()
}

/// Returns violations of the requirements that the generator adds to OpenAPI 3.0: every operation needs an
/// `operationId`.
pub(crate) fn generator_requirements(document: &Value, severity: Severity) -> Vec<Diagnostic> {
    let without_id =
        operations(document).into_iter().filter(|(_, _, operation)| !operation.contains_key("operationId"));
    let mut problems = Diagnostics::default();
    problems.extend(without_id.map(|(pointer, ..)| Diagnostic {
        pointer: pointer.child("operationId"),
        message: "missing, expected a string, which becomes the name of the method".to_owned(),
        severity,
    }));
    problems.into_vec()
}

fn version(document: &Value, lenient: bool) -> Result<(), (Pointer, String)> {
    let expected = if lenient { "\"3.0.x\" or \"3.1.x\"" } else { "\"3.0.x\"" };
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
        Some(Value::String(version)) if is_version("3.0", version) => Ok(()),
        Some(Value::String(version)) if lenient && (is_about("3.0", version) || is_about("3.1", version)) => {
            Ok(())
        }
        Some(found) => Err((at, format!("expected {expected}, found {}", excerpt(found)))),
        None => Err((at, format!("missing, expected {expected}"))),
    }
}

/// Returns `true` for a version such as 3.0.3.
fn is_version(minor: &str, version: &str) -> bool {
    let patch = version.strip_prefix(minor).and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns `true` for a version such as 3.0, 3.0.3 or 3.0.3-draft.
pub(super) fn is_about(minor: &str, version: &str) -> bool {
    version.trim().strip_prefix(minor).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_known(version: &str) -> bool {
    is_version("3.0", version) || is_version("3.1", version)
}

#[cfg(test)]
mod tests;
