//! The audio files of a store.
