//! Finds the references of a value, by the object model of OpenAPI. A `$ref` in an example is data.

use serde_json::Value;

use crate::{
    json::{Object, Pointer},
    spec::validate::object_model::{DISCRIMINATOR, Keys, Kind, Model, SCHEMA_OR_REFERENCE},
};

/// A reference.
pub(super) struct Reference {
    /// The pointer of the text.
    pub(super) at: Pointer,
    pub(super) text: String,
    /// The kind of the target.
    pub(super) kind: &'static Kind,
    /// `true` if OpenAPI allows no reference here. Then `at` is the pointer of the object with the reference.
    pub(super) is_inclusion: bool,
}

/// Adds the references of the value at `at`. `is_new` returns `true` if an object was not visited before as this model.
///
/// The recursion is limited, because the parsers limit the depth of a value.
pub(super) fn walk(
    kind: &'static Kind,
    value: &Value,
    at: &Pointer,
    is_new: &mut dyn FnMut(&Pointer, usize) -> bool,
    found: &mut Vec<Reference>,
) {
    if let (true, Some(Value::String(text))) = (may_include(kind), value.get("$ref")) {
        found.push(Reference { at: at.clone(), text: text.clone(), kind, is_inclusion: true });
        return;
    }
    match (kind, value) {
        (Kind::Object(model), Value::Object(members)) => object(model, members, at, is_new, found),
        (Kind::OrRef(model), Value::Object(members)) => {
            let address = std::ptr::from_ref(*model) as usize;
            if !add_reference(members, at, kind, found) && is_new(at, address) {
                object(model, members, at, is_new, found);
            }
        }
        (Kind::BoolOrSchema, Value::Object(_)) => walk(&SCHEMA_OR_REFERENCE, value, at, is_new, found),
        (Kind::List(item) | Kind::NonEmpty(item), Value::Array(items)) => {
            for (index, value) in items.iter().enumerate() {
                walk(item, value, &at.child(index), is_new, found);
            }
        }
        (Kind::Map(keys, item), Value::Object(members)) => {
            if *keys == Keys::Callback && add_reference(members, at, kind, found) {
                return;
            }
            for (key, value) in members.iter().filter(|(key, _)| !keys.is_extension(key)) {
                walk(item, value, &at.child(key), is_new, found);
            }
        }
        _ => {}
    }
}

/// Returns `true` if a `$ref` with a string can only be an inclusion. In a map of strings, it can be a key like any other.
fn may_include(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Any
            | Kind::OrRef(_)
            | Kind::BoolOrSchema
            | Kind::Map(Keys::Callback, _)
            | Kind::Map(_, Kind::Any | Kind::Text)
    )
}

fn object(
    model: &'static Model,
    members: &Object,
    at: &Pointer,
    is_new: &mut dyn FnMut(&Pointer, usize) -> bool,
    found: &mut Vec<Reference>,
) {
    for (key, kind) in model.all_members() {
        if let Some(value) = members.get(key) {
            walk(kind, value, &at.child(key), is_new, found);
        }
    }
    if std::ptr::eq(model, &raw const DISCRIMINATOR) {
        add_mapping(members, at, found);
    }
}

/// Adds the reference of an object, if it has one.
fn add_reference(members: &Object, at: &Pointer, kind: &'static Kind, found: &mut Vec<Reference>) -> bool {
    let Some(Value::String(text)) = members.get("$ref") else { return false };
    found.push(Reference { at: at.child("$ref"), text: text.clone(), kind, is_inclusion: false });
    true
}

/// Adds the references of a discriminator. Its values may also be names of schemas.
fn add_mapping(members: &Object, at: &Pointer, found: &mut Vec<Reference>) {
    let Some(Value::Object(mapping)) = members.get("mapping") else { return };
    let at = at.child("mapping");
    for (key, value) in mapping {
        let Value::String(text) = value else { continue };
        let is_reference = text.contains(['/', '#'])
            || [".json", ".yaml", ".yml"].iter().any(|extension| text.ends_with(extension));
        if is_reference {
            found.push(Reference {
                at: at.child(key),
                text: text.clone(),
                kind: &SCHEMA_OR_REFERENCE,
                is_inclusion: false,
            });
        }
    }
}
