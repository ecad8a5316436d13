//! Labelled pairs of documents whose schemas say the same, or almost the same, in another way.

use serde::Deserialize;
use serde_json::Value;

use crate::spec::diff::{diff, finding::worst};

/// A line of `composition.jsonl`.
#[derive(Deserialize)]
struct Case {
    id: String,
    what: String,
    /// The accepted wire levels, separated by `|`.
    wire: String,
    base: Value,
    revision: Value,
}

/// Pairs whose reverse has a level of its own, with that level.
const REVERSED: &[(&str, &str)] = &[
    ("drift-063", "none|info"),
    ("drift-062", "none|info"),
    ("drift-061", "none|info"),
    ("drift-059", "none|info"),
    ("drift-057", "info"),
    ("drift-001", "err"),
    ("drift-003", "info"),
    ("drift-005", "info"),
    ("drift-007", "info"),
    ("drift-009", "info"),
    ("drift-011", "none|info"),
    ("drift-074", "err"),
    ("drift-013", "warn|err"),
    ("drift-015", "err"),
    ("drift-016", "none|info"),
    ("drift-018", "none|info"),
    ("drift-020", "err"),
    ("drift-022", "err"),
    ("drift-023", "err"),
    ("drift-024", "none|info"),
    ("drift-026", "none|info"),
    ("drift-027", "info|warn"),
    ("drift-031", "err"),
    ("drift-029", "err"),
    ("drift-069", "info"),
    ("drift-077", "info"),
    ("drift-035", "err"),
    ("drift-037", "err"),
    ("drift-042", "info|err"),
    ("drift-044", "warn"),
    ("drift-046", "warn"),
    ("drift-048", "err"),
    ("drift-049", "err"),
    ("drift-051", "none|info"),
    ("drift-053", "none|info"),
    ("drift-055", "err|warn"),
    ("drift-065", "err|warn"),
    ("drift-067", "err|warn"),
    ("drift-071", "err"),
    ("drift-079", "none|info"),
    ("drift-081", "none|info"),
    ("drift-083", "none|info"),
    ("drift-086", "none|info"),
    ("drift-041", "none"),
    ("drift-085", "none|info"),
    ("drift-032", "err"),
    ("drift-039", "err"),
];

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../../tests/documents/composition.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the worst level and the messages if the level is not accepted.
fn wrong_level(base: &Value, revision: &Value, accepted: &str) -> Option<String> {
    let findings = diff(base, revision);
    let level = worst(&findings).0.as_str();
    let messages: Vec<_> = findings.iter().map(|f| format!("{} {}", f.rule.id, f.message)).collect();
    let is_accepted = accepted.split('|').any(|accepted| accepted == level);
    (!is_accepted).then(|| format!("{level} instead of {accepted}: {messages:#?}"))
}

#[test]
fn every_composed_pair_has_its_level() {
    let cases = cases();
    assert_eq!(cases.len(), 58);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| Some((case, wrong_level(&case.base, &case.revision, &case.wire)?)))
        .collect();
    let reasons: Vec<_> =
        wrong.iter().map(|(case, why)| format!("{} {}: {why}", case.id, case.what)).collect();
    assert!(reasons.is_empty(), "{reasons:#?}");
}

#[test]
fn every_reversed_pair_has_its_level() {
    let cases = cases();
    let of_id = |id: &str| cases.iter().find(|case| case.id == id).unwrap();
    let wrong: Vec<_> = REVERSED
        .iter()
        .filter_map(|(id, accepted)| {
            let case = of_id(id);
            Some(format!("{id} {}: {}", case.what, wrong_level(&case.revision, &case.base, accepted)?))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
