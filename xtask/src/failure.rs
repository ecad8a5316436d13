//! The one failure type of every chore: a class, which is the exit code, and lines for a person.

use std::{fmt, process::ExitCode};

/// What an exit code means, in the words of `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  a threshold was reached: `--fail-on` of `spec diff` and `spec drift`, `--at-most` of `build-cost`,
     a finding of `fuzz`
  2  usage: a wrong argument, a missing input, an output that cannot be written
  3  stale: `--check` found that a written file is not what its inputs give
  4  a bad document, a merge conflict, a failed guard
  5  network: an outage, not a statement about the documents";

/// Why a chore ended. The number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitClass {
    Threshold = 1,
    Usage = 2,
    Stale = 3,
    Document = 4,
    Network = 5,
}

/// A chore's failure: every problem found, not only the first, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    class: ExitClass,
    errors: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self::new(ExitClass::Usage, vec![error.into()])
    }

    pub(crate) fn document(error: impl Into<String>) -> Self {
        Self::new(ExitClass::Document, vec![error.into()])
    }

    pub(crate) fn new(class: ExitClass, errors: Vec<String>) -> Self {
        Self { class, errors, hints: Vec::new() }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says of each error what it is about.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        for error in &mut self.errors {
            *error = format!("{subject}: {error}");
        }
        self
    }

    /// Both failures when they are of one class, else the one of the higher code.
    pub(crate) fn worst(mut self, mut other: Self) -> Self {
        if self.class == other.class {
            self.errors.append(&mut other.errors);
            self.hints.append(&mut other.hints);
            return self;
        }
        if (self.class as u8) < other.class as u8 { other } else { self }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.class as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_line_and_hints_come_last() {
        let failure = Failure::new(ExitClass::Document, vec!["one".into(), "two".into()]).hint("do this");
        assert_eq!(failure.to_string(), "error: one\nerror: two\nhint: do this\n");
    }
}
