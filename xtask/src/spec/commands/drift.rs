//! `spec drift`: compares the published pages with the accepted documents. Writes nothing.
//!
//! Both sides are documents as published, without our fixes, so no fix hides a change.

use serde_json::{Value, json};

use super::{client_axis, origin::OriginOptions};
use crate::{
    failure::Failure,
    spec::{
        diagnostics,
        diff::{self, DocumentChange, Finding, ReportOptions},
        document::{Document, Strictness},
        sources::{
            accepted::Accepted,
            loader::{self, Published},
            manifest,
            page::Absence,
        },
    },
    transaction::Transaction,
    workspace::Workspace,
};

pub(crate) fn run(root: &Workspace, from: OriginOptions, options: &ReportOptions) -> Result<(), Failure> {
    let origin = from.origin()?;
    let _transaction = Transaction::begin(root.openapi_dir())?;
    let sources = manifest::read(root)?;
    let accepted = Accepted::read(root, &sources)?;
    // A document that the generator does not support is compared too, so that the report names its changes.
    let published = loader::load(&sources, &origin, &accepted, Strictness::Merging)?;
    let Published { documents, absent, failure } = published;
    for page in &documents {
        diagnostics::warn(page.outdated.iter().flat_map(Failure::errors).cloned());
    }
    let mut findings = findings(root, &accepted, &documents)?;
    for (page, absence) in &absent {
        diagnostics::warn(absence.lines(page));
        findings.push(diff::page(change(absence), page, &summary(absence)));
    }
    let reported = options.report(findings, "openapi/sources.toml");
    match failure.into_iter().chain(reported.err()).reduce(Failure::worst) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Compares page by page. All operations of a page without an accepted document are new.
pub(super) fn findings(
    root: &Workspace,
    accepted: &Accepted,
    published: &[Document],
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for page in published {
        let empty = without_operations(&page.value);
        let base = accepted.document(&page.name).map_or(&empty, |document| &document.value);
        findings.extend(diff::diff(base, &page.value).into_iter().map(|finding| finding.on_page(&page.name)));
    }
    // The clients of the same pages are compared. A page that is missing breaks code by itself.
    let old: Vec<_> = published.iter().filter_map(|page| accepted.document(&page.name)).collect();
    let mut findings = client_axis::add(root, findings, &old, &published.iter().collect::<Vec<_>>())?;
    for page in &accepted.unlisted {
        findings.push(diff::page(
            DocumentChange::PageRemoved,
            page,
            "no longer listed in openapi/sources.toml",
        ));
    }
    Ok(findings)
}

fn change(absence: &Absence) -> DocumentChange {
    match absence {
        Absence::Removed(_) => DocumentChange::PageRemoved,
        Absence::NotOpenApi(_) => DocumentChange::PageNotOpenapi,
    }
}

fn summary(absence: &Absence) -> String {
    match absence {
        Absence::Removed(response) => response.clone(),
        Absence::NotOpenApi(problems) => match problems.as_slice() {
            [problem] => problem.clone(),
            problems => format!("{} problems: {}", problems.len(), problems.join("; ")),
        },
    }
}

fn without_operations(document: &Value) -> Value {
    let mut document = document.clone();
    document["paths"] = json!({});
    document
}
