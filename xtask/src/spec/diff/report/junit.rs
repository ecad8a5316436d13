//! The `JUnit` XML report: one test case per finding, which fails if the finding reaches the threshold.

use std::fmt::Write as _;

use crate::{failure::single_line, spec::diff::finding::Finding};

pub(super) fn render(findings: &[Finding], fails: impl Fn(&Finding) -> bool) -> String {
    let failures = findings.iter().filter(|finding| fails(finding)).count();
    // A suite without test cases would look as if it had not run.
    let tests = findings.len().max(1);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"spec diff\" tests=\"{tests}\" failures=\"{failures}\">\n"
    );
    if findings.is_empty() {
        out.push_str("    <testcase classname=\"spec diff\" name=\"no change\"/>\n");
    }
    for finding in findings {
        let class = escaped(finding.operation.as_deref().unwrap_or("document"));
        let name = escaped(&format!("{} {}", finding.rule.id, finding.fingerprint));
        let message = escaped(&finding.with_surface());
        let levels = format!("wire {}, client {}", finding.wire, finding.client);
        let inside = if fails(finding) {
            format!("<failure type=\"{levels}\" message=\"{message}\"/>")
        } else {
            format!("<system-out>{levels}: {message}</system-out>")
        };
        let _ = writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in single_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 does not allow these characters, escaped or not.
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}
