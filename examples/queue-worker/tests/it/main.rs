//! End-to-end tests of the queue worker: real processes, and a simulator that counts the submitted texts.

#[cfg(target_os = "linux")]
mod full_disk;
mod in_doubt;
mod input;
mod kills;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod signals;
mod support;
mod without_key;
