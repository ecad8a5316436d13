//! Responses of an operation: statuses, headers and bodies.

use super::{
    body,
    finding::Values,
    node::{Pair, ResolvedNode, matched},
    parameters,
    recorder::{Recorder, join_subject, nearest_pointer},
    rules::{DocumentChange, SchemaChange, SchemaPosition},
};

const KEY: &str = "responses";

pub(super) fn compare(recorder: &mut Recorder, operation: &Pair) {
    let parents = (nearest_pointer(&operation.base, KEY), nearest_pointer(&operation.revision, KEY));
    let mut matched = matched(statuses(&operation.base), statuses(&operation.revision));
    matched.removed.retain(|(range, node)| {
        let members: Vec<_> = matched.added.iter().filter(|(status, _)| is_in_range(status, range)).collect();
        for (status, new) in &members {
            let subject = format!("{} as {status}", subject(range));
            recorder.report(
                DocumentChange::ResponseStatusRangeNarrowed,
                (&node.at, &new.at),
                &subject,
                Values::default(),
            );
            let pair = Pair { base: node.clone(), revision: new.clone() };
            compare_response(recorder, &pair, &subject);
        }
        members.is_empty()
    });
    for (status, node) in matched.removed {
        let change = match status_kind(&status) {
            Kind::Default => DocumentChange::ResponseDefaultRemoved,
            Kind::Success => DocumentChange::ResponseSuccessStatusRemoved,
            Kind::NonSuccess => DocumentChange::ResponseNonSuccessStatusRemoved,
        };
        recorder.report(change, (&node.at, &parents.1), &subject(&status), Values::default());
    }
    for (status, node) in matched.added {
        let change = match status_kind(&status) {
            Kind::Default => DocumentChange::ResponseDefaultAdded,
            Kind::Success => DocumentChange::ResponseSuccessStatusAdded,
            Kind::NonSuccess => DocumentChange::ResponseNonSuccessStatusAdded,
        };
        recorder.report(change, (&parents.0, &node.at), &subject(&status), Values::default());
    }
    for (status, pair) in matched.both {
        compare_response(recorder, &pair, &subject(&status));
    }
    if let Some(pair) = operation.get(KEY) {
        recorder.report_members_where(&pair, KEY, |key| key.starts_with("x-"));
    }
}

/// Returns `true` if the status is in a range, such as `200` in `2XX`.
fn is_in_range(status: &str, range: &str) -> bool {
    let digit = range.strip_suffix("XX").filter(|digit| digit.len() == 1);
    digit.is_some_and(|digit| status.len() == 3 && status != range && status.starts_with(digit))
}

fn compare_response(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    compare_headers(recorder, pair, subject);
    body::compare_content(recorder, pair, &body::RESPONSE, subject);
    if !recorder.same_digest(pair.base.get("links").as_ref(), pair.revision.get("links").as_ref()) {
        recorder.report_member(DocumentChange::ResponseLinksChanged, pair, "links", subject);
    }
    recorder.report_other_members(pair, subject, &["headers", "content", "links"]);
}

fn compare_headers(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    let matched = matched(headers(&pair.base), headers(&pair.revision));
    let subject = |name: &str| join_subject(subject, &format!("header {name}"));
    for (name, node) in matched.removed {
        let rule = if node.flag("required") {
            DocumentChange::RequiredResponseHeaderRemoved
        } else {
            DocumentChange::OptionalResponseHeaderRemoved
        };
        recorder.report(rule, (&node.at, &pair.revision.at), &subject(&name), Values::default());
    }
    for (name, node) in matched.added {
        recorder.report(
            DocumentChange::ResponseHeaderAdded,
            (&pair.base.at, &node.at),
            &subject(&name),
            Values::default(),
        );
    }
    for (name, pair) in matched.both {
        compare_header(recorder, &pair, &subject(&name));
    }
}

/// Returns the headers by name in lower case, because header names are case-insensitive.
fn headers<'a>(response: &ResolvedNode<'a>) -> impl Iterator<Item = (String, ResolvedNode<'a>)> {
    response.members_of("headers").into_iter().map(|(name, node)| (name.to_lowercase(), node))
}

fn compare_header(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    recorder.report_flag(
        pair,
        "required",
        (DocumentChange::ResponseHeaderBecameRequired, DocumentChange::ResponseHeaderBecameOptional),
        subject,
    );
    recorder.report_flag(
        pair,
        "deprecated",
        [SchemaChange::Deprecated, SchemaChange::Reactivated]
            .map(|change| change.rule(SchemaPosition::ResponseHeader))
            .into(),
        subject,
    );
    if parameters::is_written_differently(pair, "header") {
        recorder.report(
            DocumentChange::ResponseHeaderStyleChanged,
            (&pair.base.at, &pair.revision.at),
            subject,
            Values::default(),
        );
    }
    parameters::compare_schema(recorder, pair, SchemaPosition::ResponseHeader, subject);
    recorder.report_other_members(
        pair,
        subject,
        &["required", "deprecated", "style", "explode", "schema", "content"],
    );
}

/// Returns the responses by status, such as `200`, `4XX` or `default`.
fn statuses<'a>(operation: &ResolvedNode<'a>) -> Vec<(String, ResolvedNode<'a>)> {
    let responses = operation.members_of(KEY);
    let responses = responses.into_iter().filter(|(status, _)| !status.starts_with("x-"));
    responses.map(|(status, node)| (status.to_uppercase().replace("DEFAULT", "default"), node)).collect()
}

enum Kind {
    Default,
    Success,
    NonSuccess,
}

fn status_kind(status: &str) -> Kind {
    match status {
        "default" => Kind::Default,
        status if status.starts_with('2') => Kind::Success,
        _ => Kind::NonSuccess,
    }
}

fn subject(status: &str) -> String {
    format!("response {status}")
}
