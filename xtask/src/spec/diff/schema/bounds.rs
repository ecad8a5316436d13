//! Bounds: minimum and maximum of values, lengths and counts, `uniqueItems` and `multipleOf`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::pair::SchemaPair;
use crate::spec::diff::{contract::compare_numbers, recorder::Recorder, rules::SchemaChange};

use SchemaChange as Is;

/// The keys of bounds, with the changes when they are set, unset, increased and decreased.
const BOUNDS: [(&str, [SchemaChange; 4]); 8] = [
    ("maximum", [Is::MaxSet, Is::MaxUnset, Is::MaxIncreased, Is::MaxDecreased]),
    ("maxLength", [Is::MaxLengthSet, Is::MaxLengthUnset, Is::MaxLengthIncreased, Is::MaxLengthDecreased]),
    ("maxItems", [Is::MaxItemsSet, Is::MaxItemsUnset, Is::MaxItemsIncreased, Is::MaxItemsDecreased]),
    (
        "maxProperties",
        [
            Is::MaxPropertiesSet,
            Is::MaxPropertiesUnset,
            Is::MaxPropertiesIncreased,
            Is::MaxPropertiesDecreased,
        ],
    ),
    ("minimum", [Is::MinSet, Is::MinUnset, Is::MinIncreased, Is::MinDecreased]),
    // A missing `minLength` means 0, so it is never set or unset.
    (
        "minLength",
        [Is::MinLengthIncreased, Is::MinLengthDecreased, Is::MinLengthIncreased, Is::MinLengthDecreased],
    ),
    ("minItems", [Is::MinItemsSet, Is::MinItemsUnset, Is::MinItemsIncreased, Is::MinItemsDecreased]),
    (
        "minProperties",
        [
            Is::MinPropertiesSet,
            Is::MinPropertiesUnset,
            Is::MinPropertiesIncreased,
            Is::MinPropertiesDecreased,
        ],
    ),
];

pub(super) fn compare(pair: &SchemaPair, recorder: &mut Recorder) {
    for (key, changes) in BOUNDS {
        compare_bound(pair, recorder, key, changes);
    }
    let exclusive = (Is::ExclusiveMaxSet, Is::ExclusiveMaxUnset);
    compare_exclusive(pair, recorder, "exclusiveMaximum", "maximum", exclusive);
    let exclusive = (Is::ExclusiveMinSet, Is::ExclusiveMinUnset);
    compare_exclusive(pair, recorder, "exclusiveMinimum", "minimum", exclusive);
    pair.report_flag(recorder, "uniqueItems", SchemaChange::UniqueItemsSet, SchemaChange::UniqueItemsUnset);
    compare_multiple_of(pair, recorder);
}

fn compare_bound(pair: &SchemaPair, recorder: &mut Recorder, key: &str, changes: [SchemaChange; 4]) {
    let [set, unset, increased, decreased] = changes;
    let (base, revision) = (number(pair.nodes.base.value, key), number(pair.nodes.revision.value, key));
    let zero = Number::from(0);
    let change = match (base, revision) {
        (None, None) => return,
        (Some(base), Some(revision)) => compare_numbers(base, revision),
        // A missing length or count means 0.
        (None, Some(bound)) | (Some(bound), None)
            if key.starts_with("min") && key != "minimum" && *bound == zero =>
        {
            return;
        }
        (None, Some(_)) => return pair.report_key(recorder, set, key),
        (Some(_), None) => return pair.report_key(recorder, unset, key),
    };
    match change {
        Some(Ordering::Less) => pair.report_key(recorder, increased, key),
        Some(Ordering::Greater) => pair.report_key(recorder, decreased, key),
        Some(Ordering::Equal) | None => {}
    }
}

/// Compares the flag that makes a bound exclusive. In OpenAPI 3.0 the flag is ignored without the bound.
fn compare_exclusive(
    pair: &SchemaPair,
    recorder: &mut Recorder,
    key: &str,
    bound: &str,
    (set, unset): (SchemaChange, SchemaChange),
) {
    let bounded = |schema| number(schema, bound).is_some();
    if bounded(pair.nodes.base.value) && bounded(pair.nodes.revision.value) {
        pair.report_flag(recorder, key, set, unset);
    }
}

fn compare_multiple_of(pair: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "multipleOf";
    let suffix = match (number(pair.nodes.base.value, KEY), number(pair.nodes.revision.value, KEY)) {
        (None, None) => return,
        (None, Some(_)) => SchemaChange::MultipleOfSet,
        (Some(_), None) => SchemaChange::MultipleOfUnset,
        (Some(base), Some(revision)) => match compare_numbers(base, revision) {
            Some(Ordering::Equal) | None => return,
            Some(_) => SchemaChange::MultipleOfChanged,
        },
    };
    pair.report_key(recorder, suffix, KEY);
}

fn number<'a>(schema: &'a Value, key: &str) -> Option<&'a Number> {
    schema.get(key)?.as_number()
}
