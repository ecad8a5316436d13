//! `spec accept`: fetches the pages, builds the spec and logs the changes in `openapi/CHANGES.md`, all or
//! nothing.

use super::{build, drift, origin::OriginOptions};
use crate::{
    date::today,
    failure::{ExitClass, Failure},
    json,
    spec::{
        diff::{self, Finding},
        document::{Document, Strictness},
        sources::{
            accepted::Accepted,
            loader,
            lockfile::Lock,
            manifest::{self, Sources},
        },
    },
    stdout,
    transaction::{self, Change, Transaction},
    workspace::Workspace,
};

const HEADER: &str = "\
# Changes in the API's documents

Written by `cargo xtask spec accept`, latest entry last: the effect of each change on the wire and on the generated client.
";

pub(crate) fn run(root: &Workspace, from: OriginOptions) -> Result<(), Failure> {
    let origin = from.origin()?;
    let transaction = Transaction::begin(root.openapi_dir())?;
    let sources = manifest::read(root)?;
    let lock = Lock::read(root)?;
    let accepted = Accepted::read(root, &sources)?;
    let published = loader::load(&sources, &origin, &accepted, Strictness::Generation)?.into_documents()?;
    let refused = |failure: Failure| {
        failure.hint("nothing was accepted, because the client cannot be built from the published pages")
    };
    let built = build::build(&published, &build::Tables::read(root)?).map_err(refused)?;
    build::check_generation(root, &built, &published).map_err(refused)?;
    let findings = drift::findings(root, &accepted, &published, &[])?;
    let mut changes = changes(root, &sources, &lock, &accepted, &published)?;
    changes.push(Change::Write(root.merged(), json::canonical(&built.spec)));
    if !findings.is_empty() {
        changes.push(Change::Write(root.changes(), log(root, &findings)?));
    }
    transaction.commit(changes)?;
    stdout::print(&diff::markdown(&findings))
}

/// Returns the log with an entry for these findings appended.
fn log(root: &Workspace, findings: &[Finding]) -> Result<String, Failure> {
    let path = root.changes();
    let before = if path.exists() { transaction::read(&path, ExitClass::Usage)? } else { HEADER.to_owned() };
    Ok(format!("{}\n\n## {}\n\n{}", before.trim_end(), today(), diff::markdown(findings)))
}

/// Returns the documents and the lockfile to write, and the documents to remove.
fn changes(
    root: &Workspace,
    sources: &Sources,
    lock: &Lock,
    accepted: &Accepted,
    documents: &[Document],
) -> Result<Vec<Change>, Failure> {
    let texts = documents.iter().map(|d| (d.name.as_str(), d.text.as_str()));
    let lock = lock.updated(sources, texts.clone(), &today());
    let mut changes: Vec<_> =
        texts.map(|(name, text)| Change::Write(root.upstream(name), text.to_owned())).collect();
    changes.extend(accepted.unlisted.iter().map(|page| Change::Remove(root.upstream(page))));
    changes.push(Change::Write(root.lock(), lock.to_toml()?));
    Ok(changes)
}
