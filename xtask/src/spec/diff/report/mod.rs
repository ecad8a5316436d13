//! Reports of findings in several formats, and the threshold at which a run fails.

mod github;
mod json;
mod junit;
mod markdown;
mod summary;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::summary::change_count;
use super::{
    finding::{Finding, worst},
    ignore,
    severity::{Axis, FailOn},
};
use crate::{
    failure::{ExitClass, Failure},
    spec::diagnostics::fail_on,
    stdout,
};

/// The format of a report and the threshold at which it fails.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportOptions {
    /// Format of the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with code 1 if a finding reaches this level
    #[arg(long, value_enum, default_value = "err", value_name = "LEVEL")]
    fail_on: FailOn,
    /// Axis to which the level applies
    #[arg(long, value_enum, default_value = "both")]
    axis: Axis,
    /// TOML file of findings to ignore, each with a reason and an expiry date
    #[arg(long, value_name = "FILE")]
    ignore: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For terminals
    Text,
    /// For pull requests
    Markdown,
    /// For other programs
    Json,
    /// GitHub Actions annotations
    Github,
    /// For tools that show test results
    Junit,
}

impl ReportOptions {
    /// Prints the findings that are not ignored. `file` is the file that annotations refer to.
    ///
    /// # Errors
    ///
    /// Returns an error if the findings reach the threshold, or if the ignore file is invalid.
    pub(crate) fn report(&self, findings: Vec<Finding>, file: &str) -> Result<(), Failure> {
        let (findings, errors) = match &self.ignore {
            Some(path) => ignore::apply(path, findings)?,
            None => (findings, Vec::new()),
        };
        // Before the errors, because a page that could not be read leaves its entries unused.
        stdout::print(&self.render(&findings, file))?;
        fail_on(errors)?;
        let (wire, client) = worst(&findings);
        if self.fail_on.reached(self.axis, wire, client) {
            let message = format!("{}: wire {wire}, client {client}", change_count(findings.len()));
            return Err(Failure::new(ExitClass::Threshold, vec![message]));
        }
        Ok(())
    }

    fn render(&self, findings: &[Finding], file: &str) -> String {
        let fails = |finding: &Finding| self.fail_on.reached(self.axis, finding.wire, finding.client);
        match self.format {
            Format::Text => text::render(findings),
            Format::Markdown => markdown::render(findings),
            Format::Json => json::render(findings),
            Format::Github => github::render(findings, file),
            Format::Junit => junit::render(findings, fails),
        }
    }
}

/// Returns the Markdown report, for pull requests and `openapi/CHANGES.md`.
pub(crate) fn markdown(findings: &[Finding]) -> String {
    markdown::render(findings)
}

/// Returns the report in every format.
#[cfg(distribute_ai_fuzzing)]
pub(crate) fn all_formats(findings: &[Finding]) -> [String; 5] {
    [
        text::render(findings),
        markdown::render(findings),
        json::render(findings),
        github::render(findings, "revision.json"),
        junit::render(findings, |_| true),
    ]
}

#[cfg(test)]
mod tests;
