//! How many seconds of audio a text is expected to take.
