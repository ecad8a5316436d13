//! Decides whether a request may be sent again, and sends it at most once where a second attempt could be billed.

pub(crate) mod backoff;
mod into_error;
pub(crate) mod policy;
pub(crate) mod submit;
