//! A named document that was parsed strictly and validated.

use serde_json::Value;

use super::{
    diagnostics::{self, Diagnostic, Diagnostics, Severity},
    validate,
};
use crate::{failure::Failure, json};

/// A document that passed validation.
#[derive(Debug)]
pub(crate) struct Document {
    /// The name of the page or the path of the file.
    pub(crate) name: String,
    /// The published text, with normalised white space.
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// The requirements that a document must satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// OpenAPI 3.0. Additional requirements of the generator are not checked.
    Comparing,
    /// OpenAPI 3.0. A violation of the additional requirements of the generator is a warning.
    Merging,
    /// OpenAPI 3.0 and the additional requirements of the generator.
    Generation,
}

impl Document {
    /// Parses and validates a document, and prints its warnings.
    ///
    /// # Errors
    ///
    /// Returns one line per error if the text is not valid JSON or the document does not satisfy
    /// `strictness`.
    pub(crate) fn read(name: &str, text: &str, strictness: Strictness) -> Result<Self, Vec<String>> {
        let value = json::parse(text).map_err(|errors| {
            let line = |(at, message)| format!("{name}: {at}: {message}");
            errors.into_iter().map(line).collect::<Vec<_>>()
        })?;
        let problems = check(&value, strictness);
        diagnostics::warn(diagnostics::lines(name, &problems, Severity::Warning));
        match diagnostics::lines(name, &problems, Severity::Error) {
            errors if errors.is_empty() => {
                Ok(Self { name: name.to_owned(), text: json::indent(text), value })
            }
            errors => Err(errors),
        }
    }
}

fn check(document: &Value, strictness: Strictness) -> Vec<Diagnostic> {
    let mut problems = Diagnostics::default();
    problems.extend(validate::validate(document));
    if !problems.has_errors() {
        let severity = match strictness {
            Strictness::Comparing => return problems.into_vec(),
            Strictness::Merging => Severity::Warning,
            Strictness::Generation => Severity::Error,
        };
        problems.extend(validate::generator_requirements(document, severity));
    }
    problems.into_vec()
}

/// Returns all documents, or a failure with the errors of all of them.
pub(crate) fn collect(
    results: impl IntoIterator<Item = Result<Document, Vec<String>>>,
) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(document) => documents.push(document),
            Err(lines) => errors.extend(lines),
        }
    }
    diagnostics::fail_on(errors)?;
    Ok(documents)
}
