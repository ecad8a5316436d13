//! When to poll next.
//!
//! A [policy](Pacing) is a function from what is known of a task ([`Progress`]) to a delay. It neither sleeps nor sends.
//! The [poller](poller) adds what is the same for every policy: ten per cent of jitter, `Retry-After`, the deadline, and a
//! backoff after failures.

pub(crate) mod adaptive;
mod duration_model;
pub(crate) mod exponential;
pub(crate) mod fixed;
pub(crate) mod history;
pub(crate) mod policy;
pub(crate) mod poller;
pub(crate) mod progress;
pub(crate) mod server_time;
pub(crate) mod status;

#[cfg(test)]
mod outages;

pub use self::{
    adaptive::Adaptive,
    exponential::Exponential,
    fixed::Fixed,
    policy::Pacing,
    progress::{CompletedTask, Phase, Progress},
};
