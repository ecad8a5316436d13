//! The entries of a store on disk.
