use super::{node::Pair, security::Schemes};

/// An operation, and what around it says something about it.
#[derive(Debug)]
pub(super) struct OperationContext<'a, 'b> {
    pub(super) document: &'b Pair<'a>,
    pub(super) item: &'b Pair<'a>,
    pub(super) operation: Pair<'a>,
    pub(super) schemes: &'b Schemes,
    /// Parameters of the path that have another name now: the old and the new.
    pub(super) renamed: &'b [(&'b str, &'b str)],
}
