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
mod report;
mod responses;
mod rules;
mod schema;
mod security;
mod servers;
mod spelling;
mod walk;

use std::path::Path;

pub(crate) use finding::Finding;
#[cfg(fuzzing)]
pub(crate) use report::every_report;
pub(crate) use report::{Judge, markdown};
pub(crate) use rules::{Rule, all as rules};
use serde_json::Value;

use self::node::{Node, Pair};
use super::document::{self as documents, Document, For};
use crate::{
    error::{Class, Failure},
    files,
};

/// `spec diff`: any two documents.
pub(crate) fn run(base: &Path, revision: &Path, judge: &Judge) -> Result<(), Failure> {
    let paths = [base, revision];
    let texts = paths.map(|path| Ok((path.display().to_string(), files::read(path, Class::Usage)?)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    // What would be refused from a page must not be judged, and what is only a warning there is none here.
    let documents =
        documents::all(texts.iter().map(|(name, text)| Document::read(name, text, For::Comparing)))?;
    let findings = match documents.as_slice() {
        [base, revision] => diff(&base.value, &revision.value),
        _ => Vec::new(),
    };
    judge.report(findings, &revision.display().to_string())
}

/// Every change from one document to the other. Nothing is asked of the two: what is no document says nothing.
pub(crate) fn diff(base: &Value, revision: &Value) -> Vec<Finding> {
    document::compare(&Pair { base: Node::root(base), revision: Node::root(revision) })
}

#[cfg(test)]
mod tests;
