//! Request and response bodies: media types and their schemas.

use std::collections::BTreeSet;

use super::{
    contract::{accepts_anything, is_annotation},
    encoding,
    node::{MAX_DEPTH, Pair, ResolvedNode, matched},
    notation::Notation,
    recorder::{Recorder, join_subject, nearest_pointer},
    rules::{DocumentChange, SchemaPosition},
    schema,
};

pub(super) fn compare_request(recorder: &mut Recorder, operation: &Pair) {
    const KEY: &str = "requestBody";
    const SUBJECT: &str = "request";
    let pair = match operation.sides(KEY) {
        (None, None) => return,
        (None, Some(body)) => {
            let rule = if body.flag("required") {
                DocumentChange::RequestBodyAddedRequired
            } else {
                DocumentChange::RequestBodyAddedOptional
            };
            return recorder.report(rule, (&operation.base.at, &body.at), SUBJECT);
        }
        (Some(body), None) => {
            let at = (&body.at, &operation.revision.at);
            return recorder.report(DocumentChange::RequestBodyRemoved, at, SUBJECT);
        }
        (Some(base), Some(revision)) => Pair { base, revision },
    };
    recorder.report_flag(
        &pair,
        "required",
        (DocumentChange::RequestBodyBecameRequired, DocumentChange::RequestBodyBecameOptional),
        SUBJECT,
    );
    compare_content(recorder, &pair, &REQUEST, SUBJECT);
    recorder.report_other_members(&pair, SUBJECT, &["required", "content"]);
}

/// The ids or id prefixes of the media type rules of one direction, and the position of the schemas.
pub(super) struct Rules {
    media_type: [DocumentChange; 2],
    renamed: DocumentChange,
    widened: DocumentChange,
    narrowed: DocumentChange,
    schema: [DocumentChange; 2],
    encoding: DocumentChange,
    position: SchemaPosition,
}

const REQUEST: Rules = Rules {
    media_type: [DocumentChange::RequestBodyMediaTypeAdded, DocumentChange::RequestBodyMediaTypeRemoved],
    renamed: DocumentChange::RequestBodyMediaTypeNameChanged,
    widened: DocumentChange::RequestBodyMediaTypeNameGeneralized,
    narrowed: DocumentChange::RequestBodyMediaTypeNameSpecialized,
    schema: [
        DocumentChange::RequestBodyMediaTypeSchemaAdded,
        DocumentChange::RequestBodyMediaTypeSchemaRemoved,
    ],
    encoding: DocumentChange::RequestBodyEncodingChanged,
    position: SchemaPosition::RequestBody,
};

pub(super) const RESPONSE: Rules = Rules {
    media_type: [DocumentChange::ResponseMediaTypeAdded, DocumentChange::ResponseMediaTypeRemoved],
    renamed: DocumentChange::ResponseMediaTypeNameChanged,
    widened: DocumentChange::ResponseMediaTypeNameGeneralized,
    narrowed: DocumentChange::ResponseMediaTypeNameSpecialized,
    schema: [
        DocumentChange::ResponseBodyMediaTypeSchemaAdded,
        DocumentChange::ResponseBodyMediaTypeSchemaRemoved,
    ],
    encoding: DocumentChange::ResponseEncodingChanged,
    position: SchemaPosition::ResponseBody,
};

pub(super) fn compare_content(recorder: &mut Recorder, pair: &Pair, rules: &Rules, subject: &str) {
    const KEY: &str = "content";
    let at = (&nearest_pointer(&pair.base, KEY), &nearest_pointer(&pair.revision, KEY));
    let (before, after) = (media_types(&pair.base), media_types(&pair.revision));
    let mut matched = matched(before.clone(), after.clone());
    let both = matched.both.into_iter();
    let mut compared: Vec<_> =
        both.map(|(name, pair)| (join_subject(subject, &name), (name.clone(), name), pair)).collect();
    let as_subject = |base: &str, revision: &str| format!("{subject} {base} as {revision}");
    for (names, pair) in take_renamed(&mut matched.removed, &mut matched.added) {
        let at = (&pair.base.at, &pair.revision.at);
        recorder.report(rules.renamed, at, &as_subject(&names.0, &names.1));
        compared.push((join_subject(subject, &names.0), names, pair));
    }
    let [added, removed] = rules.media_type;
    // The new media types that have replaced an old one.
    let mut replacing = BTreeSet::new();
    for (name, base) in matched.removed {
        if let Some((range, revision)) = covering(&after, &name) {
            // The range still allows the media type.
            let subject = as_subject(&name, &range);
            let is_new = !before.iter().any(|(old, _)| *old == range) && covering(&before, &range).is_none();
            if is_new && replacing.insert(range.clone()) {
                recorder.report(rules.widened, (&base.at, &revision.at), &subject);
            }
            compared.push((subject, (name, range), Pair { base, revision }));
        } else if let Some((new, revision)) = narrowed(&matched.added, &before, &name) {
            recorder.report(rules.narrowed, (&base.at, &revision.at), &as_subject(&name, new));
            replacing.insert(new.clone());
        } else {
            recorder.report(removed, (&base.at, at.1), &join_subject(subject, &name));
        }
    }
    for (name, revision) in matched.added {
        if !replacing.contains(&name) {
            recorder.report(added, (at.0, &revision.at), &join_subject(subject, &name));
        }
        if let Some((range, base)) = covering(&before, &name) {
            compared.push((as_subject(&range, &name), (range, name), Pair { base, revision }));
        }
    }
    for (subject, (base, revision), pair) in compared {
        compare_media_type(recorder, &pair, rules, &subject, [&base, &revision]);
    }
}

