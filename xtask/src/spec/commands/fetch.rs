//! `spec fetch`: writes the documents of all published pages to the repository, all or none.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    date::today,
    failure::Failure,
    spec::{
        document::Document,
        sources::{
            loader::{self, Origin},
            lockfile::Lock,
            manifest::{self, Sources},
        },
    },
    stdout,
    transaction::{Change, Transaction},
    workspace::Workspace,
};
use clap::Args;

/// Options for the origin of the pages.
#[derive(Args, Debug)]
pub(crate) struct From {
    /// Reads saved pages, DIR/NAME.md, instead of fetching them
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Seconds until fetching a page times out
    #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
    timeout: f64,
}

impl From {
    pub(super) fn origin(self) -> Result<Origin, Failure> {
        Ok(match self.from {
            Some(dir) => Origin::Directory(dir),
            None => Origin::Network(seconds(self.timeout)?),
        })
    }
}

pub(crate) fn run(root: &Workspace, from: From) -> Result<(), Failure> {
    let origin = from.origin()?;
    let transaction = Transaction::begin(root.openapi_dir())?;
    let sources = manifest::read(root)?;
    let lock = Lock::read(root)?;
    let documents = loader::load(&sources, &origin)?;
    transaction.commit(changes(root, &sources, &lock, &documents)?)?;
    let written = documents.iter().map(|document| root.relative(&root.upstream(&document.name)) + "\n");
    stdout::print(&written.collect::<String>())
}

/// Returns the files that a fetch writes and removes.
pub(super) fn changes(
    root: &Workspace,
    sources: &Sources,
    lock: &Lock,
    documents: &[Document],
) -> Result<Vec<Change>, Failure> {
    let texts = documents.iter().map(|d| (d.name.as_str(), d.text.as_str()));
    let lock = lock.updated(sources, texts.clone(), &today());
    let mut changes: Vec<_> =
        texts.map(|(name, text)| Change::Write(root.upstream(name), text.to_owned())).collect();
    let stale = unlisted_documents(root, sources)?;
    changes.extend(stale.into_iter().map(Change::Remove));
    changes.push(Change::Write(root.lock(), lock.to_toml()?));
    Ok(changes)
}

/// Returns the documents of pages that sources.toml no longer lists.
fn unlisted_documents(root: &Workspace, sources: &Sources) -> Result<Vec<PathBuf>, Failure> {
    let dir = root.upstream_dir();
    let failed = |error| Failure::usage(format!("{}: {error}", dir.display()));
    let mut stale = Vec::new();
    if !dir.exists() {
        return Ok(stale);
    }
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let page = path.file_stem().and_then(|stem| stem.to_str());
        let listed = page.is_some_and(|page| sources.contains_key(page));
        if path.extension().is_some_and(|ext| ext == "json") && !listed {
            stale.push(path);
        }
    }
    Ok(stale)
}

fn seconds(timeout: f64) -> Result<Duration, Failure> {
    let seconds = Duration::try_from_secs_f64(timeout).ok();
    seconds.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        Failure::usage(format!("--timeout: {timeout} is invalid, expected a number of seconds above zero"))
    })
}
