//! For a pull request: what a reviewer must know first, then the rest.

use std::fmt::Write as _;

use super::{Finding, summary, worst_first};

pub(super) fn render(findings: &[Finding]) -> String {
    let mut out = format!("**{}**\n", summary(findings));
    if findings.is_empty() {
        return out;
    }
    out.push_str("\n| wire | client | operation | change | rule |\n|---|---|---|---|---|\n");
    for finding in worst_first(findings) {
        let operation = finding.operation.as_ref().map(|operation| code(operation)).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {operation} | {} | `{}` |",
            finding.rule.wire,
            finding.rule.client,
            cell(&finding.message),
            finding.rule.id
        );
    }
    out
}

fn code(text: &str) -> String {
    format!("`{}`", cell(&text.replace('`', "'")))
}

/// Text that can end neither its cell nor its row, and is no markup: it was written by others.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            '<' => out.push_str("&lt;"),
            // An address of somebody on GitHub, who would be told.
            '@' => out.push_str("&#64;"),
            '|' | '\\' | '*' | '[' | ']' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
