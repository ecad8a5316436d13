//! Tools for tests: a server that behaves as the API's documents say, without network, key or bill.
//!
//! [`Simulator`] is a real server on loopback sockets: start it, point a client at it, count what arrived. A [`Fault`]
//! damages a request, a [`TaskOutcome`] decides how a task ends, and a [`Script`] selects the request or the task.
//! [`PollSimulation`] tries a poll policy without a server.

mod faults;
pub mod mock;
mod simulation;
mod simulator;

/// The crate that the typed mocks are for.
pub use httpmock;

pub use self::{
    faults::{Fault, Host, RateLimit, RetryAfterFormat, Route, Script, TaskOutcome},
    simulation::{BatchCost, PollCost, PollSimulation},
    simulator::{Simulator, SimulatorBuilder},
};
