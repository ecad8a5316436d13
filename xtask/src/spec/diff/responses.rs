//! Responses of an operation: statuses, headers and bodies.

use std::collections::BTreeMap;

use super::{
    body,
    node::{Matched, Pair, ResolvedNode, matched},
    parameters,
    recorder::{Recorder, join_subject, nearest_pointer},
    rules::{DocumentChange, SchemaChange, SchemaPosition},
};

use crate::spec::validate::object_model::LINKS;

const KEY: &str = "responses";
const DEFAULT: &str = "default";

/// The responses by status, such as `200`, `4XX` or `default`.
type Statuses<'a> = BTreeMap<String, ResolvedNode<'a>>;

pub(super) fn compare(recorder: &mut Recorder, operation: &Pair) {
    let at = (&nearest_pointer(&operation.base, KEY), &nearest_pointer(&operation.revision, KEY));
    let (before, after) = (statuses(&operation.base), statuses(&operation.revision));
    let Matched { removed, added, both } = matched(before.clone(), after.clone());
    for (status, node) in removed {
        if compare_covered(recorder, (&before, &after), (&status, &node), false) {
            let has_content = |node: &ResolvedNode<'_>| node.value.get("content").is_some();
            let is_covered = covering(&after, &status)
                .is_some_and(|(_, response)| has_content(response) == has_content(&node));
            let change = match status_kind(&status) {
                Kind::Default => DocumentChange::ResponseDefaultRemoved,
                Kind::Success if is_covered => DocumentChange::ResponseCoveredStatusRemoved,
                Kind::Success => DocumentChange::ResponseSuccessStatusRemoved,
                Kind::NonSuccess => DocumentChange::ResponseNonSuccessStatusRemoved,
            };
            recorder.report(change, (&node.at, at.1), &subject(&status));
        }
    }
    for (status, node) in added {
        if compare_covered(recorder, (&after, &before), (&status, &node), true) {
            let change = match status_kind(&status) {
                Kind::Default => DocumentChange::ResponseDefaultAdded,
                Kind::Success => DocumentChange::ResponseSuccessStatusAdded,
                Kind::NonSuccess => DocumentChange::ResponseNonSuccessStatusAdded,
            };
            recorder.report(change, (at.0, &node.at), &subject(&status));
        }
    }
    for (status, pair) in both {
        compare_response(recorder, &pair, &subject(&status));
    }
    if let Some(pair) = operation.get(KEY) {
        recorder.report_members_where(&pair, KEY, |key| key.starts_with("x-"));
    }
}

/// Compares a status that only one document lists with the response that covers it in the other document. Returns `true`
/// if the status is to be reported as added or removed, because no other one took its place.
fn compare_covered<'a>(
    recorder: &mut Recorder,
    (own, other): (&Statuses<'a>, &Statuses<'a>),
    (status, node): (&str, &ResolvedNode<'a>),
    is_added: bool,
) -> bool {
    if let Some((range, response)) = covering(other, status) {
        let sides = [(range, response), (status, node)];
        let [(from, base), (to, revision)] = if is_added { sides } else { [sides[1], sides[0]] };
        let pair = Pair { base: base.clone(), revision: revision.clone() };
        let subject = format!("{} as {to}", subject(from));
        if !own.contains_key(range) {
            let change = if is_added {
                DocumentChange::ResponseStatusRangeNarrowed
            } else {
                DocumentChange::ResponseStatusRangeWidened
            };
            recorder.report(change, (&base.at, &revision.at), &subject);
            compare_response(recorder, &pair, &subject);
            return false;
        }
        // A status and its range have different descriptions. Without content, the body is not described.
        if pair.get("content").is_some() {
            compare_headers(recorder, &pair, &subject);
            body::compare_content(recorder, &pair, &body::RESPONSE, &subject);
        }
    }
    let is_within = |other: &str| covering(own, other).is_some_and(|(range, _)| range == status);
    !other.keys().any(|other| !own.contains_key(other) && is_within(other))
}

/// Returns the response for a status that is not listed: that of its range, or the default.
///
/// Beside a success status, the default describes errors only, as almost every document means it.
fn covering<'l, 'a>(listed: &'l Statuses<'a>, status: &str) -> Option<(&'l str, &'l ResolvedNode<'a>)> {
    let is_success = |status: &str| matches!(status_kind(status), Kind::Success);
    let has_success = listed.keys().any(|status| is_success(status));
    let of_range = listed.iter().find(|(range, _)| is_in_range(status, range));
    let default = || {
        let applies = status != DEFAULT && !(is_success(status) && has_success);
        listed.get_key_value(DEFAULT).filter(|_| applies)
    };
    of_range.or_else(default).map(|(range, response)| (range.as_str(), response))
}

/// Returns `true` if the status is in a range, such as `200` in `2XX`.
fn is_in_range(status: &str, range: &str) -> bool {
    let digit = range.strip_suffix("XX").filter(|digit| digit.len() == 1);
    digit.is_some_and(|digit| status.len() == 3 && status != range && status.starts_with(digit))
}

fn compare_response(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    compare_headers(recorder, pair, subject);
    body::compare_content(recorder, pair, &body::RESPONSE, subject);
    if !recorder.same_digest(&LINKS, pair.base.get("links").as_ref(), pair.revision.get("links").as_ref()) {
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
        recorder.report(rule, (&node.at, &pair.revision.at), &subject(&name));
    }
    for (name, node) in matched.added {
        recorder.report(DocumentChange::ResponseHeaderAdded, (&pair.base.at, &node.at), &subject(&name));
    }
    for (name, pair) in matched.both {
        compare_header(recorder, &pair, &subject(&name));
    }
}

/// Returns the headers by name in lower case, because header names are case-insensitive. The specification ignores
/// `Content-Type`, which the media types describe.
fn headers<'a>(response: &ResolvedNode<'a>) -> impl Iterator<Item = (String, ResolvedNode<'a>)> {
    let headers = response.members_of("headers").into_iter();
    headers.map(|(name, node)| (name.to_lowercase(), node)).filter(|(name, _)| name != "content-type")
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
        );
    }
    parameters::compare_schema(recorder, pair, SchemaPosition::ResponseHeader, subject);
    recorder.report_other_members(
        pair,
        subject,
        &["required", "deprecated", "style", "explode", "schema", "content"],
    );
}

fn statuses<'a>(operation: &ResolvedNode<'a>) -> Statuses<'a> {
    let responses = operation.members_of(KEY);
    let responses = responses.into_iter().filter(|(status, _)| !status.starts_with("x-"));
    responses.map(|(status, node)| (status.to_uppercase().replace("DEFAULT", DEFAULT), node)).collect()
}

enum Kind {
    Default,
    Success,
    NonSuccess,
}

fn status_kind(status: &str) -> Kind {
    match status {
        DEFAULT => Kind::Default,
        status if status.starts_with('2') => Kind::Success,
        _ => Kind::NonSuccess,
    }
}

fn subject(status: &str) -> String {
    format!("response {status}")
}