/// Returns the new media type that is left of a range: if possible, one that no smaller range has covered.
fn narrowed<'l, 'a>(
    added: &'l [MediaType<'a>],
    before: &[MediaType],
    range: &str,
) -> Option<&'l MediaType<'a>> {
    let is_smallest = |name: &str| covering(before, name).is_some_and(|(smallest, _)| smallest == range);
    let mut within = added.iter().filter(|(name, _)| covers(essence(range), essence(name)));
    let first = within.clone().next();
    within.find(|(name, _)| is_smallest(name)).or(first)
}

/// Returns the smallest range of a list that covers a media type.
fn covering<'a>(list: &[MediaType<'a>], name: &str) -> Option<MediaType<'a>> {
    let ranges = list.iter().filter(|(range, _)| covers(essence(range), essence(name)));
    ranges.max_by_key(|(range, _)| essence(range).len()).cloned()
}

fn compare_media_type(recorder: &mut Recorder, pair: &Pair, rules: &Rules, subject: &str, names: [&str; 2]) {
    let [added, removed] = rules.schema;
    let is_raw = names.iter().all(|name| is_raw(essence(name)));
    let is_open =
        |schema: &ResolvedNode<'_>| accepts_anything(schema, MAX_DEPTH) || (is_raw && is_bytes(schema));
    match pair.sides("schema") {
        (None, None) => {}
        (None, Some(schema)) | (Some(schema), None) if is_open(&schema) => {}
        (None, Some(_)) => {
            recorder.report_member(added, pair, "schema", subject);
        }
        (Some(_), None) => {
            recorder.report_member(removed, pair, "schema", subject);
        }
        (Some(base), Some(revision))
            if is_open(&base) && is_open(&revision) && is_bytes(&base) != is_bytes(&revision) => {}
        (Some(base), Some(revision)) => {
            schema::compare(
                recorder,
                Pair { base, revision },
                rules.position,
                subject,
                notation(pair, names),
            );
        }
    }
    if encoding::is_changed(recorder, pair, essence(names[0])) {
        recorder.report_member(rules.encoding, pair, "encoding", subject);
    }
    recorder.report_other_members(pair, subject, &["schema", "encoding"]);
}

type MediaType<'a> = (String, ResolvedNode<'a>);

/// Returns the media types by name, in lower case and with normalized white space.
fn media_types<'a>(node: &ResolvedNode<'a>) -> Vec<MediaType<'a>> {
    let types = node.members_of("content");
    let name = |name: &String| name.to_lowercase().split(';').map(str::trim).collect::<Vec<_>>().join("; ");
    types.into_iter().map(|(key, node)| (name(key), node)).collect()
}

/// Removes and returns the pairs whose names differ only in parameters.
fn take_renamed<'a>(
    removed: &mut Vec<MediaType<'a>>,
    added: &mut Vec<MediaType<'a>>,
) -> Vec<((String, String), Pair<'a>)> {
    let mut found = Vec::new();
    removed.retain(|(name, base)| {
        let Some(index) = added.iter().position(|(other, _)| essence(name) == essence(other)) else {
            return true;
        };
        let (other, revision) = added.remove(index);
        found.push(((name.clone(), other), Pair { base: base.clone(), revision }));
        false
    });
    found
}

/// Returns `true` if a media type is a range that contains another one.
fn covers(range: &str, name: &str) -> bool {
    let is_within = |kind: &str| kind.ends_with('/') && name.starts_with(kind);
    range != name && (range == "*/*" || range.strip_suffix('*').is_some_and(is_within))
}

/// Returns `true` for a media type whose body may be any bytes. OpenAPI 3.1 describes them without a schema.
fn is_raw(essence: &str) -> bool {
    Notation::of_body(essence) == Notation::Typed && !is_json(essence)
}

/// Returns `true` for the schema by which OpenAPI 3.0 describes any bytes.
fn is_bytes(schema: &ResolvedNode) -> bool {
    let allowed = |key: &String| ["type", "format"].contains(&key.as_str()) || is_annotation(key);
    schema.types() == ["string"]
        && schema.text("format") == "binary"
        && schema.object().is_some_and(|schema| schema.keys().all(allowed))
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json")
}

/// Returns how the two bodies are written. A part or field that is JSON makes all of a body typed.
fn notation(pair: &Pair, [base, revision]: [&str; 2]) -> Notation {
    let types = [&pair.base, &pair.revision].into_iter().flat_map(|body| body.members_of("encoding"));
    let mut types = types.map(|(_, encoding)| encoding.text("contentType").to_lowercase());
    let has_json = types.any(|types| types.split(',').any(|name| is_json(essence(name))));
    let has_encodings = |name: &&str| encoding::is_form(essence(name));
    match [base, revision].map(|name| Notation::of_body(essence(name))) {
        _ if has_json && [base, revision].iter().all(has_encodings) => Notation::Typed,
        [one, other] if one == other => one,
        _ => Notation::Typed,
    }
}

/// Returns a media type without its parameters.
pub(super) fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}
