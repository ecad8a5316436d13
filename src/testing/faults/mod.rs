//! Faults that a test can inject, and the scripts that select requests and tasks.

pub(crate) mod canned_response;
pub(crate) mod corrupt;
pub(crate) mod fault;
pub(crate) mod rate_limit;
pub(crate) mod replace;
pub(crate) mod retry_after;
pub(crate) mod route;
pub(crate) mod script;
pub(crate) mod task_outcome;

pub use self::{
    fault::Fault,
    rate_limit::RateLimit,
    retry_after::RetryAfterFormat,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};
