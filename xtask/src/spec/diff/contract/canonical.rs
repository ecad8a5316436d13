//! The one form of alternatives that accept the same values.

use super::{
    alternative::{Alternative, Kind, Property, Rest, property},
    key::Key,
    limit::{Limit, stricter},
    pattern, word,
};

/// Returns the one form of all alternatives that accept the same values. Returns `None` if no value is
/// accepted.
pub(super) fn canonical(alternative: Alternative) -> Option<Alternative> {
    canonical_into(alternative, &mut Vec::new())
}

/// Equivalent to [`canonical`]. Adds an alternative whose keywords contradict each other to `empty`.
fn canonical_into(mut alternative: Alternative, empty: &mut Vec<Alternative>) -> Option<Alternative> {
    if alternative.integer {
        for high in alternative.formats.iter().filter_map(|format| highest(format)) {
            let [low, high] =
                [-high - 1, high].map(|value| Some(Limit { value: value.into(), exclusive: false }));
            alternative.low = stricter(alternative.low.take(), low, true);
            alternative.high = stricter(alternative.high.take(), high, false);
        }
        alternative.low = alternative.low.map(|limit| limit.of_integers(true));
        alternative.high = alternative.high.map(|limit| limit.of_integers(false));
    }
    alternative.patterns.retain(|pattern| !pattern::is_trivial(pattern));
    let is_empty = alternative.size.is_empty()
        || matches!((&alternative.low, &alternative.high), (Some(low), Some(high)) if !low.contains(&high.value, true) || !high.contains(&low.value, false))
        || alternative.required.iter().any(|name| is_impossible(property(&alternative, name)));
    if is_empty && !alternative.mistaken {
        empty.push(alternative);
        return None;
    }
    if alternative.rest == Rest::Closed {
        // Readers of responses open closed objects, and then the schema of a forbidden property counts.
        alternative.properties.retain(|_, property| !property.forbidden || property.key != Key::ANYTHING);
    }
    if let Some(mut words) = alternative.words.take() {
        words.retain(|_, word| word::accepted(&alternative, word) != Some(false));
        let all = Alternative::all(alternative.kind);
        alternative = match alternative.kind {
            Kind::Array | Kind::Object => alternative,
            _ => {
                Alternative { exclusions: alternative.exclusions, conditions: alternative.conditions, ..all }
            }
        };
        let is_complete = match alternative.kind {
            Kind::Null => !words.is_empty(),
            Kind::Boolean => words.len() == 2,
            _ => false,
        };
        alternative.words = (!is_complete).then_some(words);
    }
    alternative.words.as_ref().is_none_or(|words| !words.is_empty()).then_some(alternative)
}

/// Returns the one form of each alternative. If none of them accepts a value, they are kept as a mistake.
pub(super) fn canonical_or_mistaken(alternatives: Vec<Alternative>) -> Vec<Alternative> {
    let mut empty = Vec::new();
    let mut all: Vec<_> = alternatives.into_iter().filter_map(|a| canonical_into(a, &mut empty)).collect();
    if all.is_empty() {
        for mut alternative in empty {
            alternative.mistaken = true;
            // A closed part forbids what another part declares.
            let declared = alternative.properties.values_mut().filter(|p| p.key != Key::ANYTHING);
            declared.for_each(|property| property.forbidden = false);
            all.extend(canonical(alternative));
        }
    }
    all
}

/// Returns the highest integer of a format.
pub(super) fn highest(format: &str) -> Option<i64> {
    match format {
        "int32" => Some(i64::from(i32::MAX)),
        "int64" => Some(i64::MAX),
        _ => None,
    }
}

/// Returns `true` if a required property is forbidden and sent in both directions.
pub(super) fn is_impossible(property: Property) -> bool {
    property.forbidden && !property.read_only && !property.write_only
}
