//! Request and response bodies: media types and their schemas.

use super::{
    finding::Values,
    node::{Pair, ResolvedNode, matched},
    recorder::{Recorder, join_subject, nearest_pointer},
    rules::SchemaPosition,
    schema,
};

pub(super) fn compare_request(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "requestBody";
    const SUBJECT: &str = "request";
    let pair = match operation.sides(KEY) {
        (None, None) => return,
        (None, Some(body)) => {
            let rule = if body.flag("required") {
                "request-body-added-required"
            } else {
                "request-body-added-optional"
            };
            return recorder.report(rule, (&operation.base.at, &body.at), SUBJECT, Values::default());
        }
        (Some(body), None) => {
            let at = (&body.at, &operation.revision.at);
            return recorder.report("request-body-removed", at, SUBJECT, Values::default());
        }
        (Some(base), Some(revision)) => Pair { base, revision },
    };
    recorder.report_flag(
        &pair,
        "required",
        ("request-body-became-required", "request-body-became-optional"),
        SUBJECT,
    );
    compare_content(recorder, &pair, &REQUEST, SUBJECT);
    recorder.report_other_members(&pair, SUBJECT, &["required", "content"]);
}

/// The ids or id prefixes of the media type rules of one direction, and the position of the schemas.
pub(super) struct Rules {
    media_type: &'static str,
    schema: &'static str,
    encoding: &'static str,
    position: SchemaPosition,
}

const REQUEST: Rules = Rules {
    media_type: "request-body-media-type",
    schema: "request-body-media-type-schema",
    encoding: "request-body-encoding-changed",
    position: SchemaPosition::RequestBody,
};

pub(super) const RESPONSE: Rules = Rules {
    media_type: "response-media-type",
    schema: "response-body-media-type-schema",
    encoding: "response-encoding-changed",
    position: SchemaPosition::ResponseBody,
};

pub(super) fn compare_content(recorder: &mut Recorder, pair: &Pair, rules: &Rules, subject: &str) {
    const KEY: &str = "content";
    let at = (&nearest_pointer(&pair.base, KEY), &nearest_pointer(&pair.revision, KEY));
    let mut matched = matched(media_types(&pair.base), media_types(&pair.revision));
    for (name, before, after) in take_renamed(&mut matched.removed, &mut matched.added) {
        let (base, revision) = (name.0.as_str(), name.1.as_str());
        let rule = format!("{}-name-{}", rules.media_type, relation(base, revision));
        recorder.report(
            &rule,
            (&before.at, &after.at),
            &format!("{subject} {base} as {revision}"),
            Values::default(),
        );
        matched.both.push((name.0, Pair { base: before, revision: after }));
    }
    for (name, node) in matched.removed {
        recorder.report(
            &format!("{}-removed", rules.media_type),
            (&node.at, at.1),
            &join_subject(subject, &name),
            Values::default(),
        );
    }
    for (name, node) in matched.added {
        recorder.report(
            &format!("{}-added", rules.media_type),
            (at.0, &node.at),
            &join_subject(subject, &name),
            Values::default(),
        );
    }
    for (name, pair) in matched.both {
        compare_media_type(recorder, &pair, rules, &join_subject(subject, &name), is_typed(&name));
    }
}

fn compare_media_type(recorder: &mut Recorder, pair: &Pair, rules: &Rules, subject: &str, typed: bool) {
    match pair.sides("schema") {
        (None, None) => {}
        (None, Some(_)) => {
            recorder.report_member(&format!("{}-added", rules.schema), pair, "schema", subject);
        }
        (Some(_), None) => {
            recorder.report_member(&format!("{}-removed", rules.schema), pair, "schema", subject);
        }
        (Some(base), Some(revision)) => {
            schema::compare(recorder, Pair { base, revision }, rules.position, subject, typed);
        }
    }
    if !recorder.same_digest(pair.base.get("encoding").as_ref(), pair.revision.get("encoding").as_ref()) {
        recorder.report_member(rules.encoding, pair, "encoding", subject);
    }
    recorder.report_other_members(pair, subject, &["schema", "encoding"]);
}

/// Returns the media types by name, in lower case and with normalized white space.
fn media_types<'a>(node: &ResolvedNode<'a>) -> Vec<(String, ResolvedNode<'a>)> {
    let types = node.members_of("content");
    let name = |name: &String| name.to_lowercase().split(';').map(str::trim).collect::<Vec<_>>().join("; ");
    types.into_iter().map(|(key, node)| (name(key), node)).collect()
}

/// Removes and returns the pairs whose names differ only in parameters, or of which one is a range that
/// covers the other.
fn take_renamed<'a>(
    removed: &mut Vec<(String, ResolvedNode<'a>)>,
    added: &mut Vec<(String, ResolvedNode<'a>)>,
) -> Vec<((String, String), ResolvedNode<'a>, ResolvedNode<'a>)> {
    let mut found = Vec::new();
    removed.retain(|(name, before)| {
        let Some(index) = added.iter().position(|(other, _)| !relation(name, other).is_empty()) else {
            return true;
        };
        let (other, after) = added.remove(index);
        found.push(((name.clone(), other), before.clone(), after));
        false
    });
    found
}

/// Returns the relation between two names as the end of a rule id. Returns an empty string for unrelated
/// names.
fn relation(base: &str, revision: &str) -> &'static str {
    let essence = |name: &str| name.split(';').next().unwrap_or_default().trim().to_owned();
    let (base, revision) = (essence(base), essence(revision));
    let covers = |range: &str, name: &str| {
        range == "*/*"
            || range.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && name.starts_with(kind))
    };
    if base == revision {
        "changed"
    } else if covers(&revision, &base) {
        "generalized"
    } else if covers(&base, &revision) {
        "specialized"
    } else {
        ""
    }
}

/// Returns `true` if the media type distinguishes 1 from "1".
fn is_typed(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence == "application/json" || essence.ends_with("+json")
}
