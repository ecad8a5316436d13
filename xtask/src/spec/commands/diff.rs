use std::path::Path;

use serde_json::Value;

use super::client_axis;
use crate::{
    failure::{ExitClass, Failure},
    json,
    spec::{
        diff::{ReportOptions, diff},
        document::{self, Document},
        traverse::paths_of,
    },
    transaction,
    workspace::Workspace,
};

/// `spec diff`: compares two documents. The effect on the client is part of it if the old document is one of this API.
pub(crate) fn run(
    root: &Workspace,
    base: &Path,
    revision: &Path,
    options: &ReportOptions,
) -> Result<(), Failure> {
    let paths = [base, revision];
    let texts =
        paths.map(|path| Ok((path.display().to_string(), transaction::read(path, ExitClass::Usage)?)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    let documents = document::collect(texts.iter().map(|(name, text)| Document::read_any(name, text)))?;
    let [old, new] = documents.as_slice() else { return Ok(()) };
    let mut findings = diff(&old.value, &new.value);
    if is_ours(root, &old.value)? {
        findings = client_axis::add(root, findings, &[old], &[new])?;
    }
    options.report(findings, &revision.display().to_string())
}

/// Returns `true` if the spec has a path of the document.
fn is_ours(root: &Workspace, document: &Value) -> Result<bool, Failure> {
    let path = root.merged();
    if !path.exists() {
        return Ok(false);
    }
    let spec = json::parse(&transaction::read(&path, ExitClass::Document)?).unwrap_or_default();
    Ok(paths_of(document).any(|(path, _)| spec["paths"].get(path).is_some()))
}
