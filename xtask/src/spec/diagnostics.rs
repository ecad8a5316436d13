//! What is wrong with a document, and where: the answer of every pure check.

use crate::{
    failure::{ExitClass, Failure},
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
pub(crate) struct Diagnostic {
    pub(crate) pointer: Pointer,
    pub(crate) message: String,
    pub(crate) severity: Severity,
}

/// How many problems of each severity are told. Nobody reads more, and each may have a place as long as the document.
const MAX_REPORTED: usize = 1_000;

/// Problems as they are found.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    pub(crate) fn error(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(Diagnostic { pointer, message: message.into(), severity: Severity::Error });
    }

    pub(crate) fn warn(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(Diagnostic { pointer, message: message.into(), severity: Severity::Warning });
    }

    /// Whether anything so far refuses the document.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }

    fn push(&mut self, problem: Diagnostic) {
        let severity = problem.severity;
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_REPORTED {
            self.list.push(problem);
        } else if *count == MAX_REPORTED + 1 {
            let message = format!("and more: only the first {MAX_REPORTED} are told");
            self.list.push(Diagnostic { pointer: Pointer::default(), message, severity });
        }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

/// Problems of one document, each as a line that names it. What the document holds can't make two of it.
pub(crate) fn lines(subject: &str, problems: &[Diagnostic], severity: Severity) -> Vec<String> {
    let wanted = problems.iter().filter(|p| p.severity == severity);
    let line =
        |p: &Diagnostic| format!("{subject}: {}: {}", p.pointer, p.message).replace(char::is_control, " ");
    wanted.map(line).collect()
}

/// Says on standard error what a person should know and nothing stops for.
pub(crate) fn warn(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        eprintln!("warning: {line}");
    }
}

/// `Ok` when there is nothing to refuse.
pub(crate) fn fail_on(errors: Vec<String>) -> Result<(), Failure> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(ExitClass::Document, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_whatever_the_document_holds() {
        let mut problems = Diagnostics::default();
        problems.error(Pointer::default().child("a\nerror: forged"), "no type \u{1b}[31m");
        let lines = lines("page", &problems.into_vec(), Severity::Error);
        assert_eq!(lines, ["page: /a error: forged: no type  [31m"]);
    }

    #[test]
    fn of_very_many_the_first_are_told_and_that_there_are_more() {
        let mut problems = Diagnostics::default();
        (0..1_500).for_each(|n| problems.warn(Pointer::default().child(n), "hardly meant"));
        assert!(!problems.has_errors());
        // No number of warnings hides what the document is refused for.
        (0..1_500).for_each(|n| problems.error(Pointer::default().child(n), "wrong"));
        assert!(problems.has_errors());
        // What is handed on is told once more as it is.
        let mut again = Diagnostics::default();
        again.extend(problems.into_vec());
        let told = again.into_vec();
        for (severity, said) in [(Severity::Error, "wrong"), (Severity::Warning, "hardly meant")] {
            let lines = lines("page", &told, severity);
            assert_eq!(lines.len(), 1_001);
            assert_eq!(lines[999], format!("page: /999: {said}"));
            assert_eq!(lines[1_000], "page: (root): and more: only the first 1000 are told");
        }
    }
}
