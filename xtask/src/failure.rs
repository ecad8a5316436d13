//! The failure type of all commands: a class, which determines the exit code, and messages for the user.

use std::{fmt, path::Path, process::ExitCode};

/// The meaning of each exit code, printed by `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  threshold reached: `--fail-on` of `spec diff` and `spec drift`, `--at-most` of `build-cost`,
     a limit of `instructions`, a failing input found by `fuzz`, a deletion that no test finds, or a result of `benchmarks` or
     `reliability` that could not be measured
  2  usage: an invalid argument, a missing input, or an output that cannot be written
  3  stale: `--check` found a generated file that differs from what its inputs produce
  4  document: an invalid document, a merge conflict, or a failed guard
  5  network: a page or a document could not be fetched, so nothing is known about it";

/// The class of a failure. Its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitClass {
    Threshold = 1,
    Usage = 2,
    Stale = 3,
    Document = 4,
    Network = 5,
}

/// A command's failure: every error found, not only the first, and hints on how to fix them.
#[derive(Clone, Debug)]
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

    /// Returns the failure of an operation on a file or directory.
    pub(crate) fn io(path: &Path, error: impl fmt::Display) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    pub(crate) fn new(class: ExitClass, errors: Vec<String>) -> Self {
        Self { class, errors, hints: Vec::new() }
    }

    /// Adds a hint on how to fix the errors.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Prefixes each error with its subject.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        for error in &mut self.errors {
            *error = format!("{subject}: {error}");
        }
        self
    }

    /// Combines both failures if they have the same class. Otherwise returns the one with the higher exit
    /// code.
    pub(crate) fn worst(mut self, mut other: Self) -> Self {
        if self.class == other.class {
            self.errors.append(&mut other.errors);
            self.hints.append(&mut other.hints);
            return self;
        }
        if (self.class as u8) < other.class as u8 { other } else { self }
    }

    /// Returns a failure with the errors of both. Its class is the one with the higher exit code.
    pub(crate) fn with(mut self, mut other: Self) -> Self {
        if (self.class as u8) < other.class as u8 {
            self.class = other.class;
        }
        self.errors.append(&mut other.errors);
        self.hints.append(&mut other.hints);
        self
    }

    /// Returns the failure with the failure that was found before.
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        match before {
            Some(before) => before.worst(self),
            None => self,
        }
    }

    /// Combines two failures, each of which may be missing.
    pub(crate) fn both(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match second {
            Some(second) => Some(second.after(first)),
            None => first,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.class as u8)
    }
}

/// Prints one line per error and hint. Text of a page cannot add a line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {}", single_line(error))?;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {}", single_line(hint))?;
        }
        Ok(())
    }
}

/// Replaces characters of untrusted text that could forge a line, control a terminal, or hide or reorder the text next to
/// them.
pub(crate) fn single_line(text: &str) -> String {
    let replaced = text.chars().map(|c| match c {
        c if c.is_control() => ' ',
        // Soft hyphens, marks and overrides of the writing direction, joiners, separators and tags.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    replaced.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_with_another_has_the_errors_of_both_and_the_higher_exit_code() {
        let both = Failure::document("one").with(Failure::usage("two").hint("do this"));
        assert_eq!(both.exit_code(), ExitCode::from(4));
        assert_eq!(both.to_string(), "error: one\nerror: two\nhint: do this\n");
    }

    #[test]
    fn failure_display_prints_one_line_per_error_and_hints_last() {
        let failure = Failure::new(ExitClass::Document, vec!["one".into(), "two".into()]).hint("do this");
        assert_eq!(failure.to_string(), "error: one\nerror: two\nhint: do this\n");
    }

    #[test]
    fn failure_display_of_text_with_line_breaks_has_one_line_per_error_and_hint() {
        let failure = Failure::document("a\n::error::x").hint("b\r\x1b[2Ahint: c");
        assert_eq!(failure.to_string(), "error: a ::error::x\nhint: b  [2Ahint: c\n");
    }
}
