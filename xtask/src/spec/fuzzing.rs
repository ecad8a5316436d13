//! Functions that process untrusted pages and documents, for the targets in `fuzz`.
//!
//! Compiled with `--cfg distribute_ai_fuzzing` only.

use serde_json::Value;

use super::{
    diagnostics::{Diagnostic, Severity, lines},
    diff,
    extract::{self, Names},
    merge, normalize, relax,
    sources::page::{Absence, Page},
    validate::{generator_requirements, validate},
};
use crate::json;

/// Returns the JSON fence of a page: the line number on which the fence opens, and its text.
pub fn page(bytes: &[u8]) -> Result<(usize, String), String> {
    let problems = |absence: Absence| absence.lines("page").join("\n");
    let page = Page::from_bytes(bytes.to_vec(), None).map_err(problems)?;
    page.json_fence().map(|fence| (fence.line, fence.text.to_owned())).map_err(problems)
}

/// Parses JSON strictly.
pub fn parse(text: &str) -> Result<Value, Vec<String>> {
    let lines = |errors: Vec<_>| errors.into_iter().map(|(at, message)| format!("{at}: {message}")).collect();
    json::parse(text).map_err(lines)
}

/// Returns the JSON text with normalised white space.
#[must_use]
pub fn indent(text: &str) -> String {
    json::indent(text)
}

/// Returns the canonical JSON text of a value, as it is committed.
#[must_use]
pub fn canonical(value: &Value) -> String {
    json::canonical(value)
}

/// Returns `true` if two values are equivalent.
#[must_use]
pub fn equal(one: &Value, other: &Value) -> bool {
    json::equivalent(one, other)
}

/// Returns the errors that make this an invalid OpenAPI document.
#[must_use]
pub fn refusals(document: &Value) -> Vec<String> {
    errors(&validate(document))
}

/// Returns the document in the terms of OpenAPI 3.0, as `spec diff` reads it.
#[must_use]
pub fn normalized(document: &Value) -> Value {
    normalize::normalize(document.clone()).0
}

/// Merges documents into one.
pub fn merged(documents: &[Value]) -> Result<Value, Vec<String>> {
    let named: Vec<_> =
        documents.iter().enumerate().map(|(at, document)| (format!("page-{at}"), document.clone())).collect();
    match merge::merge(&named) {
        Ok((merged, warnings)) => {
            let _ = warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
            Ok(merged)
        }
        Err(conflicts) => Err(conflicts.iter().map(ToString::to_string).collect()),
    }
}

/// Extracts and relaxes the schemas of a merged document, with these names. Fixes are not applied.
pub fn made_ready(merged: Value, names: &str) -> Result<Value, String> {
    let errors = errors(&generator_requirements(&merged, Severity::Error));
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    let names: Names = toml::from_str(names).map_err(|error| error.to_string())?;
    let extracted = extract::extract(merged, &names).complete().map_err(|failure| failure.to_string())?;
    Ok(relax::relax(extracted).document)
}

/// A change between two documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The id of the rule.
    pub rule: String,
    /// The message of the finding.
    pub message: String,
    /// The pointers of the change, or of the nearest existing parent, in the old and in the new document.
    pub places: [String; 2],
    /// The fingerprint, as in the JSON report.
    pub fingerprint: String,
}

/// Returns all changes between two documents, and their reports, one per format.
#[must_use]
pub fn changes(base: &Value, revision: &Value) -> (Vec<Change>, [String; 5]) {
    let findings = diff::diff(base, revision);
    let changes = findings.iter().map(|finding| Change {
        rule: finding.rule.id.clone(),
        message: finding.message.clone(),
        places: [finding.base.to_string(), finding.revision.to_string()],
        fingerprint: finding.fingerprint.clone(),
    });
    (changes.collect(), diff::all_formats(&findings))
}

fn errors(problems: &[Diagnostic]) -> Vec<String> {
    lines("document", problems, Severity::Error)
}
