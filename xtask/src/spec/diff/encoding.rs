//! The encodings of the properties of a body.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    node::{MAX_DEPTH, Pair, ResolvedNode},
    recorder::Recorder,
};
use crate::spec::validate::object_model::HEADERS;

const KEY: &str = "encoding";

/// How a property is written, with defaults filled in.
#[derive(PartialEq)]
struct Encoding {
    media_types: Vec<String>,
    style: String,
    explode: bool,
    allow_reserved: bool,
    /// The digest of the headers.
    headers: Option<u64>,
}

/// Returns `true` for a media type whose properties have encodings. The name has no parameters.
pub(super) fn is_form(media_type: &str) -> bool {
    media_type == "application/x-www-form-urlencoded" || media_type.starts_with("multipart/")
}

/// Returns `true` if a property of the two bodies is written in another way.
pub(super) fn is_changed(recorder: &mut Recorder, pair: &Pair, media_type: &str) -> bool {
    is_form(media_type) && encodings(recorder, &pair.base) != encodings(recorder, &pair.revision)
}

/// Returns the encodings that differ from the default, by property.
fn encodings<'a>(recorder: &mut Recorder, body: &ResolvedNode<'a>) -> BTreeMap<&'a str, Encoding> {
    let schema = body.get("schema");
    let mut encodings = BTreeMap::new();
    for (name, node) in body.members_of(KEY) {
        let property = schema.as_ref().and_then(|schema| property(schema, name, MAX_DEPTH));
        let default = property.map_or("", |property| media_type(&property, MAX_DEPTH));
        let [written, default] = [Some(&node), None].map(|node| encoding(recorder, node, default));
        if written != default {
            encodings.insert(name.as_str(), written);
        }
    }
    encodings
}

fn encoding(recorder: &mut Recorder, node: Option<&ResolvedNode>, default: &str) -> Encoding {
    let text = |key| node.map(|node| node.text(key)).filter(|text| !text.is_empty());
    let style = text("style").unwrap_or("form");
    let explode = node.and_then(|node| node.value.get("explode")).and_then(Value::as_bool);
    let headers = node.and_then(|node| node.get("headers")).filter(|headers| !headers.members().is_empty());
    let media_types = text("contentType").unwrap_or(default).split(',');
    Encoding {
        media_types: media_types.map(|name| name.trim().to_ascii_lowercase()).collect(),
        style: style.to_owned(),
        explode: explode.unwrap_or(style == "form"),
        allow_reserved: node.is_some_and(|node| node.flag("allowReserved")),
        headers: headers.map(|headers| recorder.digests.full(&headers, &HEADERS)),
    }
}

fn property<'a>(schema: &ResolvedNode<'a>, name: &str, depth: usize) -> Option<ResolvedNode<'a>> {
    let depth = depth.checked_sub(1)?;
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    own.or_else(|| schema.items_of("allOf").iter().find_map(|part| property(part, name, depth)))
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
