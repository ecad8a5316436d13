//! Poll policies and the poller.
//!
//! A [policy](Pacing) is a function from the [`Progress`] of a task to the delay before the next poll. It
//! neither sleeps nor sends. The [`poller`] adds the parts that all policies share: ten per cent of
//! jitter, `Retry-After`, the deadline, and a backoff after failures.

pub(crate) mod adaptive;
pub(crate) mod client_policy;
mod duration_model;
pub(crate) mod exponential;
pub(crate) mod fixed;
pub(crate) mod history;
pub(crate) mod not_found;
pub(crate) mod policy;
pub(crate) mod poller;
pub(crate) mod progress;
pub(crate) mod server_time;
pub(crate) mod status;
pub(crate) mod task_policy;

#[cfg(test)]
mod outages;

pub use self::{
    adaptive::Adaptive,
    exponential::Exponential,
    fixed::Fixed,
    policy::{FromFn, Pacing, from_fn},
    progress::{CompletedTask, Phase, Progress},
};
