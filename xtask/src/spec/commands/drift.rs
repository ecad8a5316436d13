//! `spec drift`: what the pages say now, against what they said when they were last accepted. Writes nothing.
//!
//! Raw against raw: the committed side is what was published, not what our fixes made of it, so no fix hides a change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fetch::From;
use crate::{
    failure::{ExitClass, Failure},
    spec::{
        diagnostics::fail_on,
        diff::{self, Finding, ReportOptions},
        document::{self, Document, Strictness},
        sources::{
            loader,
            lockfile::Lock,
            manifest::{self, Sources},
        },
    },
    transaction,
    workspace::Workspace,
};

pub(crate) fn run(root: &Workspace, from: From, judge: &ReportOptions) -> Result<(), Failure> {
    let origin = from.origin()?;
    let sources = manifest::read(root)?;
    let accepted = accepted(root, &sources)?;
    let published = loader::load(&sources, &origin)?;
    judge.report(findings(&accepted, &published), "openapi/sources.toml")
}

/// The documents that were accepted, of the pages that are listed now. One that is missing is of a page that is new, and
/// another address is no other document; but one that was edited is nothing that was ever published.
pub(super) fn accepted(root: &Workspace, sources: &Sources) -> Result<Vec<Document>, Failure> {
    let mut texts = BTreeMap::new();
    for name in sources.keys() {
        let path = root.upstream(name);
        if path.exists() {
            texts.insert(name.clone(), transaction::read(&path, ExitClass::Document)?);
        }
    }
    fail_on(Lock::read(root)?.modified(&texts))
        .map_err(|failure| failure.hint("`git restore openapi/upstream` brings back what was fetched"))?;
    document::all(texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Comparing)))
}

/// Page by page. All operations of a page that was never accepted are new.
pub(super) fn findings(accepted: &[Document], published: &[Document]) -> Vec<Finding> {
    let before: BTreeMap<_, _> = accepted.iter().map(|document| (&document.name, &document.value)).collect();
    let mut findings = Vec::new();
    for page in published {
        let new = without_operations(&page.value);
        let base = before.get(&page.name).copied().unwrap_or(&new);
        findings.extend(diff::diff(base, &page.value).into_iter().map(|finding| finding.of(&page.name)));
    }
    findings
}

fn without_operations(document: &Value) -> Value {
    let mut document = document.clone();
    document["paths"] = json!({});
    document
}
