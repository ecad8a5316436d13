//! The crate as its users see it: over real sockets, on loopback.

mod api;
mod download;
mod examples;
mod faults;
mod input;
mod pacing;
mod readme;
mod repository;
mod secrets;
mod simulator;
mod support;
mod waiting;
