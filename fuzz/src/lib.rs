//! What several targets do.

mod documents;

pub use documents::{documents, mutate};
