use std::path::PathBuf;

use crate::{
    failure::{ExitClass, Failure},
    json,
    spec::{
        diagnostics,
        document::{self, Document, Strictness},
        merge::documents_into_one,
    },
    stdout, transaction,
};

/// `spec merge`: validates and merges any documents.
pub(crate) fn run(paths: &[PathBuf], output: Option<PathBuf>) -> Result<(), Failure> {
    let texts = paths
        .iter()
        .map(|path| Ok((path.display().to_string(), transaction::read(path, ExitClass::Usage)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let documents =
        document::collect(texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Merging)))?;
    let (merged, warnings) = documents_into_one(&documents.iter().collect::<Vec<_>>())?;
    diagnostics::warn(warnings);
    let merged = json::canonical(&merged);
    match output {
        Some(path) => transaction::write(&path, &merged),
        None => stdout::print(&merged),
    }
}
