//! Tools for tests: a server that behaves as the API's documents say, without network, key or bill.
//!
//! [`Simulator`] is a real server on loopback sockets: start it, point a client at it, count what arrived. What goes
//! wrong is a [`Fault`] of a request or the [`Fate`] of a task; a [`Script`] says of which.
//! [`Rehearsal`] tries a poll policy without any server.

mod builder;
mod simulator;

mod control;
mod counts;

mod route;
mod script;

mod fault;
mod in_the_answer;
mod instead;

mod fate;

mod hint;
mod rate_limit;

mod rehearsal;

mod exchange;
mod server;
mod switch;

mod api;
mod audio;
mod reply;

mod canned;
mod spoil;
mod stage;
mod wire;

mod contract;
mod ledger;
mod range;
mod site;
mod task;
mod violation;
mod wav;

pub mod mock;

pub use builder::SimulatorBuilder;
pub use fate::TaskOutcome;
pub use fault::Fault;
pub use hint::RetryAfterFormat;
/// The crate that the typed mocks are for.
pub use httpmock;
pub use rate_limit::RateLimit;
pub use rehearsal::{PollCost, PollSimulation};
pub use route::{Host, Route};
pub use script::Script;
pub use simulator::Simulator;

pub use crate::ext::BatchCost;
