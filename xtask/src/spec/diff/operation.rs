//! One operation in both documents.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    body,
    context::OperationContext,
    finding::Values,
    node::{Pair, ResolvedNode},
    parameters,
    recorder::{Recorder, nearest_pointer},
    responses, security, servers,
};

pub(super) fn compare(recorder: &mut Recorder, context: &OperationContext) {
    let operation = &context.operation;
    name(recorder, operation);
    tags(recorder, operation);
    recorder.report_flag(operation, "deprecated", ("endpoint-deprecated", "endpoint-reactivated"), "");
    servers::of_operation(recorder, context.document, context.item, operation);
    security::of_operation(recorder, context.document, operation, context.schemes);
    parameters::compare(recorder, context);
    body::of_request(recorder, operation);
    responses::compare(recorder, operation);
    callbacks(recorder, operation);
    recorder.report_other_members(
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
fn name(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "operationId";
    match (operation.base.text(KEY), operation.revision.text(KEY)) {
        (base, revision) if base == revision => {}
        ("", _) => recorder.report_member("api-operation-id-added", operation, KEY, ""),
        _ => recorder.report_member("api-operation-id-removed", operation, KEY, ""),
    }
}

fn tags(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "tags";
    let named = |node: &ResolvedNode<'_>| -> BTreeSet<String> {
        let tags = node.value.get(KEY).and_then(Value::as_array).into_iter().flatten();
        tags.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (before, after) = (named(&operation.base), named(&operation.revision));
    let at = (&nearest_pointer(&operation.base, KEY), &nearest_pointer(&operation.revision, KEY));
    for tag in before.difference(&after) {
        recorder.report("api-tag-removed", at, &format!("tag {tag}"), Values::default());
    }
    for tag in after.difference(&before) {
        recorder.report("api-tag-added", at, &format!("tag {tag}"), Values::default());
    }
}

/// What the server calls. The generated client answers no calls, so that one changed is all there is to say.
fn callbacks(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "callbacks";
    let matched = operation.members_of(KEY);
    let at = (&nearest_pointer(&operation.base, KEY), &nearest_pointer(&operation.revision, KEY));
    for (name, node) in matched.removed {
        recorder.report("callback-removed", (&node.at, at.1), &format!("callback {name}"), Values::default());
    }
    for (name, node) in matched.added {
        recorder.report("callback-added", (at.0, &node.at), &format!("callback {name}"), Values::default());
    }
    for (name, pair) in matched.both {
        if !recorder.equivalent(Some(&pair.base), Some(&pair.revision)) {
            let at = (&pair.base.at, &pair.revision.at);
            recorder.report("callback-changed", at, &format!("callback {name}"), Values::default());
        }
    }
}
