//! `spec drift`: what the pages say now, against what they said when they were last accepted. Writes nothing.
//!
//! Raw against raw: the committed side is what was published, not what our fixes made of it, so no fix hides a change.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    build,
    diff::{self, Finding, Judge},
    document::Document,
    fetch::From,
    pages, sources,
};
use crate::{error::Failure, root::Root};

pub(crate) fn run(root: &Root, from: From, judge: &Judge) -> Result<(), Failure> {
    let origin = from.origin()?;
    let sources = sources::read(root)?;
    let committed = build::committed(root)?;
    let published = pages::load(&sources, &origin)?;
    judge.report(findings(&committed, &published), "openapi/sources.toml")
}

/// Page by page. A page that is on one side only is all new, or all gone.
pub(super) fn findings(committed: &[Document], published: &[Document]) -> Vec<Finding> {
    let nothing = json!({});
    let mut pages: BTreeMap<_, _> =
        committed.iter().map(|document| (page(document), (&document.value, &nothing))).collect();
    for document in published {
        pages.entry(page(document)).or_insert((&nothing, &nothing)).1 = &document.value;
    }
    let changed = pages.into_iter().flat_map(|(page, (base, revision))| {
        diff::diff(base, revision).into_iter().map(move |finding| finding.of(page))
    });
    changed.collect()
}

/// The page's name, which a committed document bears as its file's.
fn page(document: &Document) -> &str {
    let name = document.name.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".json").unwrap_or(name)
}
