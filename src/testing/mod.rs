//! Test tools: a simulated API server that runs locally, without an API key and without billing.
//!
//! [`Simulator`] is a real server on loopback sockets: start the server, connect a client, and
//! count the requests. A [`Fault`] replaces or corrupts a response, a [`TaskOutcome`] decides how a
//! task ends, and a [`Script`] selects the requests or tasks. [`PollSimulation`] evaluates a poll
//! policy without a server.

mod faults;
pub mod mock;
mod simulation;
mod simulator;

/// The mock server crate that [`mock`] extends.
pub use httpmock;

pub use self::{
    faults::{
        AudioHost, Fault, Host, RateLimit, ReceivedRequest, RetryAfterFormat, Route, Script, TaskOutcome,
    },
    simulation::{BatchCost, PollCost, PollSimulation},
    simulator::{Simulator, SimulatorBuilder},
};
