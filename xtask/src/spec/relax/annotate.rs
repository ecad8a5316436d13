//! Rules that replace keywords by documentation, because the server applies them.
//!
//! The description contains them as text. Members such as `x-default` contain them for other uses of the spec, such as the JSON
//! schemas of the feature `schemars`.

use serde_json::Value;

use super::constraints::{UNIONS, take_requirements};
use crate::{
    json::Object,
    spec::{extract::OpenTypes, schema_locations::SchemaLocation},
};

/// The members that the build writes: those of these rules, and that of `openapi/constructors.toml`.
const RESERVED: [&str; 9] = [
    "x-default",
    "x-pattern",
    "x-not",
    "x-enum",
    "x-anyOf",
    "x-oneOf",
    "x-minLength",
    "x-maxLength",
    "x-constructor",
];

/// Removes the members of a page that the build would take for its own.
pub(super) fn drop_reserved_extensions(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let before = schema.len();
    schema.retain(|key, _| !RESERVED.contains(&key.as_str()));
    schema.len() != before
}

pub(super) fn document_defaults(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let Some(default) = schema.remove("default") else {
        return false;
    };
    let default_text = match &default {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    };
    append_sentence(schema, &format!("Default: {default_text}, chosen by the server."));
    schema.insert("x-default".to_owned(), default);
    true
}

pub(super) fn document_patterns(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let Some(Value::String(pattern)) = schema.remove("pattern") else {
        return false;
    };
    append_sentence(schema, &format!("Pattern: `{pattern}`, checked by the server."));
    schema.insert("x-pattern".to_owned(), pattern.into());
    true
}

/// Replaces the limits of the length of a text.
pub(super) fn document_lengths(schema: &mut Object) {
    for (keyword, hidden, limit) in
        [("minLength", "x-minLength", "At least"), ("maxLength", "x-maxLength", "At most")]
    {
        if let Some(length) = schema.remove(keyword) {
            append_sentence(schema, &format!("{limit} {length} characters, checked by the server."));
            schema.insert(hidden.to_owned(), length);
        }
    }
}

/// Replaces `anyOf` and `oneOf` whose alternatives only require properties.
pub(super) fn document_requirements(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let documented = UNIONS.map(|union| {
        let Some(alternatives) = take_requirements(schema, union) else { return false };
        let sets: Vec<_> =
            alternatives.iter().map(|alternative| format!("`{}`", alternative["required"])).collect();
        let count = if union == "oneOf" { "Exactly" } else { "At least" };
        append_sentence(
            schema,
            &format!("{count} one of these is required, checked by the server: {}.", sets.join(", ")),
        );
        schema.insert(format!("x-{union}"), alternatives.into());
        true
    });
    documented.contains(&true)
}

pub(super) fn document_exclusions(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    let Some(excluded) = schema.remove("not") else {
        return false;
    };
    append_sentence(schema, &format!("Excluded: `{excluded}`, checked by the server."));
    schema.insert("x-not".to_owned(), excluded);
    true
}

/// Replaces the enum of a boolean.
pub(super) fn document_booleans(schema: &mut Object, _: &SchemaLocation, _: &OpenTypes) -> bool {
    if schema.get("type").is_none_or(|kind| kind != "boolean") {
        return false;
    }
    let Some(Value::Array(values)) = schema.remove("enum") else {
        return false;
    };
    if let [only] = values.as_slice() {
        append_sentence(schema, &format!("Always `{only}`, checked by the server."));
    }
    schema.insert("x-enum".to_owned(), values.into());
    true
}

/// Adds a sentence to the description.
fn append_sentence(schema: &mut Object, sentence: &str) {
    let before = schema.get("description").and_then(Value::as_str).unwrap_or_default().trim_end();
    let description = match before.chars().last() {
        None => sentence.to_owned(),
        Some('.' | '!' | '?') => format!("{before} {sentence}"),
        Some(_) => format!("{before}. {sentence}"),
    };
    schema.insert("description".to_owned(), description.into());
}
