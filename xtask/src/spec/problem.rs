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

/// Problems of one document, each as a line that names it. What the document holds can't make two of it.
pub(crate) fn lines(subject: &str, problems: &[Problem], severity: Severity) -> Vec<String> {
    let wanted = problems.iter().filter(|p| p.severity == severity);
    let line =
        |p: &Problem| format!("{subject}: {}: {}", p.pointer, p.message).replace(char::is_control, " ");
    wanted.map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_whatever_the_document_holds() {
        let mut problems = Problems::default();
        problems.refuse(Pointer::default().child("a\nerror: forged"), "no type \u{1b}[31m");
        let lines = lines("page", &problems.into_vec(), Severity::Error);
        assert_eq!(lines, ["page: /a error: forged: no type  [31m"]);
    }
}
