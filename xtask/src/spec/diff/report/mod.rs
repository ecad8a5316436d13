//! Findings as somebody wants to read them, and whether they are too many for somebody's taste.

mod github;
mod json;
mod junit;
mod markdown;
mod text;

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{
    finding::{Finding, worst},
    ignore,
    severity::{Axis, FailOn},
};
use crate::{
    failure::{ExitClass, Failure},
    stdout,
};

/// How to show findings and when to fail.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportOptions {
    /// How the findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// From which level on to exit with 1
    #[arg(long, value_enum, default_value = "err", value_name = "LEVEL")]
    fail_on: FailOn,
    /// Which axis the level is of
    #[arg(long, value_enum, default_value = "both")]
    axis: Axis,
    /// A TOML file of findings to leave out, each with its reason and its end
    #[arg(long, value_name = "FILE")]
    ignore: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Text,
    /// For a pull request
    Markdown,
    /// For another program
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// For whatever shows test results
    Junit,
}

impl ReportOptions {
    /// Prints the findings that are not ignored, and fails where they reach the threshold. `file` is what an annotation
    /// points at.
    pub(crate) fn report(&self, findings: Vec<Finding>, file: &str) -> Result<(), Failure> {
        let findings = match &self.ignore {
            Some(path) => ignore::apply(path, findings)?,
            None => findings,
        };
        stdout::print(&self.render(&findings, file))?;
        let (wire, client) = worst(&findings);
        if self.fail_on.reached(self.axis, wire, client) {
            let said = format!("{}: wire {wire}, client {client}", counted(findings.len()));
            return Err(Failure::new(ExitClass::Threshold, vec![said]));
        }
        Ok(())
    }

    fn render(&self, findings: &[Finding], file: &str) -> String {
        let fails =
            |finding: &Finding| self.fail_on.reached(self.axis, finding.rule.wire, finding.rule.client);
        match self.format {
            Format::Text => text::render(findings),
            Format::Markdown => markdown::render(findings),
            Format::Json => json::render(findings),
            Format::Github => github::render(findings, file),
            Format::Junit => junit::render(findings, fails),
        }
    }
}

/// The report as it is pasted into a pull request or a log of changes.
pub(crate) fn markdown(findings: &[Finding]) -> String {
    markdown::render(findings)
}

/// The report in each format.
#[cfg(fuzzing)]
pub(crate) fn all_formats(findings: &[Finding]) -> [String; 5] {
    [
        text::render(findings),
        markdown::render(findings),
        json::render(findings),
        github::render(findings, "revision.json"),
        junit::render(findings, |_| true),
    ]
}

/// What others wrote must neither forge a line nor command a terminal.
fn single_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// How many findings, in words.
fn counted(count: usize) -> String {
    match count {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    }
}

/// The sum of it, in one line.
fn summary(findings: &[Finding]) -> String {
    let (wire, client) = worst(findings);
    let mut line = counted(findings.len());
    if !findings.is_empty() {
        let _ = write!(line, "; wire {wire}, client {client}");
    }
    line
}

/// The findings, worst first; those that are as bad as each other as they were found.
fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse((finding.rule.wire, finding.rule.client)));
    sorted
}

#[cfg(test)]
mod tests;
