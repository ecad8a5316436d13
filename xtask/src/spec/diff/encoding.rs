//! The encodings of the properties of a body.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    node::{MAX_DEPTH, Pair, ResolvedNode},
    recorder::Recorder,
};
use crate::spec::validate::object_model::HEADERS;

const KEY: &str = "encoding";
const FORM: &str = "application/x-www-form-urlencoded";

/// How a property is written, with defaults filled in.
#[derive(PartialEq)]
struct Encoding {
    media_types: BTreeSet<String>,
    style: String,
    explode: bool,
    allow_reserved: bool,
    /// The digest of the headers.
    headers: Option<u64>,
}

/// Returns `true` for a media type whose properties have encodings. The name has no parameters.
pub(super) fn is_form(media_type: &str) -> bool {
    media_type == FORM || media_type.starts_with("multipart/")
}

/// Returns `true` if a property is written in another way. The encoding of a property that only one body declares is part of
/// the property.
pub(super) fn is_changed(recorder: &mut Recorder, pair: &Pair, media_type: &str) -> bool {
    if !is_form(media_type) {
        return false;
    }
    let bodies = [&pair.base, &pair.revision];
    let names: BTreeSet<_> =
        bodies.iter().flat_map(|body| body.members_of(KEY)).map(|(name, _)| name).collect();
    names.into_iter().any(|name| {
        let properties = bodies.map(|body| property(&body.get("schema")?, name, MAX_DEPTH));
        if properties[0].is_some() != properties[1].is_some() {
            return false;
        }
        let [base, revision] = [0, 1].map(|side| {
            let node = bodies[side].get(KEY).and_then(|encodings| encodings.get(name));
            let property = properties[side].as_ref();
            let default = property.map_or("", |property| self::media_type(property, MAX_DEPTH));
            let [written, default] =
                [node.as_ref(), None].map(|node| encoding(recorder, node, default, media_type));
            Some(written).filter(|written| *written != default)
        });
        base != revision
    })
}

/// Returns the encoding without what the specification ignores for the media type of the body. OpenAPI 3.0 and 3.1 differ
/// in `multipart/form-data`, whose styles count here.
fn encoding(recorder: &mut Recorder, node: Option<&ResolvedNode>, default: &str, body: &str) -> Encoding {
    let has_style = matches!(body, FORM | "multipart/form-data");
    let styled = node.filter(|_| has_style);
    let text = |node: Option<&ResolvedNode<'_>>, key, default| -> String {
        let text = node.map(|node| node.text(key)).filter(|text| !text.is_empty());
        text.unwrap_or(default).to_owned()
    };
    let style = text(styled, "style", "form");
    let explode = styled.and_then(|node| node.value.get("explode")).and_then(Value::as_bool);
    let headers = node.filter(|_| body != FORM).and_then(|node| node.get("headers"));
    let headers = headers.filter(|headers| !headers.members().is_empty());
    let media_types = text(node, "contentType", default);
    Encoding {
        media_types: media_types.split(',').map(|name| name.trim().to_ascii_lowercase()).collect(),
        explode: explode.unwrap_or(style == "form"),
        style,
        allow_reserved: styled.is_some_and(|node| node.flag("allowReserved")),
        headers: headers.map(|headers| recorder.digests.full(&headers, &HEADERS)),
    }
}

/// Returns the schema of a property, wherever the schema of the body declares the property.
fn property<'a>(schema: &ResolvedNode<'a>, name: &str, depth: usize) -> Option<ResolvedNode<'a>> {
    let depth = depth.checked_sub(1)?;
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    let parts = || ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|key| schema.items_of(key));
    own.or_else(|| parts().find_map(|part| property(&part, name, depth)))
}

/// Returns the media type that a property has without an encoding.
fn media_type(schema: &ResolvedNode, depth: usize) -> &'static str {
    let Some(depth) = depth.checked_sub(1) else { return "" };
    match (schema.types().as_slice(), schema.text("format")) {
        (["string"], "binary") => "application/octet-stream",
        (["string" | "number" | "integer" | "boolean"], _) => "text/plain",
        (["object"], _) => "application/json",
        (["array"], _) => schema.get("items").map_or("", |items| media_type(&items, depth)),
        _ => match schema.items_of("allOf").as_slice() {
            [part] => media_type(part, depth),
            _ => "",
        },
    }
}
