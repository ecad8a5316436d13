//! The queue worker as an operator sees it: real processes, killed, and a simulator that counts what it speaks.

mod doubt;
mod input;
mod kills;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod signals;
mod support;
mod without_key;
