//! Labelled changes of real documents, tested unchanged and with their schemas in components.

use serde::Deserialize;
use serde_json::Value;

use super::hoisted;
use crate::spec::diff::{Finding, diff, finding::worst, severity::WireLevel};

/// A line of `drift-cases.jsonl`.
#[derive(Deserialize)]
struct Case {
    id: String,
    wire: String,
    base: Value,
    revision: Value,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../../tests/documents/drift-cases.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns `true` if the findings match the label.
fn has_label(label: &str, findings: &[Finding]) -> bool {
    let (wire, _) = worst(findings);
    match label {
        "breaking" => wire == WireLevel::Err,
        "warning" => wire >= WireLevel::Warn,
        "compatible" => wire == WireLevel::Info,
        "cosmetic" => wire <= WireLevel::Info,
        "none" => findings.is_empty(),
        other => panic!("unknown label {other:?}"),
    }
}

#[test]
fn every_labelled_change_matches_its_label() {
    assert_labels(Value::clone);
}

#[test]
fn every_labelled_change_with_schemas_in_components_matches_its_label() {
    assert_labels(hoisted);
}

#[test]
fn schema_moved_into_components_is_not_a_change() {
    for case in cases() {
        for document in [case.base, case.revision] {
            let moved = hoisted(&document);
            assert!(moved.to_string().contains("$ref"));
            for findings in [diff(&document, &moved), diff(&moved, &document)] {
                assert!(findings.is_empty(), "{}: {findings:#?}", case.id);
            }
        }
    }
}

#[track_caller]
fn assert_labels(transform: fn(&Value) -> Value) {
    let cases = cases();
    assert!(cases.len() >= 47);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let findings = diff(&transform(&case.base), &transform(&case.revision));
            let messages: Vec<_> = findings.iter().map(|f| format!("{} {}", f.rule.id, f.message)).collect();
            (!has_label(&case.wire, &findings)).then(|| format!("{}: {}: {messages:#?}", case.id, case.wire))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
