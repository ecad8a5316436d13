//! `properties`, `required` and `additionalProperties`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{composition, pair::SchemaPair, parts::Object};
use crate::spec::diff::{
    node::{Pair, ResolvedNode, matched},
    recorder::{Recorder, nearest_pointer},
    rules::{Direction, DocumentChange, SchemaChange, SchemaPosition},
};

/// Compares the properties and required names of two objects, which are the schemas of the pair with or without their parts.
pub(super) fn compare_named<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
    [base, revision]: [Object<'a>; 2],
) {
    let (before, after) = (&base.required, &revision.required);
    let matched = matched(base.firsts(), revision.firsts());
    let mut seen = BTreeSet::new();
    for (name, property) in &matched.removed {
        seen.insert(name.as_str());
        let rule = removed(pair.position.direction(), property, before.contains(name.as_str()));
        let parent = nearest_pointer(&pair.nodes.revision, "properties");
        recorder.report(rule, (&property.at, &parent), &subject(pair, name));
    }
    for (name, property) in &matched.added {
        seen.insert(name.as_str());
        // A name that was required before, without a schema, is not a new requirement.
        let required = after.contains(name.as_str()) && !before.contains(name.as_str());
        let rule = added(pair.position.direction(), property, required);
        let parent = nearest_pointer(&pair.nodes.base, "properties");
        recorder.report(rule, (&parent, &property.at), &subject(pair, name));
    }
    for (name, property) in matched.both {
        seen.insert(name.as_str());
        let (was, is) = (before.contains(name.as_str()), after.contains(name.as_str()));
        if let Some(rule) = required_change(pair.position.direction(), &property, was, is) {
            let at = (&property.base.at, &property.revision.at);
            recorder.report(rule, at, &subject(pair, name));
        }
        let position = property_position(pair.position, &property);
        let within = pair.within_object(property, &format!("/{name}"));
        match (&base.properties[name], &revision.properties[name]) {
            (old, new) if old.len() > 1 || new.len() > 1 => {
                let of_name = SchemaPair { position, index: pair.index, ..within };
                composition::compare_parts(&of_name, recorder, pending, old.clone(), new.clone());
            }
            _ => pending.push(SchemaPair { position, property: Some(is), ..within }),
        }
    }
    // Required names without a schema.
    for name in before.symmetric_difference(after).filter(|name| !seen.contains(*name)) {
        let is = after.contains(name);
        if let Some(rule) = required_change(pair.position.direction(), &pair.nodes, !is, is) {
            let at = (
                &nearest_pointer(&pair.nodes.base, "required"),
                &nearest_pointer(&pair.nodes.revision, "required"),
            );
            recorder.report(rule, at, &subject(pair, name));
        }
    }
}

fn removed(direction: Direction, property: &ResolvedNode, required: bool) -> DocumentChange {
    match (direction, required) {
        (Direction::Request, _) if property.flag("readOnly") => {
            DocumentChange::RequestReadOnlyPropertyRemoved
        }
        (Direction::Request, _) => DocumentChange::RequestPropertyRemoved,
        (Direction::Response, true) if property.flag("writeOnly") => {
            DocumentChange::ResponseRequiredWriteOnlyPropertyRemoved
        }
        (Direction::Response, false) if property.flag("writeOnly") => {
            DocumentChange::ResponseOptionalWriteOnlyPropertyRemoved
        }
        (Direction::Response, true) => DocumentChange::ResponseRequiredPropertyRemoved,
        (Direction::Response, false) => DocumentChange::ResponseOptionalPropertyRemoved,
    }
}

fn added(direction: Direction, property: &ResolvedNode, required: bool) -> DocumentChange {
    match (direction, required) {
        (Direction::Request, _) if property.flag("readOnly") => DocumentChange::RequestReadOnlyPropertyAdded,
        (Direction::Request, true) if property.value.get("default").is_some() => {
            DocumentChange::NewRequiredRequestPropertyWithDefault
        }
        (Direction::Request, true) => DocumentChange::NewRequiredRequestProperty,
        (Direction::Request, false) => DocumentChange::NewOptionalRequestProperty,
        (Direction::Response, true) if property.flag("writeOnly") => {
            DocumentChange::ResponseRequiredWriteOnlyPropertyAdded
        }
        (Direction::Response, false) if property.flag("writeOnly") => {
            DocumentChange::ResponseOptionalWriteOnlyPropertyAdded
        }
        (Direction::Response, true) => DocumentChange::ResponseRequiredPropertyAdded,
        (Direction::Response, false) => DocumentChange::ResponseOptionalPropertyAdded,
    }
}

