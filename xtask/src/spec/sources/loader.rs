//! All pages' documents, or none: in memory, so that whoever asks decides what becomes of them.

use std::{path::PathBuf, time::Duration};

use super::{http, manifest::Sources, page::Page};
use crate::{
    failure::{ExitClass, Failure},
    spec::document::{self, Document, Strictness},
    transaction,
};

/// Where the pages are read.
#[derive(Debug)]
pub(crate) enum Origin {
    /// At their addresses; the time that each may take.
    Network(Duration),
    /// `name.md` in a directory.
    Directory(PathBuf),
}

/// Every page's document, sorted by name.
///
/// First every page is read and only then any is judged: an outage is told as an outage, whatever the other pages hold.
pub(crate) fn load(sources: &Sources, origin: &Origin) -> Result<Vec<Document>, Failure> {
    let pages = read(sources, origin)?;
    document::all(pages.iter().map(|(name, page)| extract(name, page)))
}

fn read<'a>(sources: &'a Sources, origin: &Origin) -> Result<Vec<(&'a str, Page)>, Failure> {
    match origin {
        Origin::Network(timeout) => {
            let client = http::client(*timeout)?;
            let pages = sources.iter().map(|(name, address)| {
                let page = http::get(&client, address);
                let failed = |failure: Failure| failure.about(&format!("{name}: {address}"));
                page.map(|page| (name.as_str(), page)).map_err(failed)
            });
            all_or_worst(pages)
        }
        Origin::Directory(dir) => {
            if !dir.is_dir() {
                let dir = dir.display();
                return Err(Failure::usage(format!("{dir}: no such directory")));
            }
            let pages = sources.keys().map(|name| {
                let bytes = transaction::read_bytes(&dir.join(format!("{name}.md")), ExitClass::Usage)?;
                let page = Page::from_bytes(bytes, None).map_err(|failure| failure.about(name))?;
                Ok((name.as_str(), page))
            });
            all_or_worst(pages)
        }
    }
}

/// All, or the failures of the worst class among them, which for these is the one of the greatest number.
fn all_or_worst<T>(results: impl Iterator<Item = Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    let mut worst: Option<Failure> = None;
    for result in results {
        match (result, worst.take()) {
            (Ok(one), before) => {
                all.push(one);
                worst = before;
            }
            (Err(failure), None) => worst = Some(failure),
            (Err(failure), Some(before)) => worst = Some(before.worst(failure)),
        }
    }
    worst.map_or(Ok(all), Err)
}

fn extract(name: &str, page: &Page) -> Result<Document, Vec<String>> {
    let fence = page.json_fence().map_err(|error| vec![format!("{name}: {error}")])?;
    Document::read(name, fence.text, Strictness::Generation).map_err(|errors| {
        // Line and column count from the fence, which a person sees only as part of a page.
        let begins = fence.line + 1;
        let placed = |error: String| {
            if error.contains("not JSON: ") {
                format!("{error} of the fence, whose line 1 is line {begins} of the page")
            } else {
                error
            }
        };
        errors.into_iter().map(placed).collect()
    })
}
