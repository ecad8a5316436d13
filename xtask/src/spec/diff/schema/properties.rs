//! The members of an object: which there are, which must be there, and what else may be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::SchemaPair;
use crate::spec::diff::{
    finding::Values,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, nearest_pointer},
    rules::{Direction, SchemaPosition},
};

pub(super) fn compare<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    named(task, recorder, open);
    additional(task, recorder, open);
}

fn named<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    let before = required(&task.pair.base);
    let after = required(&task.pair.revision);
    let matched = task.pair.members_of("properties");
    let mut seen = BTreeSet::new();
    for (name, property) in &matched.removed {
        seen.insert(name.as_str());
        let rule = removed(task.position.direction(), property, before.contains(name.as_str()));
        let parent = nearest_pointer(&task.pair.revision, "properties");
        recorder.report(rule, (&property.at, &parent), &subject(task, name), Values::default());
    }
    for (name, property) in &matched.added {
        seen.insert(name.as_str());
        // A name that had to be there without a schema asks for nothing new.
        let required = after.contains(name.as_str()) && !before.contains(name.as_str());
        let rule = added(task.position.direction(), property, required);
        let parent = nearest_pointer(&task.pair.base, "properties");
        recorder.report(rule, (&parent, &property.at), &subject(task, name), Values::default());
    }
    for (name, pair) in matched.both {
        seen.insert(name.as_str());
        let (was, is) = (before.contains(name.as_str()), after.contains(name.as_str()));
        let rule = turned(task.position.direction(), &pair, was, is);
        if let Some(rule) = rule {
            recorder.report(
                rule,
                (&pair.base.at, &pair.revision.at),
                &subject(task, name),
                Values::default(),
            );
        }
        let site = site(task.position, &pair);
        open.push(SchemaPair {
            position: site,
            property: Some(is),
            ..task.within(pair, &format!("/{name}"))
        });
    }
    // Names that are asked for and never described.
    for name in before.symmetric_difference(&after).filter(|name| !seen.contains(*name)) {
        let now = after.contains(name);
        if let Some(rule) = turned(task.position.direction(), &task.pair, !now, now) {
            let at = (
                &nearest_pointer(&task.pair.base, "required"),
                &nearest_pointer(&task.pair.revision, "required"),
            );
            recorder.report(rule, at, &subject(task, name), Values::default());
        }
    }
}

fn removed(direction: Direction, property: &ResolvedNode, required: bool) -> &'static str {
    match (direction, required) {
        (Direction::Request, _) if property.flag("readOnly") => "request-read-only-property-removed",
        (Direction::Request, _) => "request-property-removed",
        (Direction::Response, true) if property.flag("writeOnly") => {
            "response-required-write-only-property-removed"
        }
        (Direction::Response, false) if property.flag("writeOnly") => {
            "response-optional-write-only-property-removed"
        }
        (Direction::Response, true) => "response-required-property-removed",
        (Direction::Response, false) => "response-optional-property-removed",
    }
}

fn added(direction: Direction, property: &ResolvedNode, required: bool) -> &'static str {
    match (direction, required) {
        (Direction::Request, _) if property.flag("readOnly") => "request-read-only-property-added",
        (Direction::Request, true) if property.value.get("default").is_some() => {
            "new-required-request-property-with-default"
        }
        (Direction::Request, true) => "new-required-request-property",
        (Direction::Request, false) => "new-optional-request-property",
        (Direction::Response, true) if property.flag("writeOnly") => {
            "response-required-write-only-property-added"
        }
        (Direction::Response, false) if property.flag("writeOnly") => {
            "response-optional-write-only-property-added"
        }
        (Direction::Response, true) => "response-required-property-added",
        (Direction::Response, false) => "response-optional-property-added",
    }
}

/// What to say of a property that must be there now, or need not be any more.
fn turned(direction: Direction, pair: &Pair, was: bool, is: bool) -> Option<&'static str> {
    let marked = |key| pair.flags(key) == (true, true);
    Some(match (direction, was, is) {
        (_, false, false) | (_, true, true) => return None,
        (Direction::Request, false, _) if marked("readOnly") => "request-read-only-property-became-required",
        (Direction::Request, true, _) if marked("readOnly") => "request-read-only-property-became-optional",
        (Direction::Request, false, _) if pair.revision.value.get("default").is_some() => {
            "request-property-became-required-with-default"
        }
        (Direction::Request, false, _) => "request-property-became-required",
        (Direction::Request, true, _) => "request-property-became-optional",
        (Direction::Response, false, _) if marked("writeOnly") => {
            "response-write-only-property-became-required"
        }
        (Direction::Response, true, _) if marked("writeOnly") => {
            "response-write-only-property-became-optional"
        }
        (Direction::Response, false, _) => "response-property-became-required",
        (Direction::Response, true, _) => "response-property-became-optional",
    })
}

/// What the schema says of properties that it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Open,
    Closed,
    Typed,
}

fn additional<'a>(task: &SchemaPair<'a>, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
    const KEY: &str = "additionalProperties";
    let (base, revision) = task.pair.sides(KEY);
    let word = match (others(base.as_ref()), others(revision.as_ref())) {
        (Others::Typed, Others::Typed) => {
            open.extend(task.pair.get(KEY).map(|pair| task.within(pair, "/*")));
            return;
        }
        (base, revision) if base == revision => return,
        (Others::Open, Others::Closed) => "additional-properties-closed",
        (Others::Closed, Others::Open) => "additional-properties-opened",
        (Others::Open, _) => "additional-properties-narrowed",
        (_, Others::Open) => "additional-properties-widened",
        (Others::Typed, _) => "map-closed",
        (Others::Closed, _) => "map-opened",
    };
    task.report_key(recorder, word, KEY);
}

fn others(node: Option<&ResolvedNode>) -> Others {
    match node.map(|node| node.value) {
        Some(Value::Bool(false)) => Others::Closed,
        Some(Value::Object(schema)) if !schema.is_empty() => Others::Typed,
        _ => Others::Open,
    }
}

fn site(of: SchemaPosition, pair: &Pair) -> SchemaPosition {
    match of.within() {
        SchemaPosition::RequestProperty if pair.flags("readOnly") == (true, true) => {
            SchemaPosition::RequestReadOnlyProperty
        }
        SchemaPosition::ResponseProperty if pair.flags("writeOnly") == (true, true) => {
            SchemaPosition::ResponseWriteOnlyProperty
        }
        site => site,
    }
}

fn required<'a>(node: &ResolvedNode<'a>) -> BTreeSet<&'a str> {
    let names = node.value.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn subject(task: &SchemaPair, name: &str) -> String {
    format!("{}/{name}", task.subject)
}
