//! The context in which an operation is compared.

use super::{node::Pair, security::SchemeNames};

/// An operation with its document, its path item, and the names that changed between the documents.
#[derive(Debug)]
pub(super) struct OperationContext<'a, 'b> {
    pub(super) document: &'b Pair<'a>,
    pub(super) item: &'b Pair<'a>,
    pub(super) operation: Pair<'a>,
    /// The new names of the security schemes.
    pub(super) schemes: &'b SchemeNames,
    /// The old and new names of the path parameters that were renamed.
    pub(super) renamed: &'b [(&'b str, &'b str)],
}
