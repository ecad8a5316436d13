use std::ffi::OsString;

use serde_json::Value;

use super::client_axis;
use crate::{
    failure::{ExitClass, Failure},
    json,
    spec::{
        diagnostics,
        diff::{ReportOptions, diff},
        document::Document,
        input::{self, InputOptions, Inputs},
        traverse::{EXTERNAL_FILES, paths_of},
    },
    transaction,
    workspace::Workspace,
};

/// `spec diff`: compares two documents. The effect on the client is part of it if the old document is one of this API.
pub(crate) fn run(
    root: &Workspace,
    arguments: [&OsString; 2],
    input: &InputOptions,
    options: &ReportOptions,
) -> Result<(), Failure> {
    let Inputs { old, new, new_file } = input::read_both(arguments, input)?;
    let mut findings = diff(&old.value, &new.value);
    if is_ours(root, &old.value)? {
        let has_files = |document: &&Document| document.value.get(EXTERNAL_FILES).is_some();
        let documents = [&old, &new];
        match documents.into_iter().find(has_files) {
            // The generator reads only references to components.
            Some(Document { name, .. }) => diagnostics::warn([format!(
                "{name}: the effect on the client is unknown, because the document refers to other files"
            )]),
            None if documents.iter().all(|document| is_built(&document.value)) => {
                findings = client_axis::add_built(root, findings, documents)?;
            }
            None => findings = client_axis::add(root, findings, &[&old], &[&new])?,
        }
    }
    for finding in &mut findings {
        finding.locate(old.written(), new.written());
    }
    options.report(findings, &new_file)
}

/// Returns `true` if the document is the result of a build, which adds constructors.
fn is_built(document: &Value) -> bool {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    schemas.into_iter().any(|(_, schema)| schema.get("x-constructor").is_some())
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
