//! Who may call: what an operation asks of its caller in the end, whatever the names of the schemes.

mod schemes;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::schemes::{Schemes, schemes};
use serde_json::Value;

use super::{
    finding::Values,
    inherit::any_inherits,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, nearest_pointer},
};

const KEY: &str = "security";

/// What holds for operations that ask for nothing of their own.
pub(super) fn of_document(recorder: &mut Recorder, pair: &Pair, schemes: &Schemes) {
    if any_inherits(pair, KEY) {
        compare(recorder, &pair.base, &pair.revision, schemes, "api-global-security");
    }
}

/// What an operation asks, if it is not what the document asks on both sides.
pub(super) fn of_operation(recorder: &mut Recorder, document: &Pair, operation: &Pair, schemes: &Schemes) {
    let own = |node: &ResolvedNode| node.value.get(KEY).is_some();
    if own(&operation.base) || own(&operation.revision) {
        let base = if own(&operation.base) { &operation.base } else { &document.base };
        let revision = if own(&operation.revision) { &operation.revision } else { &document.revision };
        compare(recorder, base, revision, schemes, "api-security");
    }
}

/// One way to authenticate: schemes that must all be satisfied, each with its scopes. The empty one is nobody in
/// particular.
type Way = BTreeMap<String, BTreeSet<String>>;

fn compare(
    recorder: &mut Recorder,
    base: &ResolvedNode,
    revision: &ResolvedNode,
    schemes: &Schemes,
    rules: &str,
) {
    let at = (&nearest_pointer(base, KEY), &nearest_pointer(revision, KEY));
    let before: BTreeSet<Way> = ways(base).into_iter().map(|way| renamed(way, schemes)).collect();
    let after: BTreeSet<Way> = ways(revision).into_iter().collect();
    let by_schemes = |ways: &BTreeSet<Way>| -> BTreeMap<Vec<String>, Way> {
        ways.iter().map(|way| (way.keys().cloned().collect(), way.clone())).collect()
    };
    let (old, new) = (by_schemes(&before), by_schemes(&after));
    for (names, way) in &old {
        if let Some(now) = new.get(names) {
            scopes(recorder, at, rules, way, now);
            continue;
        }
        // Who brings more than is asked is let in.
        let passes = after.iter().any(|now| {
            now.iter().all(|(name, scopes)| way.get(name).is_some_and(|has| has.is_superset(scopes)))
        });
        let happened = match (passes, names.is_empty()) {
            (true, _) => "removed",
            (false, true) => "required",
            (false, false) => "refused",
        };
        recorder.report(&format!("{rules}-{happened}"), at, &scheme_names(names), Values::default());
    }
    for names in new.keys().filter(|names| !old.contains_key(*names)) {
        recorder.report(&format!("{rules}-added"), at, &scheme_names(names), Values::default());
    }
}

fn scopes(
    recorder: &mut Recorder,
    at: (&crate::json::Pointer, &crate::json::Pointer),
    rules: &str,
    before: &Way,
    after: &Way,
) {
    for (name, had) in before {
        let Some(has) = after.get(name) else { continue };
        let subject = |scope: &String| format!("security {name} scope {scope}");
        for scope in had.difference(has) {
            recorder.report(&format!("{rules}-scope-removed"), at, &subject(scope), Values::default());
        }
        for scope in has.difference(had) {
            recorder.report(&format!("{rules}-scope-added"), at, &subject(scope), Values::default());
        }
    }
}

/// Every way; to ask for nothing is one way, which asks for nothing.
fn ways(node: &ResolvedNode) -> Vec<Way> {
    let ways: Vec<Way> = node.items_of(KEY).iter().map(way).collect();
    if ways.is_empty() { vec![Way::new()] } else { ways }
}

fn way(node: &ResolvedNode) -> Way {
    let scopes = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    node.object().into_iter().flatten().map(|(name, value)| (name.clone(), scopes(value))).collect()
}

fn renamed(way: Way, schemes: &Schemes) -> Way {
    way.into_iter().map(|(name, scopes)| (schemes.now(name), scopes)).collect()
}

fn scheme_names(names: &[String]) -> String {
    if names.is_empty() {
        "security: nobody in particular".to_owned()
    } else {
        format!("security {}", names.join(" and "))
    }
}
