//! Labelled changes of real documents, each as it is and with its schemas in components.

use serde::Deserialize;
use serde_json::Value;

use super::hoisted;
use crate::spec::diff::{Finding, diff, finding::worst, severity::WireLevel};

/// One line of the file.
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

/// Whether findings are what the label says.
fn is(label: &str, findings: &[Finding]) -> bool {
    let (wire, _) = worst(findings);
    match label {
        "breaking" => wire == WireLevel::Err,
        "warning" => wire >= WireLevel::Warn,
        "compatible" => wire == WireLevel::Info,
        "cosmetic" => wire <= WireLevel::Info,
        "none" => findings.is_empty(),
        other => panic!("{other}: no label"),
    }
}

#[test]
fn every_labelled_change_is_what_it_is_labelled() {
    all_are_what_they_are_labelled(Value::clone);
}

#[test]
fn every_labelled_change_is_the_same_with_its_schemas_in_components() {
    all_are_what_they_are_labelled(hoisted);
}

#[test]
fn a_schema_moved_into_components_is_no_change() {
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
fn all_are_what_they_are_labelled(form: fn(&Value) -> Value) {
    let cases = cases();
    assert!(cases.len() >= 47);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let findings = diff(&form(&case.base), &form(&case.revision));
            let messages: Vec<_> = findings.iter().map(|f| format!("{} {}", f.rule.id, f.message)).collect();
            (!is(&case.wire, &findings)).then(|| format!("{}: {}: {messages:#?}", case.id, case.wire))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
