//! What was requested before: a directory with one entry for each request.

#![allow(dead_code, reason = "the layers above do not use it yet")]

mod audio_files;
mod database;
mod rates;
mod request_hash;
