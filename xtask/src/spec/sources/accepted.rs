//! The documents that were accepted: those in `openapi/upstream`.

use std::{borrow::Cow, collections::BTreeMap, fs};

use super::{lockfile::Lock, manifest::Sources, volatile::Volatile};
use crate::{
    failure::{ExitClass, Failure},
    spec::{
        diagnostics::fail_on,
        document::{self, Document, Strictness},
        patches::{self, Corrections, Fixes},
    },
    transaction,
    workspace::Workspace,
};

/// The accepted documents.
#[derive(Debug)]
pub(crate) struct Accepted {
    documents: BTreeMap<String, Document>,
    corrections: Corrections,
    volatile: Volatile,
    /// The pages that have a document, but that sources.toml no longer lists.
    pub(crate) unlisted: Vec<String>,
}

impl Accepted {
    /// Reads the documents of all pages, also of those that sources.toml no longer lists.
    ///
    /// A page without a document is allowed, because the page is new. A changed address is allowed too. A document that was
    /// edited by hand or lost is an error, because the comparison would be with what was never published.
    pub(crate) fn read(root: &Workspace, sources: &Sources) -> Result<Self, Failure> {
        let mut texts = BTreeMap::new();
        for page in pages(root)? {
            let text = transaction::read(&root.upstream(&page), ExitClass::Document)?;
            texts.insert(page, text);
        }
        fail_on(Lock::read(root)?.unaccepted(&texts))
            .map_err(|failure| failure.hint("`git restore openapi` restores what was accepted"))?;
        let corrections = patches::read_corrections(root, sources)?;
        let read = |(name, text): (&String, &String)| {
            Document::read_page(name, text, corrections.get(name), Strictness::Comparing)
        };
        let (listed, others): (Vec<_>, Vec<_>) =
            texts.iter().partition(|(name, _)| sources.contains_key(*name));
        let unlisted = others.iter().map(|(name, _)| (*name).clone()).collect();
        let mut documents = document::collect_pages(listed.into_iter().map(read))?;
        // Without its corrections, which the page has lost too, a document may be invalid. It is to be removed anyway.
        documents.extend(others.into_iter().filter_map(|page| read(page).ok()));
        let documents = documents.into_iter().map(|document| (document.name.clone(), document));
        let volatile = Volatile::read(root, sources)?;
        Ok(Self { documents: documents.collect(), corrections, volatile, unlisted })
    }

    /// Returns the document of a page, unless the page is new.
    pub(crate) fn document(&self, page: &str) -> Option<&Document> {
        self.documents.get(page)
    }

    /// Returns the corrections of a page.
    pub(super) fn corrections(&self, page: &str) -> Option<&Fixes> {
        self.corrections.get(page)
    }

    /// Returns the published document of a page with the accepted values where volatile.toml says so.
    pub(super) fn without_volatile_changes<'a>(&self, page: &str, published: &'a str) -> Cow<'a, str> {
        match self.document(page) {
            Some(accepted) => self.volatile.replace(page, published, &accepted.text).into(),
            None => published.into(),
        }
    }
}

/// Returns the pages that have a document, sorted.
fn pages(root: &Workspace) -> Result<Vec<String>, Failure> {
    let dir = root.upstream_dir();
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let failed = |error| Failure::io(&dir, error);
    let mut pages = Vec::new();
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        pages.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
    }
    pages.sort();
    Ok(pages)
}
