//! What the documents cannot say: the key, what may be repeated, waiting, downloads.
//!
//! Reading order: a request goes out ([`client`], [`hooks`]), its outcome is named ([`fault`]), what follows is
//! decided ([`decide`]), and two loops act on it ([`submit`], [`poll`]). Everything else is what users hold.

mod bounded;
mod status;
mod task_id;

mod body;
mod builder;
mod client;
mod hooks;
mod key;
mod named_task;

mod cooldown;
mod decide;
mod error;
mod failure;
pub(crate) mod pacing;
mod retry_after;

mod speak;
mod submit;

mod poll;
mod task;
mod updates;
mod wait;

mod audio;
mod download;
mod partial_file;
mod server_time;
mod speech;

mod batch;

pub(crate) mod long_text;

#[cfg(feature = "schemars")]
pub(crate) mod schema;

#[cfg(test)]
mod outages;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

pub use audio::{Audio, AudioStream};
#[cfg(feature = "testing")]
pub use batch::BatchCost;
pub use batch::{Batch, ByIterator, ByStream, IntoRequests, IntoSpeak, Progress, Requests, Results};
pub use bounded::OutOfBounds;
pub(crate) use bounded::bounded_number;
pub use builder::ClientBuilder;
pub use client::ClientState;
pub use error::Error;
pub use speak::Speak;
pub use speech::Speech;
pub use task::SpeechTask;
pub use task_id::TaskId;
pub use updates::{Update, Updates};
pub use wait::Wait;
