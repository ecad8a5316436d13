//! Comparing an operation that exists in both documents.

use super::{
    body,
    context::OperationContext,
    node::Pair,
    parameters,
    recorder::{Recorder, nearest_pointer},
    responses,
    rules::DocumentChange,
    security, servers,
};
use crate::{
    json::Pointer,
    spec::validate::object_model::{self, Kind},
};

pub(super) fn compare(recorder: &mut Recorder, context: &OperationContext) {
    let operation = &context.operation;
    compare_operation_id(recorder, operation);
    compare_tags(recorder, operation);
    recorder.report_flag(
        operation,
        "deprecated",
        (DocumentChange::EndpointDeprecated, DocumentChange::EndpointReactivated),
        "",
    );
    servers::compare_operation(recorder, context.document, context.item, operation);
    security::compare_operation(recorder, context.document, operation, context.schemes);
    parameters::compare(recorder, context);
    body::compare_request(recorder, operation);
    responses::compare(recorder, operation);
    compare_callbacks(recorder, operation, "callbacks", &CALLBACK);
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

/// Compares the `operationId`, which names the generated method.
fn compare_operation_id(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "operationId";
    match (operation.base.text(KEY), operation.revision.text(KEY)) {
        (base, revision) if base == revision => {}
        ("", _) => recorder.report_member(DocumentChange::ApiOperationIdAdded, operation, KEY, ""),
        _ => recorder.report_member(DocumentChange::ApiOperationIdRemoved, operation, KEY, ""),
    }
}

fn compare_tags(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "tags";
    let (before, after) = (operation.base.texts(KEY), operation.revision.texts(KEY));
    let at = (&nearest_pointer(&operation.base, KEY), &nearest_pointer(&operation.revision, KEY));
    for tag in before.difference(&after) {
        recorder.report(DocumentChange::ApiTagRemoved, at, &format!("tag {tag}"));
    }
    for tag in after.difference(&before) {
        recorder.report(DocumentChange::ApiTagAdded, at, &format!("tag {tag}"));
    }
}

/// The changes of callbacks or webhooks.
pub(super) struct CallbackRules {
    noun: &'static str,
    kind: &'static Kind,
    added: DocumentChange,
    removed: DocumentChange,
    changed: DocumentChange,
}

const CALLBACK: CallbackRules = CallbackRules {
    noun: "callback",
    kind: &object_model::CALLBACK,
    added: DocumentChange::CallbackAdded,
    removed: DocumentChange::CallbackRemoved,
    changed: DocumentChange::CallbackChanged,
};

pub(super) const WEBHOOK: CallbackRules = CallbackRules {
    noun: "webhook",
    kind: &Kind::OrRef(&object_model::PATH_ITEM),
    added: DocumentChange::WebhookAdded,
    removed: DocumentChange::WebhookRemoved,
    changed: DocumentChange::WebhookChanged,
};

/// Compares callbacks or webhooks. The generated client does not implement them, so changes within one are one finding.
pub(super) fn compare_callbacks(recorder: &mut Recorder, holder: &Pair, key: &str, rules: &CallbackRules) {
    let matched = holder.members_of(key);
    let at = (&nearest_pointer(&holder.base, key), &nearest_pointer(&holder.revision, key));
    let CallbackRules { noun, kind, added, removed, changed } = rules;
    let report = |recorder: &mut Recorder, change: &DocumentChange, at: (&Pointer, &Pointer), name: &str| {
        recorder.report(*change, at, &format!("{noun} {name}"));
    };
    for (name, node) in matched.removed {
        report(recorder, removed, (&node.at, at.1), name);
    }
    for (name, node) in matched.added {
        report(recorder, added, (at.0, &node.at), name);
    }
    for (name, pair) in matched.both {
        if !recorder.same_digest(kind, Some(&pair.base), Some(&pair.revision)) {
            report(recorder, changed, (&pair.base.at, &pair.revision.at), name);
        }
    }
}
