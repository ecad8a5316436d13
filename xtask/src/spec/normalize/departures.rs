//! Departures from the specification whose meaning is clear.

use serde_json::{Number, Value, json};

use crate::{
    json::{Object, Pointer, excerpt},
    spec::{
        diagnostics::Diagnostics,
        validate::object_model::{Kind, Model},
    },
};

/// Names of types in programming languages, with the types that they mean.
const ABBREVIATIONS: [(&str, &str); 6] = [
    ("bool", "boolean"),
    ("float", "number"),
    ("int", "integer"),
    ("list", "array"),
    ("map", "object"),
    ("str", "string"),
];

/// Converts a value of the wrong type if it can mean only one thing: a number or text in the place of the other, as YAML
/// without quotes has them.
pub(super) fn convert(value: &mut Value, kind: &Kind, at: &Pointer, problems: &mut Diagnostics) {
    let converted = match (kind, &*value) {
        (Kind::Text, Value::Number(number)) => json!(number.to_string()),
        (Kind::Text, Value::Bool(flag)) => json!(flag.to_string()),
        (Kind::Number | Kind::Count, Value::String(text)) => match text.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => return,
        },
        (Kind::Type, Value::String(name)) => match ABBREVIATIONS.iter().find(|(short, _)| short == name) {
            Some((_, full)) => json!(full),
            None => return,
        },
        (Kind::Bool, Value::String(text)) if text == "true" || text == "false" => json!(text == "true"),
        (Kind::Map(..) | Kind::Object(_) | Kind::OrRef(_), Value::Null) => json!({}),
        _ => return,
    };
    let expected = match kind {
        Kind::Text => "a string",
        Kind::Number | Kind::Count => "a number",
        Kind::Bool => "true or false",
        Kind::Type => "a type",
        _ => "an object",
    };
    let message = format!("expected {expected}, found {}; read as {converted}", excerpt(value));
    problems.departure(at.clone(), message);
    *value = converted;
}

/// Removes members that are `null`. The type `null` of a schema of OpenAPI 3.1 means `"null"`.
pub(super) fn remove_nulls(
    members: &mut Object,
    model: &Model,
    at: &Pointer,
    is_later: bool,
    problems: &mut Diagnostics,
) {
    for (name, kind) in model.all_members() {
        if matches!(kind, Kind::Any) || members.get(name) != Some(&Value::Null) {
            continue;
        }
        if is_later && matches!(kind, Kind::Type) {
            members.insert(name.to_owned(), json!("null"));
            problems.departure(at.child(name), "expected \"null\", found null; read as \"null\"");
        } else {
            members.remove(name);
            problems.departure(at.child(name), "found null, read as missing");
        }
    }
}

/// Adds the slash to paths that begin without one.
pub(super) fn add_slashes(paths: &mut Object, at: &Pointer, problems: &mut Diagnostics) {
    let without =
        |path: &&String| !path.starts_with('/') && !path.starts_with("x-") && !path.starts_with('$');
    let without: Vec<_> = paths.keys().filter(without).cloned().collect();
    for path in without {
        let with = format!("/{path}");
        if !paths.contains_key(&with)
            && let Some(item) = paths.remove(&path)
        {
            problems.departure(at.child(&path), format!("expected a leading slash, read as {with:?}"));
            paths.insert(with, item);
        }
    }
}

/// Adds what an object must have, if there is only one choice.
pub(super) fn complete(members: &mut Object, model: &Model, at: &Pointer, problems: &mut Diagnostics) {
    let is_path_parameter =
        model.name == "a parameter" && members.get("in").is_some_and(|location| location == "path");
    if is_path_parameter && members.get("required") != Some(&Value::Bool(true)) {
        let message = "expected true, because path parameters are always required; read as true";
        problems.departure(at.child("required"), message);
        members.insert("required".to_owned(), Value::Bool(true));
    }
}
