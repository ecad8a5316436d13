//! The Markdown report, for pull requests: a table of findings, worst first.

use std::fmt::Write as _;

use super::summary::{summary, worst_first};
use crate::spec::diff::finding::Finding;

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

/// Escapes untrusted text, so that it cannot end its cell or row and is not rendered as markup.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            '<' => out.push_str("&lt;"),
            // An unescaped `@name` would notify a GitHub user.
            '@' => out.push_str("&#64;"),
            '|' | '\\' | '*' | '[' | ']' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
