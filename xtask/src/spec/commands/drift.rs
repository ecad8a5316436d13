//! `spec drift`: compares the published pages with the accepted documents. Writes nothing.
//!
//! Both sides are documents as published, without our fixes, so no fix hides a change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::from::From;
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
    transaction::{self, Transaction},
    workspace::Workspace,
};

pub(crate) fn run(root: &Workspace, from: From, options: &ReportOptions) -> Result<(), Failure> {
    let origin = from.origin()?;
    let _transaction = Transaction::begin(root.openapi_dir())?;
    let sources = manifest::read(root)?;
    let accepted = accepted(root, &sources)?;
    let published = loader::load(&sources, &origin)?;
    options.report(findings(&accepted, &published), "openapi/sources.toml")
}

/// Reads the accepted documents of the pages listed in sources.toml.
///
/// A missing document is allowed, because its page is new. A changed address is allowed too. A document that
/// was edited by hand is an error, because it was never published.
pub(super) fn accepted(root: &Workspace, sources: &Sources) -> Result<Vec<Document>, Failure> {
    let mut texts = BTreeMap::new();
    for name in sources.keys() {
        let path = root.upstream(name);
        if path.exists() {
            texts.insert(name.clone(), transaction::read(&path, ExitClass::Document)?);
        }
    }
    fail_on(Lock::read(root)?.modified(&texts))
        .map_err(|failure| failure.hint("`git restore openapi` restores what was accepted"))?;
    document::collect(texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Comparing)))
}

/// Compares page by page. All operations of a page without an accepted document are new.
pub(super) fn findings(accepted: &[Document], published: &[Document]) -> Vec<Finding> {
    let before: BTreeMap<_, _> = accepted.iter().map(|document| (&document.name, &document.value)).collect();
    let mut findings = Vec::new();
    for page in published {
        let empty = without_operations(&page.value);
        let base = before.get(&page.name).copied().unwrap_or(&empty);
        findings.extend(diff::diff(base, &page.value).into_iter().map(|finding| finding.on_page(&page.name)));
    }
    findings
}

fn without_operations(document: &Value) -> Value {
    let mut document = document.clone();
    document["paths"] = json!({});
    document
}
