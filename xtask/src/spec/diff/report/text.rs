//! For a terminal: a line each, worst first.

use std::fmt::Write as _;

use super::{Finding, single_line, summary, worst_first};

pub(super) fn render(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in worst_first(findings) {
        let (wire, client) = (finding.rule.wire, finding.rule.client);
        let operation =
            finding.operation.as_ref().map(|operation| format!("{operation}: ")).unwrap_or_default();
        let said = single_line(&format!("{operation}{}", finding.message));
        let place = single_line(&finding.revision.to_string());
        let _ = writeln!(out, "{wire:<5}{client:<11}{said}");
        let _ = writeln!(out, "     {:<11}{} {} at {place}", "", finding.rule.id, finding.fingerprint);
    }
    out + &summary(findings) + "\n"
}
