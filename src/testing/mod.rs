//! Tools for tests: a server that behaves as the API's documents say, without network, key or bill.
//!
//! [`Simulator`] is a real server on loopback sockets: start it, point a client at it, count what arrived.
//! [`Rehearsal`] tries a poll policy without any.

mod builder;
mod simulator;

mod rehearsal;

mod server;

mod api;
mod audio;
mod reply;

mod contract;
mod ledger;
mod range;
mod site;
mod task;
mod violation;
mod wav;

pub mod mock;

pub use builder::SimulatorBuilder;
/// The crate that the typed mocks are for.
pub use httpmock;
pub use rehearsal::{Rehearsal, Rehearsed};
pub use simulator::Simulator;
