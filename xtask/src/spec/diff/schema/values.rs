//! `enum`, `pattern` and `default`: which values, and which one if none is given.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Task;
use crate::spec::diff::{
    finding::Values,
    spelling::spelling,
    walk::{Walk, same},
};

pub(super) fn compare(task: &Task, walk: &mut Walk) {
    enums(task, walk);
    pattern(task, walk);
    default(task, walk);
}

fn enums(task: &Task, walk: &mut Walk) {
    let values = |schema: &Value| -> Option<BTreeMap<String, Value>> {
        let values = schema.get("enum")?.as_array()?;
        Some(values.iter().map(|value| (spelling(value), value.clone())).collect())
    };
    match (values(task.pair.base.value), values(task.pair.revision.value)) {
        (None, None) => {}
        (None, Some(_)) => task.say_key(walk, "became-enum", "enum"),
        (Some(_), None) => task.say_key(walk, "no-longer-enum", "enum"),
        (Some(base), Some(revision)) => {
            for (_, value) in base.iter().filter(|(key, _)| !revision.contains_key(*key)) {
                let gone = Values { before: Some(value), after: None };
                task.say_at(walk, "enum-value-removed", "enum", gone);
            }
            for (_, value) in revision.iter().filter(|(key, _)| !base.contains_key(*key)) {
                let new = Values { before: None, after: Some(value) };
                task.say_at(walk, "enum-value-added", "enum", new);
            }
        }
    }
}

fn pattern(task: &Task, walk: &mut Walk) {
    let word = match (task.pair.base.text("pattern"), task.pair.revision.text("pattern")) {
        (base, revision) if base == revision => return,
        ("", _) => "pattern-added",
        (_, "") => "pattern-removed",
        (_, ".*" | "^.*$") => "pattern-generalized",
        _ => "pattern-changed",
    };
    task.say_key(walk, word, "pattern");
}

fn default(task: &Task, walk: &mut Walk) {
    let (base, revision) = (task.pair.base.value.get("default"), task.pair.revision.value.get("default"));
    let word = match (base, revision) {
        (base, revision) if same(base, revision) => return,
        (None, _) => "default-value-added",
        (_, None) => "default-value-removed",
        _ => "default-value-changed",
    };
    task.say_key(walk, word, "default");
}
