//! JSON helpers of the pipeline: strict parsing, pointers, equality and printing.
//!
//! Two values are equal if [`equivalent`] returns `true`, or, which is the same, if their [`normalized`]
//! texts are equal.

mod canonical;
mod compare;
mod indent;
mod normalized;
mod parse;
mod pointer;
mod raw;

pub(crate) use self::{
    canonical::canonical,
    compare::{difference, equivalent, excerpt},
    indent::indent,
    normalized::{normalized, normalized_number},
    parse::{MAX_DEPTH, duplicate_key, error_lines, parse, too_deep},
    pointer::{Pointer, percent_decoded},
    raw::{replace_at, text_at},
};
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Returns the members of an object, sorted by key, in whatever order the map keeps them.
pub(crate) fn sorted(object: &Object) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    members
}
