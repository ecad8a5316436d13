//! A named document that was parsed strictly and validated.

use serde_json::Value;

use super::{
    diagnostics::{self, Diagnostic, Diagnostics, Severity},
    normalize::normalize,
    patches::{self, Fixes},
    validate,
};
use crate::{failure::Failure, json};

/// The number of warnings about a document of another author.
const MAX_WARNINGS: usize = 20;

/// The hint about an invalid page.
pub(crate) const CORRECTIONS_HINT: &str =
    "openapi/corrections/<page>.json corrects a page that is invalid, see openapi/README.md";

/// A document that passed validation.
#[derive(Debug)]
pub(crate) struct Document {
    /// The name of the page or the path of the file.
    pub(crate) name: String,
    /// The published text of a page, with normalised white space.
    pub(crate) text: String,
    /// The published document, or the corrected one if the published document is invalid.
    pub(crate) value: Value,
    /// The document as its author wrote it, if it was normalized.
    written: Option<Value>,
    /// The document with its corrections, if it has any.
    corrected: Option<Value>,
    /// The errors of corrections that cannot be applied.
    pub(crate) outdated: Option<Failure>,
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
        let value = parse(name, text)?;
        fail_on_errors(name, &value, strictness)?;
        let (name, text) = (name.to_owned(), json::indent(text));
        Ok(Self { name, text, value, written: None, corrected: None, outdated: None })
    }

    /// Normalizes and validates a document of any author, in order to compare it, and prints its warnings.
    ///
    /// # Errors
    ///
    /// Returns one line per error if the document has no clear meaning.
    pub(crate) fn of_value(name: &str, value: Value) -> Result<Self, Vec<String>> {
        let written = Some(value.clone());
        let (value, departures) = normalize(value);
        let mut problems = Diagnostics::lenient();
        problems.extend(departures);
        problems.extend(validate::validate_leniently(&value));
        let problems = problems.into_vec();
        let mut warnings = diagnostics::lines(name, &problems, Severity::Warning);
        let hidden = warnings.len().saturating_sub(MAX_WARNINGS);
        if hidden > 0 {
            warnings.truncate(MAX_WARNINGS);
            warnings.push(format!("{name}: {hidden} more warnings"));
        }
        diagnostics::warn(warnings);
        fail_on_lines(diagnostics::lines(name, &problems, Severity::Error))?;
        let (name, text) = (name.to_owned(), String::new());
        Ok(Self { name, text, value, written, corrected: None, outdated: None })
    }

    /// Reads the document of a page. The corrected document must satisfy `strictness`.
    ///
    /// Corrections that cannot be applied are left out, so that a page can be compared that no longer needs them.
    pub(crate) fn read_page(
        name: &str,
        text: &str,
        corrections: Option<&Fixes>,
        strictness: Strictness,
    ) -> Result<Self, Vec<String>> {
        let Some(corrections) = corrections else { return Self::read(name, text, strictness) };
        let published = parse(name, text)?;
        let (corrected, outdated) = corrections.apply(published.clone());
        let outdated = patches::failure(&outdated);
        fail_on_errors(name, &corrected, strictness).map_err(|errors| {
            let outdated = outdated.iter().flat_map(Failure::errors).cloned();
            outdated.chain(errors).collect::<Vec<_>>()
        })?;
        let is_valid = check(&published, Strictness::Comparing)
            .iter()
            .all(|problem| problem.severity == Severity::Warning);
        let (value, corrected) = if is_valid { (published, Some(corrected)) } else { (corrected, None) };
        let (name, text) = (name.to_owned(), json::indent(text));
        Ok(Self { name, text, value, written: None, corrected, outdated })
    }

    /// Returns the document as its author wrote it.
    pub(crate) fn written(&self) -> &Value {
        self.written.as_ref().unwrap_or(&self.value)
    }

    /// Returns the document with its corrections.
    pub(crate) fn corrected(&self) -> &Value {
        self.corrected.as_ref().unwrap_or(&self.value)
    }
}

fn parse(name: &str, text: &str) -> Result<Value, Vec<String>> {
    json::parse(text).map_err(|errors| json::error_lines(name, errors))
}

/// Prints the warnings about a document, and returns the errors.
fn fail_on_errors(name: &str, document: &Value, strictness: Strictness) -> Result<(), Vec<String>> {
    let problems = check(document, strictness);
    diagnostics::warn(diagnostics::lines(name, &problems, Severity::Warning));
    fail_on_lines(diagnostics::lines(name, &problems, Severity::Error))
}

fn fail_on_lines(errors: Vec<String>) -> Result<(), Vec<String>> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
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

/// Returns all documents of pages, or a failure with the errors of all of them.
pub(crate) fn collect_pages(
    results: impl IntoIterator<Item = Result<Document, Vec<String>>>,
) -> Result<Vec<Document>, Failure> {
    collect(results).map_err(|failure| failure.hint(CORRECTIONS_HINT))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CREATE: &str = include_str!("../../tests/openapi/upstream/speech-create.json");

    fn version(document: &Value) -> &Value {
        &document["info"]["version"]
    }

    #[test]
    fn document_of_a_page_is_the_published_one_if_it_is_valid_and_else_the_corrected_one() {
        for (published, corrected, compared) in
            [(json!("1.0.0"), json!("2.0.0"), json!("1.0.0")), (json!(1), json!("2.0.0"), json!("2.0.0"))]
        {
            let mut page: Value = serde_json::from_str(CREATE).unwrap();
            page["info"]["version"] = published.clone();
            let fixes = Fixes::replacing("/info/version", &published, &corrected);
            let read = |fixes| Document::read_page("page", &page.to_string(), fixes, Strictness::Generation);
            let document = read(Some(&fixes)).unwrap();
            assert_eq!((version(&document.value), version(document.corrected())), (&compared, &corrected));
            assert!(document.outdated.is_none() && document.text.contains(&published.to_string()));
            let alone = read(None).map(|document| version(document.corrected()).clone()).ok();
            assert_eq!(alone, Some(published).filter(Value::is_string));
        }
    }
}
