//! The commands of `cargo xtask spec`. They call the stages; no stage calls a command.

pub(super) mod accept;
pub(super) mod build;
pub(super) mod diff;
pub(super) mod drift;
pub(super) mod fetch;
pub(super) mod merge;
pub(super) mod rules;
