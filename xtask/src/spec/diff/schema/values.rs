//! `enum`, `pattern` and `default`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pair::SchemaPair;
use crate::{
    json::normalized,
    spec::diff::{
        finding::Values,
        node::{MAX_DEPTH, ResolvedNode},
        recorder::{Recorder, same_values},
        rules::SchemaChange,
    },
};

pub(super) fn compare(pair: &SchemaPair, recorder: &mut Recorder) {
    compare_enum(pair, recorder);
    compare_pattern(pair, recorder);
    compare_default(pair, recorder);
}

fn compare_enum(pair: &SchemaPair, recorder: &mut Recorder) {
    let values = |schema: &Value| -> Option<BTreeMap<String, Value>> {
        let values = schema.get("enum")?.as_array()?;
        Some(values.iter().map(|value| (normalized(value), value.clone())).collect())
    };
    match (values(pair.nodes.base.value), values(pair.nodes.revision.value)) {
        (None, None) => {}
        (None, Some(_)) => pair.report_key(recorder, SchemaChange::BecameEnum, "enum"),
        (Some(_), None) => pair.report_key(recorder, SchemaChange::NoLongerEnum, "enum"),
        (Some(base), Some(revision)) => {
            for (_, value) in base.iter().filter(|(key, _)| !revision.contains_key(*key)) {
                let values = Values { before: Some(value), after: None };
                pair.report_at(recorder, SchemaChange::EnumValueRemoved, "enum", values);
            }
            for (_, value) in revision.iter().filter(|(key, _)| !base.contains_key(*key)) {
                let values = Values { before: None, after: Some(value) };
                pair.report_at(recorder, SchemaChange::EnumValueAdded, "enum", values);
            }
        }
    }
}

fn compare_pattern(pair: &SchemaPair, recorder: &mut Recorder) {
    let suffix = match (pair.nodes.base.text("pattern"), pair.nodes.revision.text("pattern")) {
        (base, revision) if base == revision => return,
        ("", _) => SchemaChange::PatternAdded,
        (_, "") => SchemaChange::PatternRemoved,
        (_, ".*" | "^.*$") => SchemaChange::PatternGeneralized,
        _ => SchemaChange::PatternChanged,
    };
    pair.report_key(recorder, suffix, "pattern");
}

/// Returns the default that a part of the schema has.
fn default_of_parts<'a>(node: &ResolvedNode<'a>, depth: usize) -> Option<&'a Value> {
    let depth = depth.checked_sub(1)?;
    let mut parts = node.items_of("allOf").into_iter();
    parts.find_map(|part| part.value.get("default").or_else(|| default_of_parts(&part, depth)))
}

fn compare_default(pair: &SchemaPair, recorder: &mut Recorder) {
    let (base, revision) = (pair.nodes.base.value.get("default"), pair.nodes.revision.value.get("default"));
    let suffix = match (base, revision) {
        (base, revision) if same_values(base, revision) => return,
        (None, _) if same_values(default_of_parts(&pair.nodes.base, MAX_DEPTH), revision) => return,
        (_, None) if same_values(base, default_of_parts(&pair.nodes.revision, MAX_DEPTH)) => return,
        (None, _) => SchemaChange::DefaultValueAdded,
        (_, None) => SchemaChange::DefaultValueRemoved,
        _ => SchemaChange::DefaultValueChanged,
    };
    pair.report_key(recorder, suffix, "default");
}
