//! Helpers that several fuzz targets share.

#[cfg(not(distribute_ai_fuzzing))]
compile_error!("run `cargo xtask fuzz`, or set RUSTFLAGS=\"--cfg distribute_ai_fuzzing\" for cargo fuzz");

mod documents;

pub use documents::{documents, mutate};
