//! Decides whether a request may be sent again, and submits at most once where a second attempt could be billed.

pub(crate) mod backoff;
pub(crate) mod in_doubt;
mod into_error;
pub(crate) mod label;
pub(crate) mod policy;
pub(crate) mod submit;
