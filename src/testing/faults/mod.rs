//! Faults that a test can inject, and the scripts that select requests and tasks.

pub(crate) mod active_script;
pub(crate) mod audio_host;
pub(crate) mod canned_response;
pub(crate) mod corrupt;
pub(crate) mod fault;
pub(crate) mod filter;
pub(crate) mod rate_limit;
pub(crate) mod received_request;
pub(crate) mod replace;
pub(crate) mod retry_after;
pub(crate) mod route;
pub(crate) mod script;
pub(crate) mod seconds;
pub(crate) mod selection;
pub(crate) mod task_outcome;

pub use self::{
    audio_host::AudioHost,
    fault::Fault,
    rate_limit::RateLimit,
    received_request::ReceivedRequest,
    retry_after::RetryAfterFormat,
    route::{Host, Route},
    script::Script,
    task_outcome::TaskOutcome,
};
