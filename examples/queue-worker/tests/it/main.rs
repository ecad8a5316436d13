//! End-to-end tests of the queue worker: real processes, and a simulator that counts the submitted texts.

#[cfg(unix)]
mod cluster;
#[cfg(target_os = "linux")]
mod full_disk;
mod in_doubt;
mod input;
mod kills;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod restores;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod stops;
mod support;
mod watching;
mod without_key;
