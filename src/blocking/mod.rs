//! The client without async: each call blocks until it is finished.
//!
//! ```no_run
//! use distribute_ai::{Error, blocking::Client};
//!
//! fn main() -> Result<(), Error> {
//!     let client = Client::from_env()?;
//!     let speech = client.speak("Hello from Rust.").voice("nora").run()?;
//!     speech.save("hello.wav")?;
//!     Ok(())
//! }
//! ```
//!
//! Each type of this module wraps the async type of the same name and a runtime. Requests, retries, settings,
//! errors and stores are therefore the same as in the async client.
//!
//! The names are the same, too. Where async code awaits, blocking code does one of three things:
//!
//! | async | blocking |
//! |---|---|
//! | `speak.await`, `task.wait().await` | [`speak.run()`](Speak::run), [`task.wait().run()`](Wait::run) |
//! | `while let Some(x) = stream.next().await` | `for x in` [`task.updates()`](SpeechTask::updates), [`audio.stream()`](Audio::stream), [`batch.run()?`](Batch::run) |
//! | any other `.await`, such as `speak.submit().await` | nothing: [`speak.submit()`](Speak::submit) |
//!
//! Apart from the generated methods, two methods need async code: [`batch_stream`](crate::Client::batch_stream), and
//! [`InPieces::start`](crate::long_text::InPieces::start), which shows the progress of a long text.
//!
//! # Threads
//!
//! Each built client starts one thread, which drives its connections and timers. Clones share the thread, and
//! any number of threads may use the clones at the same time. The thread ends when the client, its clones and
//! everything created from them are dropped.
//!
//! A submission is never cancelled: a blocking call cannot be dropped, and dropping [`Results`] waits for its
//! pending submissions.
//!
//! # Async code
//!
//! A blocking call in an async task would block the other tasks of the runtime. Such a call therefore returns
//! an [`is_invalid`](crate::Error::is_invalid) error before anything is sent. In async code, use
//! [`crate::Client`], or call the blocking client in `tokio::task::spawn_blocking` or `block_in_place`.
//! Clients may be built, cloned and dropped anywhere.
//!
//! Two calls are not detected. On a runtime with worker threads, a call in the future of
//! `Runtime::block_on` (for example in `#[tokio::main] async fn main`) or in a `LocalSet` blocks that
//! thread. [`Results`] cannot return such an error: its `next` and `stop` block the thread anywhere.
//!
//! # Callbacks
//!
//! Callbacks such as [`Speak::on_submitted`] and poll policies run on the thread of the client. While
//! they run, all other calls of the client and its clones wait, so keep them short. A call of the same
//! client in a callback returns the same error; `next` and `stop` of a batch panic there.

mod forward;
mod runtime;

mod builder;
mod client;
mod long_text;
mod speak;
mod store;
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
pub use self::simulator::{Simulator, SimulatorBuilder};
pub use self::{
    audio::{Audio, AudioStream},
    batch::Batch,
    builder::ClientBuilder,
    client::Client,
    long_text::InPieces,
    results::Results,
    speak::Speak,
    speech::Speech,
    store::{Entries, Store},
    task::{SpeechTask, Wait},
    updates::{Update, Updates},
};
