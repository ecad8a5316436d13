//! Loads the documents of all pages into memory, or fails. The caller decides whether to write them.

use std::{path::PathBuf, time::Duration};

use super::{http, manifest::Sources, page::Page};
use crate::{
    failure::{ExitClass, Failure},
    spec::document::{self, Document, Strictness},
    transaction,
};

/// The origin of the pages.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The addresses in sources.toml, with a timeout for each page.
    Network(Duration),
    /// A directory that contains `name.md` for each page.
    Directory(PathBuf),
}

/// Loads the document of every page, sorted by name.
///
/// All pages are read before any is validated. A network failure is therefore reported as such, even if
/// another page is invalid.
pub(crate) fn load(sources: &Sources, origin: &Origin) -> Result<Vec<Document>, Failure> {
    let pages = read(sources, origin)?;
    document::collect(pages.iter().map(|(name, page)| parse_page(name, page)))
}

fn read<'a>(sources: &'a Sources, origin: &Origin) -> Result<Vec<(&'a str, Page)>, Failure> {
    match origin {
        Origin::Network(timeout) => {
            let client = http::Client::new(*timeout)?;
            let pages = sources.iter().map(|(name, address)| {
                let page = client.get(address);
                let failed = |failure: Failure| failure.about(&format!("{name}: {address}"));
                page.map(|page| (name.as_str(), page)).map_err(failed)
            });
            all_or_worst(pages)
        }
        Origin::Directory(dir) => {
            if !dir.is_dir() {
                let dir = dir.display();
                return Err(Failure::usage(format!("{dir}: directory not found")));
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

/// Returns all values, or the failures with the highest exit code.
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

fn parse_page(name: &str, page: &Page) -> Result<Document, Vec<String>> {
    let fence = page.json_fence().map_err(|error| vec![format!("{name}: {error}")])?;
    Document::read(name, fence.text, Strictness::Generation).map_err(|errors| {
        // The parser counts lines from the start of the fence, but the user sees the whole page.
        let first_line = fence.line + 1;
        let with_page_line = |error: String| {
            if error.contains("not JSON: ") {
                format!("{error} of the fence, whose line 1 is line {first_line} of the page")
            } else {
                error
            }
        };
        errors.into_iter().map(with_page_line).collect()
    })
}
