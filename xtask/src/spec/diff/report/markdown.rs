//! The Markdown report, for pull requests: a table of findings, worst first.

use std::fmt::Write as _;

use super::summary::{summary, worst_first};
use crate::{failure::single_line, spec::diff::finding::Finding};

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
            finding.wire,
            finding.client,
            code(&finding.with_surface()),
            finding.rule.id
        );
    }
    out
}

/// Returns untrusted text as a code span, in which GitHub makes no link, no mention and no markup.
///
/// An escaped `@` would still mention a user, because GitHub looks for mentions in the rendered text.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let mut backslashes = 0;
    out.push('`');
    for c in single_line(text).chars() {
        match c {
            // A pipe would end the cell. Without the other backslashes, those before the pipe would escape its escape.
            '|' => out.extend(std::iter::repeat_n('\\', backslashes + 1).chain(['|'])),
            // A backtick would end the span.
            '`' => out.push('\''),
            c => out.push(c),
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
    }
    out.push('`');
    out
}
