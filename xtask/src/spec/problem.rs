//! What is wrong with a document, and where: the answer of every pure check.

use crate::{
    error::{Class, Failure},
    json::Pointer,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The document is refused.
    Error,
    /// The document is taken, and a person is told.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) pointer: Pointer,
    pub(crate) message: String,
    pub(crate) severity: Severity,
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn refuse(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(pointer, message.into(), Severity::Error);
    }

    pub(crate) fn warn(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(pointer, message.into(), Severity::Warning);
    }

    /// Whether anything so far refuses the document.
    pub(crate) fn refused(&self) -> bool {
        self.0.iter().any(|p| p.severity == Severity::Error)
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    fn push(&mut self, pointer: Pointer, message: String, severity: Severity) {
        self.0.push(Problem { pointer, message, severity });
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

/// Problems of one document, each as a line that names it.
pub(crate) fn lines(subject: &str, problems: &[Problem], severity: Severity) -> Vec<String> {
    let wanted = problems.iter().filter(|p| p.severity == severity);
    wanted.map(|p| format!("{subject}: {}: {}", p.pointer, p.message)).collect()
}

/// Says on standard error what a person should know and nothing stops for.
pub(crate) fn warn(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        eprintln!("warning: {line}");
    }
}

/// `Ok` when there is nothing to refuse.
pub(crate) fn refuse(errors: Vec<String>) -> Result<(), Failure> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Class::Document, errors))
}
