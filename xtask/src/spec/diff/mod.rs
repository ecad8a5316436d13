//! What changed from one document to another, and what it means: on the wire, and for the generated client.
//!
//! Pure but for [`run`]: two values in, findings out. The walk ([`document`] and below) says *that* something changed
//! and under which rule; how bad that is stands in the table ([`mod@rules`]).

mod body;
mod context;
mod document;
mod finding;
mod ignore;
mod inherit;
mod node;
mod normalized;
mod operation;
mod parameters;
mod paths;
mod recorder;
mod report;
mod responses;
mod rules;
mod schema;
mod security;
mod servers;
mod severity;

#[cfg(fuzzing)]
pub(crate) use self::report::all_formats;
pub(crate) use self::{
    finding::Finding,
    report::{ReportOptions, markdown},
    rules::{Rule, all as rules},
};
use serde_json::Value;

use self::node::{Pair, ResolvedNode};

/// Every change from one document to the other. Nothing is asked of the two: what is no document says nothing.
pub(crate) fn diff(base: &Value, revision: &Value) -> Vec<Finding> {
    document::compare(&Pair { base: ResolvedNode::root(base), revision: ResolvedNode::root(revision) })
}

#[cfg(test)]
mod tests;
