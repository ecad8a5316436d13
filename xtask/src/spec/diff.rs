//! What changed from one document to another, and what it means: on the wire, and for the generated client.
//!
//! Pure but for [`run`]: two values in, findings out. The walk ([`document`] and below) says *that* something changed
//! and under which rule; how bad that is stands in the table ([`mod@rules`]).

mod body;
mod document;
mod finding;
mod ignore;
mod level;
mod node;
mod operation;
mod parameters;
mod paths;
mod recorder;
mod report;
mod responses;
mod rules;
mod schema;
mod security;
mod servers;
mod spelling;

use std::path::Path;

pub(crate) use finding::Finding;
#[cfg(fuzzing)]
pub(crate) use report::all_formats;
pub(crate) use report::{ReportOptions, markdown};
pub(crate) use rules::{Rule, all as rules};
use serde_json::Value;

use self::node::{Pair, ResolvedNode};
use super::document::{self as documents, Document, Strictness};
use crate::{
    error::{ExitClass, Failure},
    files,
};

/// `spec diff`: any two documents.
pub(crate) fn run(base: &Path, revision: &Path, judge: &ReportOptions) -> Result<(), Failure> {
    let paths = [base, revision];
    let texts = paths.map(|path| Ok((path.display().to_string(), files::read(path, ExitClass::Usage)?)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    // What would be refused from a page must not be judged, and what is only a warning there is none here.
    let documents =
        documents::all(texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Comparing)))?;
    let findings = match documents.as_slice() {
        [base, revision] => diff(&base.value, &revision.value),
        _ => Vec::new(),
    };
    judge.report(findings, &revision.display().to_string())
}

/// Every change from one document to the other. Nothing is asked of the two: what is no document says nothing.
pub(crate) fn diff(base: &Value, revision: &Value) -> Vec<Finding> {
    document::compare(&Pair { base: ResolvedNode::root(base), revision: ResolvedNode::root(revision) })
}

#[cfg(test)]
mod tests;
