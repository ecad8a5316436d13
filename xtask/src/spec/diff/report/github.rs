//! GitHub Actions annotations: one workflow command per finding.

use std::fmt::Write as _;

use crate::{
    failure::single_line,
    spec::diff::{finding::Finding, severity::WireLevel},
};

pub(super) fn render(findings: &[Finding], file: &str) -> String {
    let mut out = String::new();
    for finding in findings {
        let command = match finding.wire {
            WireLevel::Err => "error",
            WireLevel::Warn => "warning",
            WireLevel::Info | WireLevel::None => "notice",
        };
        let of_page = finding.document.as_ref().map(|page| format!("openapi/upstream/{page}.json"));
        let file = of_page.as_deref().unwrap_or(file);
        let operation =
            finding.operation.as_ref().map(|operation| format!("{operation}: ")).unwrap_or_default();
        let message = format!("{operation}{} (client: {})", finding.with_surface(), finding.client);
        let (file, title) = (property(file), property(&finding.rule.id));
        let _ = writeln!(out, "::{command} file={file},title={title}::{}", data(&message));
    }
    out
}

fn data(text: &str) -> String {
    single_line(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
