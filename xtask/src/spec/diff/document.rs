//! The two documents as a whole: what holds for all operations, and which operations there are.

use std::collections::BTreeMap;

use super::{
    finding::{Finding, Values},
    node::{Node, Pair},
    paths, security, servers,
    spelling::spelling,
    walk::{Walk, nearest, same},
};

/// Everything that changed from one document to the other, in the order of the document.
pub(super) fn compare(pair: &Pair) -> Vec<Finding> {
    let mut walk = Walk::default();
    if !same(pair.base.value.get("openapi"), pair.revision.value.get("openapi")) {
        walk.say_member("openapi-version-changed", pair, "openapi", "");
    }
    members(&mut walk, pair, "info", "info-changed");
    tags(&mut walk, pair);
    servers::of_document(&mut walk, pair);
    let schemes = security::schemes(&mut walk, pair);
    security::of_document(&mut walk, pair, &schemes);
    paths::compare(&mut walk, pair, &schemes);
    let known = ["openapi", "info", "tags", "servers", "security", "paths", "components"];
    walk.rest(pair, "", &known);
    walk.findings
}

/// Each member of an object that says nothing about the wire.
fn members(walk: &mut Walk, pair: &Pair, key: &str, rule: &str) {
    let Some(pair) = pair.get(key) else { return };
    let (Some(base), Some(revision)) = (pair.base.object(), pair.revision.object()) else { return };
    let mut keys: Vec<_> =
        base.keys().chain(revision.keys().filter(|key| !base.contains_key(*key))).collect();
    keys.sort();
    for member in keys.into_iter().filter(|key| !same(base.get(*key), revision.get(*key))) {
        walk.say_member(rule, &pair, member, &format!("{key} {member}"));
    }
}

/// The list of tags says words about names; that an operation has one is the operation's matter.
fn tags(walk: &mut Walk, pair: &Pair) {
    let tags = |node: &Node| -> BTreeMap<String, String> {
        node.items_of("tags").iter().map(|tag| (tag.text("name").to_owned(), spelling(tag.value))).collect()
    };
    let (base, revision) = (tags(&pair.base), tags(&pair.revision));
    let names = base.keys().chain(revision.keys().filter(|name| !base.contains_key(*name)));
    let at = (&nearest(&pair.base, "tags"), &nearest(&pair.revision, "tags"));
    for name in names.filter(|name| base.get(*name) != revision.get(*name)) {
        walk.say("tags-changed", at, &format!("tag {name}"), Values::default());
    }
}