/// Returns the rule for a property that became required or optional, if it did.
fn required_change(direction: Direction, pair: &Pair, was: bool, is: bool) -> Option<DocumentChange> {
    let has_flag = |key| pair.flags(key) == (true, true);
    Some(match (direction, was, is) {
        (_, false, false) | (_, true, true) => return None,
        (Direction::Request, false, _) if has_flag("readOnly") => {
            DocumentChange::RequestReadOnlyPropertyBecameRequired
        }
        (Direction::Request, true, _) if has_flag("readOnly") => {
            DocumentChange::RequestReadOnlyPropertyBecameOptional
        }
        (Direction::Request, false, _) if pair.revision.value.get("default").is_some() => {
            DocumentChange::RequestPropertyBecameRequiredWithDefault
        }
        (Direction::Request, false, _) => DocumentChange::RequestPropertyBecameRequired,
        (Direction::Request, true, _) => DocumentChange::RequestPropertyBecameOptional,
        (Direction::Response, false, _) if has_flag("writeOnly") => {
            DocumentChange::ResponseWriteOnlyPropertyBecameRequired
        }
        (Direction::Response, true, _) if has_flag("writeOnly") => {
            DocumentChange::ResponseWriteOnlyPropertyBecameOptional
        }
        (Direction::Response, false, _) => DocumentChange::ResponsePropertyBecameRequired,
        (Direction::Response, true, _) => DocumentChange::ResponsePropertyBecameOptional,
    })
}

/// The properties that a schema allows beyond the named ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Additional {
    /// Any property.
    Open,
    /// Only the named properties.
    Closed,
    /// Properties that match a schema.
    Typed,
}

/// Compares `additionalProperties`.
pub(super) fn compare_additional<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
) {
    const KEY: &str = "additionalProperties";
    let (base, revision) = pair.nodes.sides(KEY);
    let suffix = match (additional(base.as_ref()), additional(revision.as_ref())) {
        (Additional::Typed, Additional::Typed) => {
            pending.extend(pair.nodes.get(KEY).map(|nodes| pair.within_object(nodes, "/*")));
            return;
        }
        (base, revision) if base == revision => return,
        (Additional::Open, Additional::Closed) => SchemaChange::AdditionalPropertiesClosed,
        (Additional::Closed, Additional::Open) => SchemaChange::AdditionalPropertiesOpened,
        (Additional::Open, _) => SchemaChange::AdditionalPropertiesNarrowed,
        (_, Additional::Open) => SchemaChange::AdditionalPropertiesWidened,
        (Additional::Typed, _) => SchemaChange::MapClosed,
        (Additional::Closed, _) => SchemaChange::MapOpened,
    };
    pair.report_key(recorder, suffix, KEY);
}

fn additional(node: Option<&ResolvedNode>) -> Additional {
    match node.map(|node| node.value) {
        Some(Value::Bool(false)) => Additional::Closed,
        Some(Value::Object(schema)) if !schema.is_empty() => Additional::Typed,
        _ => Additional::Open,
    }
}

/// Returns the position of a property of a schema at this position.
fn property_position(parent: SchemaPosition, pair: &Pair) -> SchemaPosition {
    match parent.within() {
        SchemaPosition::RequestProperty if pair.flags("readOnly") == (true, true) => {
            SchemaPosition::RequestReadOnlyProperty
        }
        SchemaPosition::ResponseProperty if pair.flags("writeOnly") == (true, true) => {
            SchemaPosition::ResponseWriteOnlyProperty
        }
        position => position,
    }
}

fn subject(pair: &SchemaPair, name: &str) -> String {
    format!("{}/{name}", pair.subject)
}
