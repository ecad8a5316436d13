//! The published pages: their addresses, fetching, parsing, and the lockfile.

pub(super) mod accepted;
pub(super) mod http;
pub(super) mod loader;
pub(super) mod lockfile;
pub(super) mod manifest;
pub(super) mod page;
pub(super) mod volatile;
