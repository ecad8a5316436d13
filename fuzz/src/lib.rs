//! Helpers that several fuzz targets share.

mod documents;

pub use documents::{documents, mutate};
