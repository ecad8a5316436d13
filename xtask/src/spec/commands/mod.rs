//! The commands of `cargo xtask spec`. Commands call the other modules of `spec`, and no such module calls a
//! command.

pub(super) mod accept;
pub(super) mod build;
mod client_axis;
pub(super) mod diff;
pub(super) mod drift;
pub(super) mod merge;
pub(super) mod origin;
pub(super) mod rules;
