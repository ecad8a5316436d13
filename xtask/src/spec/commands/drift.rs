//! `spec drift`: compares the published pages with the accepted documents. Writes nothing.
//!
//! Both sides are documents as published, without our fixes, so no fix hides a change.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{client_axis, origin::OriginOptions};
use crate::{
    failure::Failure,
    json::Pointer,
    spec::{
        diagnostics,
        diff::{self, DocumentChange, Finding, ReportOptions},
        document::{Document, Strictness},
        merge,
        sources::{
            accepted::Accepted,
            loader::{self, Published},
            manifest,
            page::Absence,
        },
        traverse::operations,
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

/// Compares page by page, or all pages at once if an operation has moved to another page. All operations of a page without an
/// accepted document are new.
pub(super) fn findings(
    root: &Workspace,
    accepted: &Accepted,
    published: &[Document],
) -> Result<Vec<Finding>, Failure> {
    // The same pages are compared. A page that is missing breaks code by itself.
    let old: Vec<_> = published.iter().filter_map(|page| accepted.document(&page.name)).collect();
    let new: Vec<_> = published.iter().collect();
    let whole = has_moved(&old, &new).then(|| Some((merged(&old)?, merged(&new)?))).flatten();
    let findings = match whole {
        Some((old, new)) => diff::diff(&old, &new),
        None => by_page(accepted, published),
    };
    let mut findings = client_axis::add(root, findings, &old, &new)?;
    for page in &accepted.unlisted {
        findings.push(diff::page(
            DocumentChange::PageRemoved,
            page,
            "no longer listed in openapi/sources.toml",
        ));
    }
    Ok(findings)
}

fn by_page(accepted: &Accepted, published: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in published {
        let empty = without_operations(&page.value);
        let base = accepted.document(&page.name).map_or(&empty, |document| &document.value);
        findings.extend(diff::diff(base, &page.value).into_iter().map(|finding| finding.on_page(&page.name)));
    }
    findings
}

/// Returns `true` if an operation is on another page now.
fn has_moved(old: &[&Document], new: &[&Document]) -> bool {
    let places = |documents: &[&Document]| -> BTreeSet<(Pointer, String)> {
        let places = documents.iter().flat_map(|document| {
            operations(&document.value).into_iter().map(|(at, ..)| (at, document.name.clone()))
        });
        places.collect()
    };
    let (old, new) = (places(old), places(new));
    let left: BTreeSet<_> = old.difference(&new).map(|(at, _)| at).collect();
    new.difference(&old).any(|(at, _)| left.contains(at))
}

/// Returns the documents as published as one document, unless they are in conflict.
fn merged(documents: &[&Document]) -> Option<Value> {
    let documents = documents.iter().map(|document| (document.name.clone(), document.value.clone()));
    merge::merge(&documents.collect::<Vec<_>>()).ok().map(|(merged, _)| merged)
}

fn change(absence: &Absence) -> DocumentChange {
    match absence {
        Absence::Removed(_) => DocumentChange::PageRemoved,
        Absence::NotJson(_) | Absence::NotOpenApi(_) => DocumentChange::PageNotOpenapi,
    }
}

fn summary(absence: &Absence) -> String {
    match absence {
        Absence::Removed(response) => response.clone(),
        Absence::NotJson(problems) | Absence::NotOpenApi(problems) => match problems.as_slice() {
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
