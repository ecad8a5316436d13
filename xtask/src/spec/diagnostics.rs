//! Diagnostics: problems of a document and their positions, returned by all checks.

use crate::{
    failure::{ExitClass, Failure, single_line},
    json::Pointer,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The document is rejected.
    Error,
    /// The document is accepted, and a warning is printed.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) pointer: Pointer,
    pub(crate) message: String,
    pub(crate) severity: Severity,
}

/// The maximum number of problems reported per severity. A limit is needed because each pointer can be as
/// long as the document.
const MAX_REPORTED: usize = 1_000;

/// A list of problems, at most [`MAX_REPORTED`] per severity.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    lenient: bool,
}

impl Diagnostics {
    /// Creates a list in which departures are warnings.
    pub(crate) fn lenient() -> Self {
        Self { lenient: true, ..Self::default() }
    }

    pub(crate) fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Adds a departure from the specification whose meaning is clear: an error, or a warning in a lenient list.
    pub(crate) fn departure(&mut self, pointer: Pointer, message: impl Into<String>) {
        if self.lenient { self.warn(pointer, message) } else { self.error(pointer, message) }
    }

    pub(crate) fn error(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(Diagnostic { pointer, message: message.into(), severity: Severity::Error });
    }

    pub(crate) fn warn(&mut self, pointer: Pointer, message: impl Into<String>) {
        self.push(Diagnostic { pointer, message: message.into(), severity: Severity::Warning });
    }

    /// Returns `true` if any problem so far is an error.
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
            let message = format!("too many problems, only the first {MAX_REPORTED} are reported");
            self.list.push(Diagnostic { pointer: Pointer::default(), message, severity });
        }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

/// Formats the problems of one severity, one line each, prefixed with the document's name. Document content cannot add or
/// forge a line.
pub(crate) fn lines(subject: &str, problems: &[Diagnostic], severity: Severity) -> Vec<String> {
    let wanted = problems.iter().filter(|p| p.severity == severity);
    let line = |p: &Diagnostic| single_line(&format!("{subject}: {}: {}", p.pointer, p.message));
    wanted.map(line).collect()
}

/// Prints warnings to standard error, one line each.
pub(crate) fn warn(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        eprintln!("warning: {}", single_line(&line));
    }
}

/// Returns a document failure if there are errors.
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
    fn lines_of_problem_with_control_characters_stay_single_lines() {
        let mut problems = Diagnostics::default();
        problems.error(Pointer::default().child("a\nerror: forged"), "no type \u{1b}[31m\u{202e}");
        let lines = lines("page", &problems.into_vec(), Severity::Error);
        assert_eq!(lines, ["page: /a error: forged: no type  [31m\u{fffd}"]);
    }

    #[test]
    fn diagnostics_over_the_limit_end_with_one_notice_per_severity() {
        let mut problems = Diagnostics::default();
        (0..1_500).for_each(|n| problems.warn(Pointer::default().child(n), "suspicious"));
        assert!(!problems.has_errors());
        // Warnings do not count towards the limit of errors.
        (0..1_500).for_each(|n| problems.error(Pointer::default().child(n), "wrong"));
        assert!(problems.has_errors());
        // Copying the list to another list adds no second notice.
        let mut copy = Diagnostics::default();
        copy.extend(problems.into_vec());
        let reported = copy.into_vec();
        for (severity, message) in [(Severity::Error, "wrong"), (Severity::Warning, "suspicious")] {
            let lines = lines("page", &reported, severity);
            assert_eq!(lines.len(), 1_001);
            assert_eq!(lines[999], format!("page: /999: {message}"));
            assert_eq!(lines[1_000], "page: (root): too many problems, only the first 1000 are reported");
        }
    }
}
