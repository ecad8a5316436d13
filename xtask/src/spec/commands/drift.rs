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
    let findings = findings(root, &accepted, &documents, &absent)?;
    for (page, absence) in &absent {
        diagnostics::warn(absence.lines(page));
    }
    let reported = options.report(findings, "openapi/sources.toml");
    match failure.into_iter().chain(reported.err()).reduce(Failure::with) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Compares page by page, or all pages at once if an operation has moved to another page. All operations of a page without an
/// accepted document are new. A page without a published document is a finding of its own.
pub(super) fn findings(
    root: &Workspace,
    accepted: &Accepted,
    published: &[Document],
    absent: &[(String, Absence)],
) -> Result<Vec<Finding>, Failure> {
    let new: Vec<_> = published.iter().collect();
    let found: BTreeSet<_> = published.iter().flat_map(places).collect();
    let absent_names = absent.iter().map(|(page, _)| page);
    let left: Vec<_> =
        absent_names.chain(&accepted.unlisted).filter_map(|page| accepted.document(page)).collect();
    // The same pages are compared, and those of which another page has an operation now. Any other page that is missing
    // is a breaking change of its own.
    let moved = left.into_iter().filter(|page| places(page).iter().any(|at| found.contains(at)));
    let of_published = published.iter().filter_map(|page| accepted.document(&page.name));
    let old: Vec<_> = of_published.chain(moved).collect();
    let has_moved = has_moved(&old, &new);
    let whole = has_moved.then(|| Some((merged(&old)?, merged(&new)?))).flatten();
    // Nothing has compared an operation that has moved if the pages are in conflict.
    let is_compared = !has_moved || whole.is_some();
    let findings = match whole {
        Some((old, new)) => diff::diff(&old, &new),
        None => by_page(accepted, published),
    };
    let mut findings = client_axis::add(root, findings, &old, &new)?;
    let is_elsewhere = |page: &str| {
        let document = accepted.document(page);
        document.is_some_and(|document| places(document).iter().all(|at| found.contains(at)))
    };
    let unlisted = accepted.unlisted.iter().map(|page| {
        let reason = "no longer listed in openapi/sources.toml".to_owned();
        (page, DocumentChange::PageRemoved, reason)
    });
    let absent = absent.iter().map(|(page, absence)| (page, change(absence), summary(absence)));
    findings.extend(unlisted.chain(absent).map(|(page, change, reason)| {
        let is_moved = is_compared && change == DocumentChange::PageRemoved && is_elsewhere(page);
        diff::page(change, page, &reason, is_moved)
    }));
    Ok(findings)
}

/// Returns the pointers of the operations of a page.
fn places(page: &Document) -> Vec<Pointer> {
    operations(&page.value).into_iter().map(|(at, ..)| at).collect()
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
    let with_pages = |documents: &[&Document]| -> BTreeSet<(Pointer, String)> {
        let places =
            documents.iter().flat_map(|page| places(page).into_iter().map(|at| (at, page.name.clone())));
        places.collect()
    };
    let (old, new) = (with_pages(old), with_pages(new));
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
