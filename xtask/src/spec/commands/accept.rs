//! `spec accept`: fetches the pages, builds the spec and logs the changes in `openapi/CHANGES.md`, all or
//! nothing.

use super::{
    build, drift,
    fetch::{self, From},
};
use crate::{
    date::today,
    failure::{ExitClass, Failure},
    json,
    spec::{
        diff::{self, Finding},
        sources::{loader, lockfile::Lock, manifest},
    },
    stdout,
    transaction::{self, Change, Transaction},
    workspace::Workspace,
};

const HEADER: &str = "\
# Changes in the API's documents

Written by `cargo xtask spec accept`, latest entry last: the effect of each change on the wire and on the generated client.
";

pub(crate) fn run(root: &Workspace, from: From) -> Result<(), Failure> {
    let origin = from.origin()?;
    let transaction = Transaction::begin(root.openapi_dir())?;
    let sources = manifest::read(root)?;
    let lock = Lock::read(root)?;
    let accepted = drift::accepted(root, &sources)?;
    let published = loader::load(&sources, &origin)?;
    let findings = drift::findings(&accepted, &published);
    let (built, _) = build::build(&published, &build::Tables::read(root)?).map_err(|failure| {
        failure.hint("nothing was accepted, because the spec cannot be built from the published pages")
    })?;
    let mut changes = fetch::changes(root, &sources, &lock, &published)?;
    changes.push(Change::Write(root.merged(), json::canonical(&built)));
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
