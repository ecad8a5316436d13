//! A directory that records the state and the audio of each request, with one entry for each.
//!
//! [`request_hash`] identifies a request. [`record`] describes its state and the transitions. [`handle`] looks a request up
//! and records its result. [`attempt`] is one submission: announced before it is sent, and recorded afterwards. [`facts`] is
//! what both know about the request. [`claims`] makes equal requests of one process wait for each other. [`refused_ids`]
//! remembers the task ids that the disk has refused. [`database`] keeps
//! the records on disk, [`audio_files`] the audio. [`stored_file`] is the audio of one entry.
//! [`store`] is the user's handle, and [`entry`] the user's view of a record. [`rates`] learns how long the audio of a text is,
//! [`durations`] keeps how long tasks took, and [`plan`] adds up what a job would submit.

pub(crate) mod attempt;
pub(crate) mod audio_files;
mod claims;
mod database;
mod durations;
mod entry;
pub(crate) mod facts;
#[cfg(any(test, distribute_ai_fuzzing))]
#[cfg_attr(distribute_ai_fuzzing, doc(hidden))]
pub(super) mod fuzzing;
pub(crate) mod handle;
pub(crate) mod learned_names;
pub(crate) mod plan;
pub(crate) mod rates;
mod record;
mod refused_ids;
mod request_hash;
mod settings;
mod shared;
#[expect(clippy::module_inception, reason = "the folder is named after its subject, the file after `Store`")]
mod store;
pub(crate) mod stored_file;

pub(crate) use self::plan::BILLED_AT_LEAST;
pub use self::{
    entry::{Entries, Entry, EntryState, Settlement},
    plan::Plan,
    request_hash::RequestHash,
    settings::StoreSettings,
    store::Store,
};

#[cfg(test)]
mod tests;
