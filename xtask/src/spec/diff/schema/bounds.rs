//! How large, how long, how many.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::SchemaPair;
use crate::spec::diff::recorder::Recorder;

/// A key, what its rules are called, and whether its absence means zero.
const UPPER: [(&str, &str); 4] = [
    ("maximum", "max"),
    ("maxLength", "max-length"),
    ("maxItems", "max-items"),
    ("maxProperties", "max-properties"),
];
const LOWER: [(&str, &str); 4] = [
    ("minimum", "min"),
    ("minLength", "min-length"),
    ("minItems", "min-items"),
    ("minProperties", "min-properties"),
];

pub(super) fn compare(task: &SchemaPair, recorder: &mut Recorder) {
    for (key, word) in UPPER.into_iter().chain(LOWER) {
        bound(task, recorder, key, word);
    }
    exclusive(task, recorder, "exclusiveMaximum", "maximum", "exclusive-max");
    exclusive(task, recorder, "exclusiveMinimum", "minimum", "exclusive-min");
    task.report_flag(recorder, "uniqueItems", "unique-items-set", "unique-items-unset");
    multiple_of(task, recorder);
}

fn bound(task: &SchemaPair, recorder: &mut Recorder, key: &str, word: &str) {
    let (base, revision) = (number(task.pair.base.value, key), number(task.pair.revision.value, key));
    let zero = Number::from(0);
    let happened = match (base, revision) {
        (None, None) => return,
        (Some(base), Some(revision)) => turn(base, revision),
        // Nothing is shorter than nothing, so there always was a least length.
        (None, Some(revision)) if key == "minLength" => turn(&zero, revision),
        (Some(base), None) if key == "minLength" => turn(base, &zero),
        // The same of the least number of items and properties, but there zero is no bound that anyone sets.
        (None, Some(bound)) | (Some(bound), None)
            if key.starts_with("min") && key != "minimum" && *bound == zero =>
        {
            return;
        }
        (None, Some(_)) => Some("set"),
        (Some(_), None) => Some("unset"),
    };
    if let Some(happened) = happened {
        task.report_key(recorder, &format!("{word}-{happened}"), key);
    }
}

/// In 3.0 a flag beside the bound, and nothing without it.
fn exclusive(task: &SchemaPair, recorder: &mut Recorder, key: &str, of: &str, word: &str) {
    let bounded = |schema| number(schema, of).is_some();
    if bounded(task.pair.base.value) && bounded(task.pair.revision.value) {
        task.report_flag(recorder, key, &format!("{word}-set"), &format!("{word}-unset"));
    }
}

fn multiple_of(task: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "multipleOf";
    let word = match (number(task.pair.base.value, KEY), number(task.pair.revision.value, KEY)) {
        (None, None) => return,
        (None, Some(_)) => "multiple-of-set",
        (Some(_), None) => "multiple-of-unset",
        (Some(base), Some(revision)) => match turn(base, revision) {
            Some(_) => "multiple-of-changed",
            None => return,
        },
    };
    task.report_key(recorder, word, KEY);
}

fn number<'a>(schema: &'a Value, key: &str) -> Option<&'a Number> {
    schema.get(key)?.as_number()
}

/// Which way a number went; `None` where it is the same however it is written.
fn turn(from: &Number, to: &Number) -> Option<&'static str> {
    let exact = from.as_i128().zip(to.as_i128()).map(|(from, to)| from.cmp(&to));
    let order = exact.or_else(|| from.as_f64()?.partial_cmp(&to.as_f64()?));
    match order? {
        Ordering::Less => Some("increased"),
        Ordering::Greater => Some("decreased"),
        Ordering::Equal => None,
    }
}
