//! The published pages: where they are, how they are fetched and read, and what is recorded of them.

pub(super) mod http;
pub(super) mod loader;
pub(super) mod lockfile;
pub(super) mod manifest;
pub(super) mod page;
