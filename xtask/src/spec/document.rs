//! One document under its name: read strictly and validated, or refused with every reason.

use serde_json::Value;

use super::{
    diagnostics::{self, Diagnostic, Diagnostics, Severity},
    validate,
};
use crate::{failure::Failure, json};

/// A document that passed validation.
#[derive(Debug)]
pub(crate) struct Document {
    /// The page or the file.
    pub(crate) name: String,
    /// What was published, white space aside.
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// How much a document must satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// OpenAPI 3.0; what the generator asks beyond it is no matter.
    Comparing,
    /// OpenAPI 3.0; what the generator asks beyond it is a warning.
    Merging,
    /// OpenAPI 3.0, and what the generator asks beyond it.
    Generation,
}

impl Document {
    /// The document in the text, its warnings said; or one line for each reason why there is none.
    pub(crate) fn read(name: &str, text: &str, purpose: Strictness) -> Result<Self, Vec<String>> {
        let value = json::parse(text).map_err(|faults| {
            let line = |(at, said)| format!("{name}: {at}: {said}");
            faults.into_iter().map(line).collect::<Vec<_>>()
        })?;
        let problems = check(&value, purpose);
        diagnostics::warn(diagnostics::lines(name, &problems, Severity::Warning));
        match diagnostics::lines(name, &problems, Severity::Error) {
            errors if errors.is_empty() => {
                Ok(Self { name: name.to_owned(), text: json::indent(text), value })
            }
            errors => Err(errors),
        }
    }
}

fn check(document: &Value, purpose: Strictness) -> Vec<Diagnostic> {
    let mut problems = Diagnostics::default();
    problems.extend(validate::validate(document));
    if !problems.has_errors() {
        let severity = match purpose {
            Strictness::Comparing => return problems.into_vec(),
            Strictness::Merging => Severity::Warning,
            Strictness::Generation => Severity::Error,
        };
        problems.extend(validate::needed_by_the_generator(document, severity));
    }
    problems.into_vec()
}

/// All documents, or every problem of every one of them.
pub(crate) fn all(
    read: impl IntoIterator<Item = Result<Document, Vec<String>>>,
) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let mut errors = Vec::new();
    for result in read {
        match result {
            Ok(document) => documents.push(document),
            Err(lines) => errors.extend(lines),
        }
    }
    diagnostics::fail_on(errors)?;
    Ok(documents)
}
