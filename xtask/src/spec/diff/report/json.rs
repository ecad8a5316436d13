//! The JSON report, for other programs.

use serde_json::{Value, json};

use crate::spec::diff::finding::Finding;
use crate::{json::canonical, spec::diff::finding::worst};

pub(super) fn render(findings: &[Finding]) -> String {
    let (wire, client) = worst(findings);
    let all: Vec<Value> = findings.iter().map(Finding::to_json).collect();
    canonical(&json!({"findings": all, "wire": wire.as_str(), "client": client.as_str()}))
}
