//! `enum`, `pattern` and `default`: which values, and which one if none is given.

use std::collections::BTreeMap;

use serde_json::Value;

use super::SchemaPair;
use crate::spec::diff::{
    finding::Values,
    normalized::normalized,
    recorder::{Recorder, same_values},
};

pub(super) fn compare(task: &SchemaPair, recorder: &mut Recorder) {
    enums(task, recorder);
    pattern(task, recorder);
    default(task, recorder);
}

fn enums(task: &SchemaPair, recorder: &mut Recorder) {
    let values = |schema: &Value| -> Option<BTreeMap<String, Value>> {
        let values = schema.get("enum")?.as_array()?;
        Some(values.iter().map(|value| (normalized(value), value.clone())).collect())
    };
    match (values(task.pair.base.value), values(task.pair.revision.value)) {
        (None, None) => {}
        (None, Some(_)) => task.report_key(recorder, "became-enum", "enum"),
        (Some(_), None) => task.report_key(recorder, "no-longer-enum", "enum"),
        (Some(base), Some(revision)) => {
            for (_, value) in base.iter().filter(|(key, _)| !revision.contains_key(*key)) {
                let gone = Values { before: Some(value), after: None };
                task.report_at(recorder, "enum-value-removed", "enum", gone);
            }
            for (_, value) in revision.iter().filter(|(key, _)| !base.contains_key(*key)) {
                let new = Values { before: None, after: Some(value) };
                task.report_at(recorder, "enum-value-added", "enum", new);
            }
        }
    }
}

fn pattern(task: &SchemaPair, recorder: &mut Recorder) {
    let word = match (task.pair.base.text("pattern"), task.pair.revision.text("pattern")) {
        (base, revision) if base == revision => return,
        ("", _) => "pattern-added",
        (_, "") => "pattern-removed",
        (_, ".*" | "^.*$") => "pattern-generalized",
        _ => "pattern-changed",
    };
    task.report_key(recorder, word, "pattern");
}

fn default(task: &SchemaPair, recorder: &mut Recorder) {
    let (base, revision) = (task.pair.base.value.get("default"), task.pair.revision.value.get("default"));
    let word = match (base, revision) {
        (base, revision) if same_values(base, revision) => return,
        (None, _) => "default-value-added",
        (_, None) => "default-value-removed",
        _ => "default-value-changed",
    };
    task.report_key(recorder, word, "default");
}
