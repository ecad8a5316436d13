//! Security requirements: the credentials that an operation effectively requires, whatever the schemes are
//! called.

mod schemes;

use std::collections::{BTreeMap, BTreeSet};

use self::schemes::KEY;
pub(super) use self::schemes::{SchemeNames, compare_schemes};
use super::{
    inherit::any_inherits,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, nearest_pointer},
    rules::DocumentChange,
};
use crate::json::{Object, Pointer};

/// The changes of requirements of an operation, or of all operations.
struct Changes {
    added: DocumentChange,
    removed: DocumentChange,
    required: DocumentChange,
    refused: DocumentChange,
    scope_added: DocumentChange,
    scope_removed: DocumentChange,
}

const OF_OPERATION: Changes = Changes {
    added: DocumentChange::ApiSecurityAdded,
    removed: DocumentChange::ApiSecurityRemoved,
    required: DocumentChange::ApiSecurityRequired,
    refused: DocumentChange::ApiSecurityRefused,
    scope_added: DocumentChange::ApiSecurityScopeAdded,
    scope_removed: DocumentChange::ApiSecurityScopeRemoved,
};

const OF_DOCUMENT: Changes = Changes {
    added: DocumentChange::ApiGlobalSecurityAdded,
    removed: DocumentChange::ApiGlobalSecurityRemoved,
    required: DocumentChange::ApiGlobalSecurityRequired,
    refused: DocumentChange::ApiGlobalSecurityRefused,
    scope_added: DocumentChange::ApiGlobalSecurityScopeAdded,
    scope_removed: DocumentChange::ApiGlobalSecurityScopeRemoved,
};

/// Compares the requirements that operations inherit from the document.
pub(super) fn compare_document(recorder: &mut Recorder, pair: &Pair, schemes: &SchemeNames) {
    if any_inherits(pair, KEY) {
        compare(recorder, &pair.base, &pair.revision, schemes, &OF_DOCUMENT);
    }
}

/// Compares the requirements of an operation, unless it inherits them from the document on both sides.
pub(super) fn compare_operation(
    recorder: &mut Recorder,
    document: &Pair,
    operation: &Pair,
    schemes: &SchemeNames,
) {
    let has_own = |node: &ResolvedNode| node.value.get(KEY).is_some();
    if has_own(&operation.base) || has_own(&operation.revision) {
        let base = if has_own(&operation.base) { &operation.base } else { &document.base };
        let revision = if has_own(&operation.revision) { &operation.revision } else { &document.revision };
        compare(recorder, base, revision, schemes, &OF_OPERATION);
    }
}

/// A security requirement: the schemes that must all be satisfied, each with its scopes. Without schemes, it
/// allows anonymous access.
type Requirement = BTreeMap<String, BTreeSet<String>>;

fn compare(
    recorder: &mut Recorder,
    base: &ResolvedNode,
    revision: &ResolvedNode,
    schemes: &SchemeNames,
    changes: &Changes,
) {
    let at = (&nearest_pointer(base, KEY), &nearest_pointer(revision, KEY));
    let before = requirements(base, |name| schemes.of_old(name));
    let after = requirements(revision, |name| schemes.of_new(name));
    let mut added: Vec<_> = after.difference(&before).collect();
    for requirement in before.difference(&after) {
        // Credentials that exceed a requirement satisfy it.
        let satisfies = |required: &Requirement| {
            required
                .iter()
                .all(|(name, scopes)| requirement.get(name).is_some_and(|given| given.is_superset(scopes)))
        };
        let is_accepted = after.iter().any(satisfies);
        let with_other_scopes = |required: &&Requirement| {
            required.keys().eq(requirement.keys()) && (!is_accepted || satisfies(required))
        };
        if let Some(index) = added.iter().position(with_other_scopes) {
            compare_scopes(recorder, at, changes, requirement, added.remove(index));
            continue;
        }
        let change = match (is_accepted, requirement.is_empty()) {
            (true, _) => changes.removed,
            (false, true) => changes.required,
            (false, false) => changes.refused,
        };
        recorder.report(change, at, &subject(requirement));
    }
    for requirement in added {
        recorder.report(changes.added, at, &subject(requirement));
    }
}

fn compare_scopes(
    recorder: &mut Recorder,
    at: (&Pointer, &Pointer),
    changes: &Changes,
    before: &Requirement,
    after: &Requirement,
) {
    for (name, old) in before {
        let Some(new) = after.get(name) else { continue };
        let subject = |scope: &String| format!("security {name} scope {scope}");
        for scope in old.difference(new) {
            recorder.report(changes.scope_removed, at, &subject(scope));
        }
        for scope in new.difference(old) {
            recorder.report(changes.scope_added, at, &subject(scope));
        }
    }
}

/// Returns all requirements. An empty or missing list allows anonymous access.
fn requirements(node: &ResolvedNode, name: impl Fn(String) -> String) -> BTreeSet<Requirement> {
    let requirements: BTreeSet<Requirement> =
        node.items_of(KEY).iter().map(|node| requirement(node, &name)).collect();
    if requirements.is_empty() { BTreeSet::from([Requirement::new()]) } else { requirements }
}

fn requirement(node: &ResolvedNode, canonical: impl Fn(String) -> String) -> Requirement {
    let mut requirement = Requirement::new();
    for name in node.object().into_iter().flat_map(Object::keys) {
        let scopes = node.texts(name).into_iter().map(str::to_owned);
        requirement.entry(canonical(name.clone())).or_default().extend(scopes);
    }
    requirement
}

fn subject(requirement: &Requirement) -> String {
    if requirement.is_empty() {
        "security: anonymous access".to_owned()
    } else {
        let with_scopes = |(name, scopes): (&String, &BTreeSet<String>)| {
            let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
            if scopes.is_empty() { name.clone() } else { format!("{name} ({})", scopes.join(", ")) }
        };
        let names: Vec<_> = requirement.iter().map(with_scopes).collect();
        format!("security {}", names.join(" and "))
    }
}
