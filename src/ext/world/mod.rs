//! A simulated world for tests of crashes: a disk, a network and a server, which run the real client in one thread.
//!
//! One seed is one history. A history is recorded step by step. [`crashes`] then crashes it after each step and runs the
//! client again, on what the disk has kept.
//!
//! # Why not turmoil or madsim
//!
//! turmoil simulates hosts and their network, and reqwest cannot use its network without access to private types of reqwest.
//! Its file system (unstable) undoes all unsynced changes of names together, so it never shows a rename without the
//! unlink that followed it. madsim has no power failures of a disk, and replaces tokio by a patched version for the whole
//! build. The traits [`FileSystem`](super::disk::FileSystem) and `OpenFile`, and one function of the transport, take less
//! code than either.

mod crashes;
pub(crate) mod current;
mod history;
pub(crate) mod network;
mod programs;
mod server;
