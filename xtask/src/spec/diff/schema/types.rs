//! `type` and `format`: what kind of value it is.

use super::SchemaPair;
use crate::spec::diff::{recorder::Recorder, rules::Direction};

/// How what one schema takes relates to what the other takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    Wider,
    Narrower,
    /// Another type that is the same text where everything is text.
    Text,
    Other,
}

/// Says what became of type and format; whether the rest of the two schemas is worth comparing.
pub(super) fn compare(task: &SchemaPair, recorder: &mut Recorder) -> bool {
    let text = |key| (task.pair.base.text(key), task.pair.revision.text(key));
    let mut types = of_types(text("type"));
    if types == Change::Other && !task.typed && is_text(task, text("type")) {
        types = Change::Text;
    }
    // The format of another type is another matter.
    let formats = match types {
        Change::Other | Change::Text => Change::Same,
        _ => of_formats(text("format")),
    };
    let key = if types == Change::Same { "format" } else { "type" };
    match together(types, formats) {
        Change::Same => {}
        Change::Wider => task.report_key(recorder, "type-generalized", key),
        Change::Narrower => task.report_key(recorder, "type-specialized", key),
        Change::Text => task.report_key(recorder, "type-compatible", key),
        Change::Other => task.report_key(recorder, "type-changed", key),
    }
    !matches!(types, Change::Text | Change::Other)
}

fn of_types((base, revision): (&str, &str)) -> Change {
    match (base, revision) {
        (base, revision) if base == revision => Change::Same,
        (_, "") | ("integer", "number") => Change::Wider,
        ("", _) | ("number", "integer") => Change::Narrower,
        _ => Change::Other,
    }
}

fn of_formats((base, revision): (&str, &str)) -> Change {
    /// The first of each is within the second.
    const WITHIN: [(&str, &str); 4] =
        [("int32", "int64"), ("float", "double"), ("date", "date-time"), ("time", "date-time")];
    match (base, revision) {
        (base, revision) if base == revision => Change::Same,
        (_, "") => Change::Wider,
        ("", _) => Change::Narrower,
        pair if WITHIN.contains(&pair) => Change::Wider,
        (base, revision) if WITHIN.contains(&(revision, base)) => Change::Narrower,
        _ => Change::Other,
    }
}

fn together(types: Change, formats: Change) -> Change {
    match (types, formats) {
        (Change::Same, other) | (other, Change::Same) => other,
        (one, other) if one == other => one,
        _ => Change::Other,
    }
}

/// Whether every text of the one type is one of the other: who reads it sees no difference.
fn is_text(task: &SchemaPair, (base, revision): (&str, &str)) -> bool {
    let (written, read) = match task.position.direction() {
        Direction::Request => (base, revision),
        Direction::Response => (revision, base),
    };
    matches!(written, "boolean" | "integer" | "number") && read == "string"
}
