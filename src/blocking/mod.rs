//! The same client without async: each call returns when it is done.
//!
//! ```no_run
//! use distribute_ai::{Error, blocking::Client};
//!
//! fn main() -> Result<(), Error> {
//!     let client = Client::from_env()?;
//!     let speech = client.speak("Hello from Rust.").voice("nora").wait()?;
//!     speech.save("hello.wav")?;
//!     Ok(())
//! }
//! ```
//!
//! What is sent, repeated, waited out and written down is what it is in the async client, for it is the async client
//! that does it: a type here holds the one of the same name there, and a runtime to run it on. Settings, errors and
//! journals are the same.
//!
//! | async | here |
//! |---|---|
//! | [`ClientBuilder::build`](crate::ClientBuilder::build) | [`build_blocking`](crate::ClientBuilder::build_blocking) |
//! | `speak.await` | [`Speak::wait`] |
//! | `task.wait().await`, `task.wait().deadline(time).await` | [`SpeechTask::wait`], [`SpeechTask::wait_for`] |
//! | `while let Some(x) = stream.next().await` | `for x in` [`task.updates()`](SpeechTask::updates), [`audio.stream()`](Audio::stream), [`batch.run()?`](Batch::run) |
//! | `batch.start().await`, `results.stop().await` | [`Batch::run`], [`Results::stop`] or dropping them |
//! | `speak.in_pieces().save(path).await` | [`InPieces::save`]; a file whose progress is to be seen is the async client's |
//!
//! # Threads
//!
//! Each client that is built starts one thread, which drives its connections and timers; clones share it, and any number
//! of threads may use them at a time. It ends when the last of all that came from the client is dropped.
//!
//! Nothing is cut off on its way to the server: a call can't be dropped, and the one thing that works on by itself,
//! [`Results`], is heard to the end when it is.
//!
//! # Not within async code
//!
//! A call that waits would hold up the tasks of an async runtime that it is made in, so there it is refused: with an
//! error that [`is_invalid`](crate::Error::is_invalid), before anything is sent. Use [`crate::Client`] there, or call it
//! in `tokio::task::spawn_blocking` or `block_in_place`, where it works. Clients may be built, cloned, and dropped
//! anywhere.

mod runtime;

mod client;
mod long_text;
mod speak;
mod task;
mod updates;

mod audio;
mod speech;

mod batch;
mod results;

#[cfg(feature = "testing")]
mod simulator;

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(all(feature = "blocking", feature = "testing"))))]
pub use self::simulator::Simulator;
pub use self::{
    audio::{Audio, AudioStream},
    batch::Batch,
    client::Client,
    long_text::InPieces,
    results::Results,
    speak::Speak,
    speech::Speech,
    task::SpeechTask,
    updates::{Update, Updates},
};
