use std::path::Path;

use crate::{
    failure::{ExitClass, Failure},
    spec::{
        diff::{ReportOptions, diff},
        document::{self, Document, Strictness},
    },
    transaction,
};

/// `spec diff`: any two documents.
pub(crate) fn run(base: &Path, revision: &Path, judge: &ReportOptions) -> Result<(), Failure> {
    let paths = [base, revision];
    let texts =
        paths.map(|path| Ok((path.display().to_string(), transaction::read(path, ExitClass::Usage)?)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    // What would be refused from a page must not be judged, and what is only a warning there is none here.
    let documents =
        document::all(texts.iter().map(|(name, text)| Document::read(name, text, Strictness::Comparing)))?;
    let findings = match documents.as_slice() {
        [base, revision] => diff(&base.value, &revision.value),
        _ => Vec::new(),
    };
    judge.report(findings, &revision.display().to_string())
}
