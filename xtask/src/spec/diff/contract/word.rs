//! Single values and the alternatives that accept them.

use serde_json::{Number, Value};

use super::{
    alternative::{Alternative, Kind},
    limit::{Limit, is_integer, is_multiple},
    pattern,
};
use crate::json::normalized;

/// Returns `true` if the alternative accepts the value. Returns `None` if that is unknown.
pub(super) fn accepted(alternative: &Alternative, word: &Value) -> Option<bool> {
    if Kind::of(word) != alternative.kind {
        return Some(false);
    }
    if alternative.words.as_ref().is_some_and(|words| !words.contains_key(&normalized(word))) {
        return Some(false);
    }
    let known = match word {
        Value::Number(number) => Some(number_accepted(alternative, number)),
        Value::String(text) => text_accepted(alternative, text),
        Value::Array(_) | Value::Object(_) => {
            let all = Alternative { words: None, ..alternative.clone() }.is_all();
            if all || alternative.words.is_some() { Some(true) } else { None }
        }
        _ => Some(true),
    };
    let is_complete = alternative.exclusions.is_empty() && alternative.conditions.is_empty();
    if is_complete { known } else { known.filter(|known| !known) }
}

/// Returns the value as it is written in a text. The text "1" and the number 1 are the same there.
pub(super) fn text(word: &Value) -> String {
    word.as_str().map_or_else(|| normalized(word), str::to_owned)
}

fn number_accepted(alternative: &Alternative, number: &Number) -> bool {
    let within = |limit: &Option<Limit>, up| limit.as_ref().is_none_or(|limit| limit.contains(number, up));
    within(&alternative.low, true)
        && within(&alternative.high, false)
        && (!alternative.integer || is_integer(number))
        && alternative.steps.iter().all(|step| is_multiple(number, step))
        && alternative.formats.iter().all(|format| format_holds(format, number))
}

fn format_holds(format: &str, number: &Number) -> bool {
    match format {
        "int32" => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => number.as_f64().is_none_or(|number| number.abs() <= 9.3e18),
        _ => true,
    }
}

fn text_accepted(alternative: &Alternative, text: &str) -> Option<bool> {
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    if length < alternative.size.min || alternative.size.max.is_some_and(|max| length > max) {
        return Some(false);
    }
    let mut known = Some(true);
    let patterns = alternative.patterns.iter().map(|pattern| pattern::matched(pattern, text));
    let formats = alternative.formats.iter().map(|format| has_format(format, text));
    for answer in patterns.chain(formats) {
        match answer {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// Returns `true` if the text has the format. Returns `None` for formats that are not checked.
fn has_format(format: &str, text: &str) -> Option<bool> {
    let shape = |shape: &str| {
        text.chars().count() == shape.len()
            && text.chars().zip(shape.chars()).all(|(c, kind)| match kind {
                'x' => c.is_ascii_hexdigit(),
                '0' => c.is_ascii_digit(),
                other => c == other,
            })
    };
    match format {
        "uuid" => Some(shape("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")),
        "date" => Some(shape("0000-00-00")),
        "date-time" if !text.starts_with(|c: char| c.is_ascii_digit()) => Some(false),
        _ => None,
    }
}
