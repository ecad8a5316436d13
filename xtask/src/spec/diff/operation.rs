//! One operation in both documents.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    body,
    finding::Values,
    node::{Node, Pair},
    parameters, responses, security, servers,
    walk::{Walk, nearest},
};

/// An operation, and what around it says something about it.
#[derive(Debug)]
pub(super) struct Context<'a, 'b> {
    pub(super) document: &'b Pair<'a>,
    pub(super) item: &'b Pair<'a>,
    pub(super) operation: Pair<'a>,
    pub(super) schemes: &'b security::Schemes,
    /// Parameters of the path that have another name now: the old and the new.
    pub(super) renamed: &'b [(&'b str, &'b str)],
}

pub(super) fn compare(walk: &mut Walk, context: &Context) {
    let operation = &context.operation;
    name(walk, operation);
    tags(walk, operation);
    walk.flag(operation, "deprecated", ("endpoint-deprecated", "endpoint-reactivated"), "");
    servers::of_operation(walk, context.document, context.item, operation);
    security::of_operation(walk, context.document, operation, context.schemes);
    parameters::compare(walk, context);
    body::of_request(walk, operation);
    responses::compare(walk, operation);
    callbacks(walk, operation);
    walk.rest(
        operation,
        "",
        &[
            "operationId",
            "tags",
            "deprecated",
            "servers",
            "security",
            "parameters",
            "requestBody",
            "responses",
            "callbacks",
        ],
    );
}

/// The name of the generated method.
fn name(walk: &mut Walk, operation: &Pair) {
    const KEY: &str = "operationId";
    match (operation.base.text(KEY), operation.revision.text(KEY)) {
        (base, revision) if base == revision => {}
        ("", _) => walk.say_member("api-operation-id-added", operation, KEY, ""),
        _ => walk.say_member("api-operation-id-removed", operation, KEY, ""),
    }
}

fn tags(walk: &mut Walk, operation: &Pair) {
    const KEY: &str = "tags";
    let named = |node: &Node<'_>| -> BTreeSet<String> {
        let tags = node.value.get(KEY).and_then(Value::as_array).into_iter().flatten();
        tags.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (before, after) = (named(&operation.base), named(&operation.revision));
    let at = (&nearest(&operation.base, KEY), &nearest(&operation.revision, KEY));
    for tag in before.difference(&after) {
        walk.say("api-tag-removed", at, &format!("tag {tag}"), Values::default());
    }
    for tag in after.difference(&before) {
        walk.say("api-tag-added", at, &format!("tag {tag}"), Values::default());
    }
}

/// What the server calls. The generated client answers no calls, so that one changed is all there is to say.
fn callbacks(walk: &mut Walk, operation: &Pair) {
    const KEY: &str = "callbacks";
    let matched = operation.members_of(KEY);
    let at = (&nearest(&operation.base, KEY), &nearest(&operation.revision, KEY));
    for (name, node) in matched.removed {
        walk.say("callback-removed", (&node.at, at.1), &format!("callback {name}"), Values::default());
    }
    for (name, node) in matched.added {
        walk.say("callback-added", (at.0, &node.at), &format!("callback {name}"), Values::default());
    }
    for (name, pair) in matched.both {
        if !walk.alike(Some(&pair.base), Some(&pair.revision)) {
            let at = (&pair.base.at, &pair.revision.at);
            walk.say("callback-changed", at, &format!("callback {name}"), Values::default());
        }
    }
}
