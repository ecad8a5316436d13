//! The text report, for terminals: two lines per finding, worst first.

use std::fmt::Write as _;

use super::summary::{summary, worst_first};
use crate::{failure::single_line, spec::diff::finding::Finding};

pub(super) fn render(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in worst_first(findings) {
        let (wire, client) = (finding.wire, finding.client);
        let operation =
            finding.operation.as_ref().map(|operation| format!("{operation}: ")).unwrap_or_default();
        let message = single_line(&format!("{operation}{}", finding.message));
        let pointer = single_line(&finding.revision.to_string());
        let _ = writeln!(out, "{wire:<5}{client:<11}{message}");
        let _ = writeln!(out, "     {:<11}{} {} at {pointer}", "", finding.rule.id, finding.fingerprint);
        for difference in &finding.surface {
            let _ = writeln!(out, "     {:<11}{}", "", single_line(difference));
        }
    }
    out + &summary(findings) + "\n"
}
