//! The changes between two documents, and what they mean on the wire and for the generated client.
//!
//! Everything but [`report`] and [`ignore`] is pure: two values in, findings out. The comparison, which
//! starts in [`document`], finds the changes and selects a rule for each. The rule table ([`mod@rules`])
//! defines the levels.

mod body;
mod context;
mod contract;
mod document;
mod encoding;
mod finding;
mod format;
mod ignore;
mod inherit;
mod node;
mod notation;
mod operation;
mod parameters;
mod path_items;
mod paths;
mod recorder;
mod report;
mod responses;
mod rules;
mod schema;
mod security;
mod segments;
mod servers;
mod severity;

#[cfg(distribute_ai_fuzzing)]
pub(crate) use self::report::all_formats;
pub(crate) use self::{
    finding::Finding,
    report::{ReportOptions, markdown},
    rules::{DocumentChange, Rule, all as rules},
    severity::{ClientLevel, WireLevel},
};
use serde_json::Value;

use self::{
    finding::Values,
    node::{Pair, ResolvedNode},
};

/// Returns all changes from one document to the other. Any two values can be compared, even invalid
/// documents.
pub(crate) fn diff(base: &Value, revision: &Value) -> Vec<Finding> {
    let [old, new] = servers::moved_base_path(base, revision);
    let (base, revision) = (ResolvedNode::with_prefix(base, old), ResolvedNode::with_prefix(revision, new));
    document::compare(&Pair { base, revision })
}

/// Returns the finding of a page that has no document to compare, with the reason. It affects nothing if other pages have
/// the operations of the page.
pub(crate) fn page(change: DocumentChange, page: &str, reason: &str, is_moved: bool) -> Finding {
    let reason = Value::from(reason);
    let values = Values { before: None, after: Some(&reason) };
    let mut finding = Finding::new(change.rule(), Default::default(), None, "", values).on_page(page);
    if is_moved {
        finding.cap(WireLevel::Info, "other pages have all of its operations");
    } else {
        finding.client = ClientLevel::Breaking;
    }
    finding
}

#[cfg(test)]
mod tests;
