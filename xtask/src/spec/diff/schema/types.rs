//! `type` and `format`.

use super::pair::SchemaPair;
use crate::spec::diff::{
    format,
    notation::Notation,
    recorder::Recorder,
    rules::{Direction, SchemaChange},
};

/// The relation between the values that the old and the new schema accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    Wider,
    Narrower,
    /// Another type, but every value has the same text. Counts only where values are sent as text, as in a
    /// query.
    SameText,
    Other,
}

/// Reports changes of type and format, without the type `null`. Returns `true` if the rest of the two schemas should be compared too.
pub(super) fn compare(pair: &SchemaPair, recorder: &mut Recorder) -> bool {
    let (base, revision) = (pair.nodes.base.types_beside_null(), pair.nodes.revision.types_beside_null());
    let mut types = type_change(&base, &revision);
    if types == Change::Other
        && pair.notation != Notation::Typed
        && is_text_compatible(pair, &base, &revision)
    {
        types = Change::SameText;
    }
    // Formats of different types are not comparable.
    let formats = match types {
        Change::Other | Change::SameText => Change::Same,
        _ => format_change((pair.nodes.base.text("format"), pair.nodes.revision.text("format"))),
    };
    let key = if types == Change::Same { "format" } else { "type" };
    match combined(types, formats) {
        Change::Same => {}
        Change::Wider => pair.report_key(recorder, SchemaChange::TypeGeneralized, key),
        Change::Narrower => pair.report_key(recorder, SchemaChange::TypeSpecialized, key),
        Change::SameText => pair.report_key(recorder, SchemaChange::TypeCompatible, key),
        Change::Other => pair.report_key(recorder, SchemaChange::TypeChanged, key),
    }
    !matches!(types, Change::SameText | Change::Other)
}

fn type_change(base: &[&str], revision: &[&str]) -> Change {
    match (includes(revision, base), includes(base, revision)) {
        (true, true) => Change::Same,
        (true, false) => Change::Wider,
        (false, true) => Change::Narrower,
        (false, false) => Change::Other,
    }
}

/// Returns `true` if one list of types allows each of another. The empty list allows all.
fn includes(types: &[&str], others: &[&str]) -> bool {
    let allowed = |name: &&str| types.contains(name) || (*name == "integer" && types.contains(&"number"));
    types.is_empty() || (!others.is_empty() && others.iter().all(allowed))
}

fn format_change((base, revision): (&str, &str)) -> Change {
    match (base, revision) {
        (base, revision) if base == revision => Change::Same,
        (_, "") => Change::Wider,
        ("", _) => Change::Narrower,
        (base, revision) if format::includes(revision, base) => Change::Wider,
        (base, revision) if format::includes(base, revision) => Change::Narrower,
        _ => Change::Other,
    }
}

fn combined(types: Change, formats: Change) -> Change {
    match (types, formats) {
        (Change::Same, other) | (other, Change::Same) => other,
        (one, other) if one == other => one,
        _ => Change::Other,
    }
}

/// Returns `true` if every text that the writer may send is valid for the reader's type.
fn is_text_compatible(pair: &SchemaPair, base: &[&str], revision: &[&str]) -> bool {
    let (written, read) = match pair.position.direction() {
        Direction::Request => (base, revision),
        Direction::Response => (revision, base),
    };
    read == ["string"] && written.iter().all(|name| matches!(*name, "boolean" | "integer" | "number"))
}
