//! Tests that every rule fires for its change only, and that every rule is tested.

mod document_rules;
mod schema_rules;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::spec::diff::diff;

/// Returns the ids of the findings between two documents.
fn rule_ids(base: &Value, revision: &Value) -> BTreeSet<String> {
    diff(base, revision).iter().map(|finding| finding.rule.id.clone()).collect()
}

/// Asserts that the rule fires for the change, and neither for equal documents nor for the reverse change. A
/// symmetric rule may fire for the reverse change.
#[track_caller]
fn assert_fires(id: &str, base: &Value, revision: &Value) {
    let ids = rule_ids(base, revision);
    assert!(ids.contains(id), "{id} does not fire: {ids:?}\n{base}\n{revision}");
    for document in [base, revision] {
        assert_eq!(rule_ids(document, document), BTreeSet::new(), "{document}");
    }
    let symmetric = ["changed", "renamed", "rewritten"].iter().any(|suffix| id.ends_with(suffix));
    let reverse = rule_ids(revision, base);
    assert!(!reverse.is_empty(), "{id}: the reverse change has no finding");
    assert!(symmetric || !reverse.contains(id), "{id} fires for the reverse change too: {reverse:?}");
}

#[test]
fn every_rule_is_tested() {
    let mut tested = document_rules::tested();
    tested.extend(schema_rules::tested());
    // These rules have no two documents. `network` in `tests/it` has their tests.
    tested.extend(["page-removed", "page-not-openapi"].map(str::to_owned));
    // `client` in `tests/it` has the tests of these.
    let of_client = ["client-surface-changed", "client-not-generated", "key-origin-unlisted"];
    tested.extend(of_client.map(str::to_owned));
    let untested: Vec<_> = all().keys().filter(|id| !tested.contains(*id)).collect();
    assert!(untested.is_empty(), "{untested:#?}");
}

#[test]
fn every_oasdiff_rule_is_adopted_or_has_a_reason() {
    let mut count = 0;
    for (id, level, reason) in oasdiff::lines() {
        count += 1;
        let Some(rule) = by_id(id) else {
            assert!(reason.is_some_and(|reason| reason.len() > 10), "{id}: neither adopted nor explained");
            continue;
        };
        assert_eq!(reason, None, "{id} is adopted, expected no reason");
        let differs = overrides::OVERRIDES.iter().any(|(suffix, _)| id.ends_with(suffix));
        assert!(rule.wire == level || differs, "{id}: {} in oasdiff, {} here", level, rule.wire);
    }
    assert_eq!(count, 509);
}

#[test]
fn every_override_changes_a_level_and_has_a_reason() {
    for (suffix, reason) in overrides::OVERRIDES {
        let differs = |(id, level, _): (&str, WireLevel, _)| {
            id.ends_with(suffix) && by_id(id).is_some_and(|rule| rule.wire != level)
        };
        assert!(oasdiff::lines().any(differs) && !reason.is_empty(), "{suffix}");
    }
}

#[test]
fn annotation_rules_have_level_info() {
    for id in ["description-changed", "example-changed", "extension-changed", "api-tag-added", "info-changed"]
    {
        let rule = by_id(id).unwrap();
        assert_eq!(rule.wire, WireLevel::Info, "{id}");
    }
}

#[test]
fn meaning_of_every_rule_is_one_line() {
    for rule in all().values() {
        let meaning = rule.meaning();
        assert!(meaning.len() > 5 && !meaning.contains(['\n', '|']), "{}: {meaning}", rule.id);
    }
}
