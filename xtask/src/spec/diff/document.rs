//! Comparing two documents as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    contract,
    finding::Finding,
    node::{Pair, ResolvedNode},
    operation, paths,
    recorder::{Recorder, nearest_pointer, same_values},
    rules::DocumentChange,
    security, servers,
};
use crate::{json::normalized, spec::traverse::EXTERNAL_FILES};

/// Returns all changes between two documents, in the order of the document.
pub(super) fn compare(pair: &Pair) -> Vec<Finding> {
    let mut recorder = Recorder::default();
    compare_members(&mut recorder, pair, "info", DocumentChange::InfoChanged);
    compare_tags(&mut recorder, pair);
    servers::compare_document(&mut recorder, pair);
    let schemes = security::compare_schemes(&mut recorder, pair);
    security::compare_document(&mut recorder, pair, &schemes);
    paths::compare(&mut recorder, pair, &schemes);
    operation::compare_callbacks(&mut recorder, pair, "webhooks", &operation::WEBHOOK);
    // Files are compared where references lead to them.
    let known =
        ["openapi", "info", "tags", "servers", "security", "paths", "components", "webhooks", EXTERNAL_FILES];
    recorder.report_other_members(pair, "", &known);
    contract::decide(pair, recorder.into_found())
}

/// Reports each changed member of an object as the same change.
fn compare_members(recorder: &mut Recorder, pair: &Pair, key: &str, change: DocumentChange) {
    let Some(pair) = pair.get(key) else { return };
    let (Some(base), Some(revision)) = (pair.base.object(), pair.revision.object()) else { return };
    let keys: BTreeSet<_> = base.keys().chain(revision.keys()).collect();
    for member in keys.into_iter().filter(|key| !same_values(base.get(*key), revision.get(*key))) {
        recorder.report_member(change, &pair, member, &format!("{key} {member}"));
    }
}

/// Reports tags whose definition changed. The tags of an operation are compared with the operation.
fn compare_tags(recorder: &mut Recorder, pair: &Pair) {
    let tags = |node: &ResolvedNode| -> BTreeMap<String, String> {
        node.items_of("tags").iter().map(|tag| (tag.text("name").to_owned(), normalized(tag.value))).collect()
    };
    let (base, revision) = (tags(&pair.base), tags(&pair.revision));
    let names = base.keys().chain(revision.keys().filter(|name| !base.contains_key(*name)));
    let at = (&nearest_pointer(&pair.base, "tags"), &nearest_pointer(&pair.revision, "tags"));
    for name in names.filter(|name| base.get(*name) != revision.get(*name)) {
        recorder.report(DocumentChange::TagsChanged, at, &format!("tag {name}"));
    }
}
