//! Loads the documents of all pages into memory. The caller decides whether to compare or to write them.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    accepted::Accepted,
    http,
    manifest::Sources,
    page::{Absence, Page},
};
use crate::{
    failure::{ExitClass, Failure},
    json::{self, Pointer},
    spec::{
        diagnostics,
        document::{CORRECTIONS_HINT, Document, Strictness},
    },
    transaction,
};

/// The hint about a page without a JSON document.
const NOT_JSON_HINT: &str = "if a page has moved, change its address in openapi/sources.toml; else save the pages as \
     DIR/<page>.md, correct the copy, and use `--from DIR`, because openapi/corrections/ needs JSON without duplicate keys";

/// The origin of the pages.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The addresses in sources.toml.
    Network {
        /// The timeout for each page.
        timeout: Duration,
        /// The pause before a page that was not found is requested again.
        pause: Duration,
    },
    /// A directory that contains `name.md` for each page.
    Directory(PathBuf),
}

/// The published pages.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The documents, sorted by page.
    pub(crate) documents: Vec<Document>,
    /// The pages without a document, with the reason.
    pub(crate) absent: Vec<(String, Absence)>,
    /// The failure of the pages that could not be read.
    pub(crate) failure: Option<Failure>,
}

impl Published {
    /// Returns the documents, or a failure if the document of any page is missing.
    pub(crate) fn into_documents(self) -> Result<Vec<Document>, Failure> {
        let absent = self.absent.iter().map(|(page, absence)| {
            let failure = Failure::new(ExitClass::Document, absence.lines(page));
            match absence {
                Absence::Removed(_) => failure.hint(format!(
                    "if the page {page} was removed for good, remove its line from openapi/sources.toml"
                )),
                Absence::NotJson(_) => failure.hint(NOT_JSON_HINT),
                Absence::NotOpenApi(_) => failure.hint(CORRECTIONS_HINT),
            }
        });
        match absent.chain(self.failure).reduce(Failure::worst) {
            Some(failure) => Err(failure),
            None => Ok(self.documents),
        }
    }
}

/// A page, or the reason why its document is missing. After a failure, the page may be unchanged.
type Response = Result<Result<Page, Absence>, Failure>;

/// Loads the documents of all pages.
///
/// # Errors
///
/// Returns an error if the pages cannot be read at all. The failures of single pages are part of the result.
pub(crate) fn load(
    sources: &Sources,
    origin: &Origin,
    accepted: &Accepted,
    strictness: Strictness,
) -> Result<Published, Failure> {
    let responses = match origin {
        Origin::Network { timeout, pause } => download(sources, *timeout, *pause)?,
        Origin::Directory(dir) => read(sources, dir)?,
    };
    let mut published = Published::default();
    for (name, response) in responses {
        match response.map(|page| page.and_then(|page| parse(name, &page, accepted, strictness))) {
            Ok(Ok(document)) => published.documents.push(document),
            Ok(Err(absence)) => published.absent.push((name.to_owned(), absence)),
            Err(failure) => {
                let before = published.failure.take();
                published.failure = before.into_iter().chain([failure]).reduce(Failure::worst);
            }
        }
    }
    Ok(published)
}

/// Downloads all pages. A page that was not found is requested again after the pause, because a site that is being
/// deployed may miss a page for some seconds.
fn download(sources: &Sources, timeout: Duration, pause: Duration) -> Result<Vec<(&str, Response)>, Failure> {
    let client = http::Client::new(timeout)?;
    let get = |name: &str, address| {
        let failed = |failure: Failure| failure.about(&format!("{name}: {}", http::without_secrets(address)));
        client.get(address).map_err(failed)
    };
    let mut responses: Vec<_> =
        sources.iter().map(|(name, address)| (name.as_str(), get(name, address))).collect();
    let is_removed = |response: &Response| matches!(response, Ok(Err(Absence::Removed(_))));
    if responses.iter().any(|(_, response)| is_removed(response)) {
        let seconds = pause.as_secs_f64();
        diagnostics::warn([format!("a page was not found; requesting it again after {seconds} s")]);
        thread::sleep(pause);
    }
    for (name, response) in &mut responses {
        if is_removed(response) {
            *response = get(name, &sources[*name]);
        }
        if let Ok(Ok(Page { redirected: Some(to), .. })) = response {
            let from = http::without_secrets(&sources[*name]);
            diagnostics::warn([format!(
                "{name}: {from} redirects to {to}; if the page has moved, change openapi/sources.toml"
            )]);
        }
    }
    Ok(responses)
}

fn read<'a>(sources: &'a Sources, dir: &Path) -> Result<Vec<(&'a str, Response)>, Failure> {
    if !dir.is_dir() {
        return Err(Failure::usage(format!("{}: directory not found", dir.display())));
    }
    let pages = sources.keys().map(|name| {
        let bytes = transaction::read_bytes(&dir.join(format!("{name}.md")), ExitClass::Usage);
        (name.as_str(), bytes.map(|bytes| Page::from_bytes(bytes, None)))
    });
    Ok(pages.collect())
}

fn parse(name: &str, page: &Page, accepted: &Accepted, strictness: Strictness) -> Result<Document, Absence> {
    let fence = page.json_fence()?;
    // Before a volatile value is replaced, so that errors name what the page contains.
    json::parse(fence.text).map_err(|errors| {
        // The parser counts lines from the start of the fence, but the user sees the whole page.
        let first_line = fence.line + 1;
        let with_page_line = |(at, error): (Pointer, String)| {
            if error.starts_with("not JSON: ") {
                format!("{at}: {error} of the fence, whose line 1 is line {first_line} of the page")
            } else {
                format!("{at}: {error}")
            }
        };
        Absence::NotJson(errors.into_iter().map(with_page_line).collect())
    })?;
    let text = accepted.without_volatile_changes(name, fence.text);
    Document::read_page(name, &text, accepted.corrections(name), strictness).map_err(|errors| {
        let prefix = format!("{name}: ");
        let problem = |error: String| error.strip_prefix(&prefix).unwrap_or(&error).to_owned();
        Absence::NotOpenApi(errors.into_iter().map(problem).collect())
    })
}
