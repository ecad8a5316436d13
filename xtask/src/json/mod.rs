//! JSON as the pipeline needs it: every mistake has a place, and no rewriting by accident.

mod canonical;
mod compare;
mod indent;
mod parse;
mod pointer;

pub(crate) use self::{
    canonical::canonical,
    compare::{difference, equivalent, excerpt},
    indent::indent,
    parse::parse,
    pointer::Pointer,
};
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The members in the order of their keys, whatever order the map keeps.
pub(crate) fn sorted(object: &Object) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    members
}
