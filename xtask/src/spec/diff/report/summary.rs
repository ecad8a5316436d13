//! Text that several formats share.

use std::fmt::Write as _;

use crate::spec::diff::finding::{Finding, worst};

/// Returns the number of findings as text, such as `2 changes`.
pub(super) fn change_count(count: usize) -> String {
    match count {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    }
}

/// Returns the number of findings and their worst levels on one line.
pub(super) fn summary(findings: &[Finding]) -> String {
    let (wire, client) = worst(findings);
    let mut line = change_count(findings.len());
    if !findings.is_empty() {
        let _ = write!(line, "; wire {wire}, client {client}");
    }
    line
}

/// Returns the findings, worst first. Findings of the same levels keep their order.
pub(super) fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse((finding.wire, finding.client)));
    sorted
}
