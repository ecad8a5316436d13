//! Bounds: minimum and maximum of values, lengths and counts, `uniqueItems` and `multipleOf`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::pair::SchemaPair;
use crate::spec::diff::recorder::Recorder;

/// The keys of upper bounds, with the names of their rules.
const UPPER: [(&str, &str); 4] = [
    ("maximum", "max"),
    ("maxLength", "max-length"),
    ("maxItems", "max-items"),
    ("maxProperties", "max-properties"),
];
/// The keys of lower bounds, with the names of their rules.
const LOWER: [(&str, &str); 4] = [
    ("minimum", "min"),
    ("minLength", "min-length"),
    ("minItems", "min-items"),
    ("minProperties", "min-properties"),
];

pub(super) fn compare(pair: &SchemaPair, recorder: &mut Recorder) {
    for (key, name) in UPPER.into_iter().chain(LOWER) {
        compare_bound(pair, recorder, key, name);
    }
    compare_exclusive(pair, recorder, "exclusiveMaximum", "maximum", "exclusive-max");
    compare_exclusive(pair, recorder, "exclusiveMinimum", "minimum", "exclusive-min");
    pair.report_flag(recorder, "uniqueItems", "unique-items-set", "unique-items-unset");
    compare_multiple_of(pair, recorder);
}

fn compare_bound(pair: &SchemaPair, recorder: &mut Recorder, key: &str, name: &str) {
    let (base, revision) = (number(pair.nodes.base.value, key), number(pair.nodes.revision.value, key));
    let zero = Number::from(0);
    let change = match (base, revision) {
        (None, None) => return,
        (Some(base), Some(revision)) => number_change(base, revision),
        // A missing `minLength` means 0.
        (None, Some(revision)) if key == "minLength" => number_change(&zero, revision),
        (Some(base), None) if key == "minLength" => number_change(base, &zero),
        // A missing `minItems` or `minProperties` means 0 too. Unlike `minLength`, both have rules for set
        // and unset.
        (None, Some(bound)) | (Some(bound), None)
            if key.starts_with("min") && key != "minimum" && *bound == zero =>
        {
            return;
        }
        (None, Some(_)) => Some("set"),
        (Some(_), None) => Some("unset"),
    };
    if let Some(change) = change {
        pair.report_key(recorder, &format!("{name}-{change}"), key);
    }
}

/// Compares the flag that makes a bound exclusive. In OpenAPI 3.0 the flag is ignored without the bound.
fn compare_exclusive(pair: &SchemaPair, recorder: &mut Recorder, key: &str, bound: &str, name: &str) {
    let bounded = |schema| number(schema, bound).is_some();
    if bounded(pair.nodes.base.value) && bounded(pair.nodes.revision.value) {
        pair.report_flag(recorder, key, &format!("{name}-set"), &format!("{name}-unset"));
    }
}

fn compare_multiple_of(pair: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "multipleOf";
    let suffix = match (number(pair.nodes.base.value, KEY), number(pair.nodes.revision.value, KEY)) {
        (None, None) => return,
        (None, Some(_)) => "multiple-of-set",
        (Some(_), None) => "multiple-of-unset",
        (Some(base), Some(revision)) => match number_change(base, revision) {
            Some(_) => "multiple-of-changed",
            None => return,
        },
    };
    pair.report_key(recorder, suffix, KEY);
}

fn number<'a>(schema: &'a Value, key: &str) -> Option<&'a Number> {
    schema.get(key)?.as_number()
}

/// Returns `increased` or `decreased`. Returns `None` if the values are equal, such as 1 and 1.0.
fn number_change(from: &Number, to: &Number) -> Option<&'static str> {
    let exact = from.as_i128().zip(to.as_i128()).map(|(from, to)| from.cmp(&to));
    let order = exact.or_else(|| from.as_f64()?.partial_cmp(&to.as_f64()?));
    match order? {
        Ordering::Less => Some("increased"),
        Ordering::Greater => Some("decreased"),
        Ordering::Equal => None,
    }
}
