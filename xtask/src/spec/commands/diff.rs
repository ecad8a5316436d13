use std::path::Path;

use crate::{
    failure::{ExitClass, Failure},
    spec::{
        diff::{ReportOptions, diff},
        document::{self, Document, Strictness},
    },
    transaction,
};

/// `spec diff`: compares two documents.
pub(crate) fn run(base: &Path, revision: &Path, options: &ReportOptions) -> Result<(), Failure> {
    let paths = [base, revision];
    let texts =
        paths.map(|path| Ok((path.display().to_string(), transaction::read(path, ExitClass::Usage)?)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    // Compare valid documents only. Ids that only the generator requires may be missing.
    let documents = document::collect(
        texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Comparing)),
    )?;
    let findings = match documents.as_slice() {
        [base, revision] => diff(&base.value, &revision.value),
        _ => Vec::new(),
    };
    options.report(findings, &revision.display().to_string())
}
