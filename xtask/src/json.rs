//! JSON as the pipeline needs it: every mistake has a place, and no rewriting by accident.

mod canonical;
mod compare;
mod indent;
mod parse;
mod pointer;

pub(crate) use canonical::canonical;
pub(crate) use compare::{difference, equivalent, excerpt};
pub(crate) use indent::indent;
pub(crate) use parse::parse;
pub(crate) use pointer::Pointer;
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The members in the order of their keys, whatever order the map keeps.
pub(crate) fn sorted(object: &Object) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    members
}
