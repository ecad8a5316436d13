//! Brings a document of any author into the terms of OpenAPI 3.0, so that it can be compared.
//!
//! Two kinds of differences go. Keywords of OpenAPI 3.1 become those of 3.0 with the same meaning ([`schema`]). Departures
//! from the specification whose meaning is clear become what they mean ([`departures`]), with a warning.
//!
//! `build` and `drift` do not normalize: what the generator reads must follow the specification.

mod departures;
mod schema;

use std::collections::HashSet;

use serde_json::Value;

use super::{
    diagnostics::{Diagnostic, Diagnostics},
    validate::{
        is_about,
        object_model::{DOCUMENT, Keys, Kind, Model, PATH_ITEM, SCHEMA, SCHEMA_OR_REFERENCE},
    },
};
use crate::json::{Object, Pointer};

/// Returns the normalized document, and a warning for each departure.
pub(crate) fn normalize(mut document: Value) -> (Value, Vec<Diagnostic>) {
    let is_later = match &document["openapi"] {
        Value::String(version) => is_about("3.1", version),
        // YAML without quotes.
        version => is_about("3.1", &version.to_string()),
    };
    let mut normalizer = Normalizer {
        is_later,
        problems: Diagnostics::lenient(),
        visited: HashSet::new(),
        targets: Vec::new(),
    };
    add_targets_of_path_items(&mut document);
    normalizer.read(&mut document, &DOCUMENT, &Pointer::default());
    // References may lead to values that the object model does not reach, such as `#/definitions/Pet`.
    let mut followed = HashSet::new();
    while let Some((at, kind)) = normalizer.targets.pop() {
        if !normalizer.visited.contains(&at)
            && followed.insert(at.clone())
            && let Some(target) = document.pointer_mut(at.as_str())
        {
            normalizer.read(target, kind, &at);
        }
    }
    (document, normalizer.problems.into_vec())
}

/// The maximum number of references to follow from a path item.
const MAX_REFERENCES: usize = 64;

/// Replaces the reference of each path item that has other members too by the members of its target. Both versions of
/// OpenAPI allow these members. The meaning of a member that both have is undefined; here the path item counts.
fn add_targets_of_path_items(document: &mut Value) {
    for section in ["paths", "webhooks"] {
        let items = document.get(section).and_then(Value::as_object).into_iter().flatten();
        let items = items.filter_map(|(path, item)| Some((path, item.as_object()?)));
        let with_members = items.filter(|(_, item)| item.contains_key("$ref") && item.len() > 1);
        let complete = |item: &Object| {
            let mut item = item.clone();
            for _ in 0..MAX_REFERENCES {
                let target = item.get("$ref").and_then(Value::as_str).and_then(Pointer::of_reference);
                let target = target.and_then(|at| document.pointer(at.as_str())?.as_object());
                let Some(target) = target else { break };
                item.remove("$ref");
                for (key, value) in target {
                    item.entry(key).or_insert_with(|| value.clone());
                }
            }
            item
        };
        let completed: Vec<_> = with_members.map(|(path, item)| (path.clone(), complete(item))).collect();
        for (path, item) in completed {
            document[section][path] = Value::Object(item);
        }
    }
}

struct Normalizer {
    /// `true` for OpenAPI 3.1.
    is_later: bool,
    problems: Diagnostics,
    visited: HashSet<Pointer>,
    /// The targets of references, with the kinds that are expected there.
    targets: Vec<(Pointer, &'static Kind)>,
}

impl Normalizer {
    fn read(&mut self, value: &mut Value, kind: &'static Kind, at: &Pointer) {
        departures::convert(value, kind, at, &mut self.problems);
        match (kind, value) {
            (Kind::List(kind) | Kind::NonEmpty(kind), Value::Array(items)) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.read(item, kind, &at.child(i));
                }
            }
            (Kind::Map(keys, kind), Value::Object(members)) => self.map(members, *keys, kind, at),
            (Kind::Object(model), Value::Object(members)) => self.object(members, model, at),
            (Kind::OrRef(model), value) => self.or_ref(value, model, kind, at),
            (Kind::BoolOrSchema, value @ Value::Object(_)) => {
                self.or_ref(value, &SCHEMA, &SCHEMA_OR_REFERENCE, at);
            }
            _ => {}
        }
    }

    fn map(&mut self, members: &mut Object, keys: Keys, kind: &'static Kind, at: &Pointer) {
        if let Some(reference) = members.get("$ref").filter(|_| keys == Keys::Callback) {
            return self.follow(&reference.clone(), kind);
        }
        if keys == Keys::Path {
            departures::add_slashes(members, at, &mut self.problems);
        }
        for (key, value) in members.iter_mut().filter(|(key, _)| !keys.is_extension(key)) {
            self.read(value, kind, &at.child(key));
        }
    }

    fn or_ref(&mut self, value: &mut Value, model: &'static Model, kind: &'static Kind, at: &Pointer) {
        let is_schema = model.name == SCHEMA.name;
        if is_schema {
            schema::replace_bool(value);
        }
        let Value::Object(members) = value else { return };
        if let Some(reference) = members.get("$ref").filter(|reference| reference.is_string()).cloned() {
            self.follow(&reference, kind);
            if !self.is_later || members.len() == 1 {
                return;
            }
            if !is_schema && model.name == PATH_ITEM.name {
                // Validation warns of the members that are not read.
                return;
            }
            if !is_schema {
                // A summary or description beside the reference.
                members.retain(|key, _| key == "$ref");
                return;
            }
            schema::move_reference_into_all_of(members);
        }
        self.object(members, model, at);
    }

    fn follow(&mut self, reference: &Value, kind: &'static Kind) {
        let target = reference.as_str().and_then(Pointer::of_reference);
        self.targets.extend(target.map(|target| (target, kind)));
    }

    fn object(&mut self, members: &mut Object, model: &'static Model, at: &Pointer) {
        if !self.visited.insert(at.clone()) {
            return;
        }
        departures::remove_nulls(members, model, at, self.is_later, &mut self.problems);
        if model.name == SCHEMA.name {
            schema::normalize(members, at, self.is_later, &mut self.problems);
        }
        departures::complete(members, model, at, &mut self.problems);
        for (key, value) in members.iter_mut() {
            if let Some(kind) = model.kind_of(key) {
                self.read(value, kind, &at.child(key));
            }
        }
    }
}

#[cfg(test)]
mod tests;
