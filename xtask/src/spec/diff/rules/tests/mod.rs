//! Every rule fires where it should and not where it should not, and none is forgotten.

mod document_rules;
mod schema_rules;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::spec::diff::diff;

/// The ids of what is found from one document to the other.
fn found(base: &Value, revision: &Value) -> BTreeSet<String> {
    diff(base, revision).iter().map(|finding| finding.rule.id.clone()).collect()
}

/// That the rule fires one way; and the other way, if that is another change, does not; nor where nothing changed.
#[track_caller]
fn fires(id: &str, base: &Value, revision: &Value) {
    let there = found(base, revision);
    assert!(there.contains(id), "{id} does not fire: {there:?}\n{base}\n{revision}");
    for document in [base, revision] {
        assert_eq!(found(document, document), BTreeSet::new(), "{document}");
    }
    let symmetric = ["changed", "renamed", "rewritten"].iter().any(|end| id.ends_with(end));
    let back = found(revision, base);
    assert!(!back.is_empty(), "{id}: no change the other way");
    assert!(symmetric || !back.contains(id), "{id} fires the other way too: {back:?}");
}

#[test]
fn every_rule_has_its_tests() {
    let mut tested = document_rules::tested();
    tested.extend(schema_rules::tested());
    let untested: Vec<_> = all().keys().filter(|id| !tested.contains(*id)).collect();
    assert!(untested.is_empty(), "{untested:#?}");
}

#[test]
fn every_rule_of_oasdiff_is_taken_over_or_has_a_reason() {
    let mut count = 0;
    for (id, level, reason) in oasdiff::lines() {
        count += 1;
        let Some(rule) = by_id(id) else {
            assert!(reason.is_some_and(|reason| reason.len() > 10), "{id}: neither taken over nor explained");
            continue;
        };
        assert_eq!(reason, None, "{id} is taken over");
        let departs = overrides::OVERRIDES.iter().any(|(end, _)| id.ends_with(end));
        assert!(rule.wire == level || departs, "{id}: {} there, {} here", level, rule.wire);
    }
    assert_eq!(count, 509);
}

#[test]
fn every_departure_is_one_and_has_a_reason() {
    for (end, reason) in overrides::OVERRIDES {
        let departs = |(id, level, _): (&str, WireLevel, _)| {
            id.ends_with(end) && by_id(id).is_some_and(|rule| rule.wire != level)
        };
        assert!(oasdiff::lines().any(departs) && !reason.is_empty(), "{end}");
    }
}

#[test]
fn words_are_no_more_than_information() {
    for id in ["description-changed", "example-changed", "extension-changed", "api-tag-added", "info-changed"]
    {
        let rule = by_id(id).unwrap();
        assert_eq!((rule.wire, rule.client), (WireLevel::Info, ClientLevel::None), "{id}");
    }
}

#[test]
fn every_rule_says_what_it_means_in_one_line() {
    for rule in all().values() {
        let meaning = rule.meaning();
        assert!(meaning.len() > 5 && !meaning.contains(['\n', '|']), "{}: {meaning}", rule.id);
    }
}
