//! The hash that identifies a request in a store.
