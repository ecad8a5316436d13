//! Runs the tool as a user does, and checks its output, its exit code and the files that it writes.

mod accept;
mod added_pages;
mod build;
mod client_axis;
mod corrections;
mod deletions;
mod drift;
mod drift_client;
mod inputs;
mod merge;
mod network;
mod pages;
mod server;
mod sibling_pages;
mod support;
mod user_crate;
#[cfg(unix)]
mod workflow;
