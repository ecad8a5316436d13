//! The hand-written part of the client: everything that an OpenAPI document cannot express.
//!
//! The folders are layers. Each uses only [`disk`], the files in this folder, and the layers with a smaller number:
//!
//! 1. [`transport`]: one HTTP exchange with the API
//! 2. [`retry`]: decides whether a request may be sent again
//! 3. [`polling`]: decides when to poll next (public as `pacing`)
//! 4. [`store`]: what was requested before
//! 5. [`client`]: `Client`, its settings, and its hooks into the generated code
//! 6. [`audio`]: downloads and files
//! 7. [`speech`]: the handles that users hold
//! 8. [`batch`]: many speeches at once
//! 9. [`long_text`]: texts that are longer than one request may be
//!
//! The test `layers` fails on a path that leads to a layer with a larger number.

mod bounds;
pub(crate) mod disk;
mod error;
pub(crate) mod nullable;
mod piece;
pub(crate) mod speakable;
mod task_id;
pub(crate) mod union;

pub(crate) mod transport;

pub(crate) mod retry;

pub(crate) mod polling;

pub(crate) mod store;

pub(crate) mod client;

mod audio;

mod speech;

pub(crate) mod batch;

pub(crate) mod long_text;

#[cfg(test)]
mod captured_log;

#[cfg(test)]
mod test_server;

#[cfg(test)]
mod world;

#[cfg(distribute_ai_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

pub(crate) use self::bounds::{Bounded, Number, bounded_number};
pub use self::{
    audio::{Audio, AudioStream},
    batch::{Batch, IntoSpeak, Progress, Results},
    bounds::OutOfBounds,
    client::{ClientBuilder, ClientState},
    error::{Billed, Error, ErrorKind},
    speech::{Speak, Speech, SpeechTask, Update, Updates, Wait},
    task_id::TaskId,
};
