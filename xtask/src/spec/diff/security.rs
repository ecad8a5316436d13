//! Who may call: what an operation asks of its caller in the end, whatever the names of the schemes.

mod schemes;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use schemes::{Schemes, schemes};
use serde_json::Value;

use super::{
    finding::Values,
    node::{Node, Pair},
    paths::any_inherits,
    walk::{Walk, nearest},
};

const KEY: &str = "security";

/// What holds for operations that ask for nothing of their own.
pub(super) fn of_document(walk: &mut Walk, pair: &Pair, schemes: &Schemes) {
    if any_inherits(pair, KEY) {
        compare(walk, &pair.base, &pair.revision, schemes, "api-global-security");
    }
}

/// What an operation asks, if it is not what the document asks on both sides.
pub(super) fn of_operation(walk: &mut Walk, document: &Pair, operation: &Pair, schemes: &Schemes) {
    let own = |node: &Node| node.value.get(KEY).is_some();
    if own(&operation.base) || own(&operation.revision) {
        let base = if own(&operation.base) { &operation.base } else { &document.base };
        let revision = if own(&operation.revision) { &operation.revision } else { &document.revision };
        compare(walk, base, revision, schemes, "api-security");
    }
}

/// One way to authenticate: schemes that must all be satisfied, each with its scopes. The empty one is nobody in
/// particular.
type Way = BTreeMap<String, BTreeSet<String>>;

fn compare(walk: &mut Walk, base: &Node, revision: &Node, schemes: &Schemes, rules: &str) {
    let at = (&nearest(base, KEY), &nearest(revision, KEY));
    let before: BTreeSet<Way> = ways(base).into_iter().map(|way| renamed(way, schemes)).collect();
    let after: BTreeSet<Way> = ways(revision).into_iter().collect();
    let by_schemes = |ways: &BTreeSet<Way>| -> BTreeMap<Vec<String>, Way> {
        ways.iter().map(|way| (way.keys().cloned().collect(), way.clone())).collect()
    };
    let (old, new) = (by_schemes(&before), by_schemes(&after));
    for (names, way) in &old {
        if let Some(now) = new.get(names) {
            scopes(walk, at, rules, way, now);
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
        walk.say(&format!("{rules}-{happened}"), at, &told(names), Values::default());
    }
    for names in new.keys().filter(|names| !old.contains_key(*names)) {
        walk.say(&format!("{rules}-added"), at, &told(names), Values::default());
    }
}

fn scopes(
    walk: &mut Walk,
    at: (&crate::json::Pointer, &crate::json::Pointer),
    rules: &str,
    before: &Way,
    after: &Way,
) {
    for (name, had) in before {
        let Some(has) = after.get(name) else { continue };
        let subject = |scope: &String| format!("security {name} scope {scope}");
        for scope in had.difference(has) {
            walk.say(&format!("{rules}-scope-removed"), at, &subject(scope), Values::default());
        }
        for scope in has.difference(had) {
            walk.say(&format!("{rules}-scope-added"), at, &subject(scope), Values::default());
        }
    }
}

/// Every way; to ask for nothing is one way, which asks for nothing.
fn ways(node: &Node) -> Vec<Way> {
    let ways: Vec<Way> = node.items_of(KEY).iter().map(way).collect();
    if ways.is_empty() { vec![Way::new()] } else { ways }
}

fn way(node: &Node) -> Way {
    let scopes = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    node.object().into_iter().flatten().map(|(name, value)| (name.clone(), scopes(value))).collect()
}

fn renamed(way: Way, schemes: &Schemes) -> Way {
    way.into_iter().map(|(name, scopes)| (schemes.now(name), scopes)).collect()
}

fn told(names: &[String]) -> String {
    if names.is_empty() {
        "security: nobody in particular".to_owned()
    } else {
        format!("security {}", names.join(" and "))
    }
}
