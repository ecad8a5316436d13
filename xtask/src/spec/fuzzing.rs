//! What foreign pages and documents reach, for the targets in `fuzz`: there with `--cfg fuzzing` only.

use serde_json::Value;

use super::{
    diagnostics::{Diagnostic, Severity, lines},
    diff,
    extract::{self, Names},
    merge, relax,
    sources::page::Page,
    validate::{needed_by_the_generator, validate},
};
use crate::json;

/// The document of a page, after the number of the line on which its fence opens.
pub fn page(bytes: &[u8]) -> Result<(usize, String), String> {
    let page = Page::from_bytes(bytes.to_vec(), None).map_err(|failure| failure.to_string())?;
    page.json_fence().map(|fence| (fence.line, fence.text.to_owned()))
}

/// JSON, read strictly.
pub fn parse(text: &str) -> Result<Value, Vec<String>> {
    let told = |faults: Vec<_>| faults.into_iter().map(|(at, said)| format!("{at}: {said}")).collect();
    json::parse(text).map_err(told)
}

/// The JSON with other white space.
#[must_use]
pub fn indent(text: &str) -> String {
    json::indent(text)
}

/// The value as it is committed.
#[must_use]
pub fn canonical(value: &Value) -> String {
    json::canonical(value)
}

/// Whether two values say the same.
#[must_use]
pub fn equal(one: &Value, other: &Value) -> bool {
    json::equivalent(one, other)
}

/// Why this is no OpenAPI document.
#[must_use]
pub fn refusals(document: &Value) -> Vec<String> {
    errors(&validate(document))
}

/// Several documents in one.
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

/// What becomes of a merged document before our fixes, with these names for its schemas.
pub fn made_ready(merged: Value, names: &str) -> Result<Value, String> {
    let refused = errors(&needed_by_the_generator(&merged, Severity::Error));
    if !refused.is_empty() {
        return Err(refused.join("\n"));
    }
    let names: Names = toml::from_str(names).map_err(|error| error.to_string())?;
    let relaxed =
        extract::extract(merged, &names).and_then(relax::relax).map_err(|failure| failure.to_string())?;
    Ok(relaxed.document)
}

/// A change between two documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The rule, by its id.
    pub rule: String,
    /// What is said of it.
    pub message: String,
    /// Where it is, or the nearest thing around it, in the old document and in the new one.
    pub places: [String; 2],
    /// As the format JSON has it.
    pub fingerprint: String,
}

/// Every change from one document to the other, and the reports of them, one in each format.
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
