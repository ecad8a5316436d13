//! The simulated server.

mod audio_host;
mod builder;
mod control;
mod corruption;
mod counters;
mod handler;
mod injector;
mod listener;
mod published_spec;
mod range;
mod raw_socket;
mod recorder;
pub(crate) mod response;
mod speech_api;
mod state;
mod task;
mod tone;

use std::{fmt, io, sync::Arc, time::Duration};

use tokio::task::AbortHandle;

use self::{state::SimulatorState, tone::Tone};
use crate::{Client, ClientBuilder};

pub use self::builder::SimulatorBuilder;

/// A stand-in for Distribute.AI on this machine: both operations of the API, and the host of its audio.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
///
/// let simulator = Simulator::start().await?;
///
/// let speech = simulator.client().speak("Hello from Rust.").await?;
///
/// assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello from Rust."));
/// assert_eq!(simulator.spoken(), ["Hello from Rust."]);
/// assert_eq!(simulator.creates(), 1);
/// # Ok(()) }
/// ```
///
/// For a program that makes its own client, or speaks to the API by other means:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
///
/// let simulator = Simulator::builder().api_key("sk-test").start().await?;
/// println!("the key is {}", simulator.api_key());
/// println!("the API is at {}, its sound at {}", simulator.base_url(), simulator.audio_url());
/// # Ok(()) }
/// ```
///
/// **Its sound is a placeholder, not speech**: one soft tone per letter. Nothing is sent anywhere and nothing is
/// billed; it listens on `127.0.0.1` only.
///
/// Requests are checked against the two documents as the API publishes them, with their own schemas. What the
/// documents leave open is answered like this, always with a JSON `{"message": …}`:
///
/// | status | when |
/// |---|---|
/// | 400 | the body is not JSON, or not what the document describes; the message names the field and the limit |
/// | 401 | the key is missing, wrong, or preceded by `Bearer` |
/// | 403 | a request to the audio host carries the key or any `authorization` header; see [`leaks`](Self::leaks) |
/// | 404 | no such path, task or audio; or a `voice` that is neither one of the API's own nor a known file id |
/// | 405 | the path exists, for another method |
/// | 413 | the body is larger than 1 MiB |
/// | 415 | the body is not announced as `application/json` |
/// | 416 | a `Range` that starts behind the end of the audio |
///
/// A task moves through `CREATED`, `QUEUED`, `ASSIGNED_CONNECTIONS` and `PROCESSING` to `COMPLETED`, as the
/// [builder](Self::builder) times it, on tokio's clock. It then has one result: a WAV file (16 bit, mono, 24 kHz) on
/// a second port, because the real audio is on another host too. The file lasts 60 ms per character of the text, but
/// at least one second, which is the least that the API bills. The same text gives the same bytes; `HEAD`, `Range`
/// and `If-Range` work.
///
/// All this goes well unless a test wants otherwise:
///
/// - [`script`](Self::script): which requests meet which [`Fault`](super::Fault), "the third poll fails".
/// - [`outcomes`](Self::outcomes), [`outcome_of`](Self::outcome_of): which tasks end in `ERROR`, or are not found for a while.
/// - [`rate_limit`](Self::rate_limit): 429 for what comes too fast.
/// - [`down_for`](Self::down_for): an outage; connections are refused.
///
/// Dropping the simulator closes its sockets. It runs on the tokio runtime that started it.
#[must_use = "the simulator stops when it is dropped"]
pub struct Simulator {
    base_url: String,
    pub(crate) state: Arc<SimulatorState>,
    servers: [AbortHandle; 2],
}

impl Simulator {
    /// The file id that every simulator knows as a voice; a [`SimulatorBuilder`] adds others by
    /// [`voice_file`](SimulatorBuilder::voice_file).
    pub const VOICE_FILE: &str = "file_simulated_voice";

    /// Starts a simulator with the [defaults](SimulatorBuilder#default).
    ///
    /// # Errors
    ///
    /// When no loopback socket can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// A simulator with another key, other times, or more voices.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    pub(crate) fn running(base_url: String, site: Arc<SimulatorState>, servers: [AbortHandle; 2]) -> Self {
        Self { base_url, state: site, servers }
    }

    /// Where the API listens, such as `http://127.0.0.1:49152`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where the audio is served: the origin of every `url` in a result.
    #[must_use]
    pub fn audio_url(&self) -> &str {
        &self.state.audio_url
    }

    /// The only key that the simulator accepts.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.state.api_key
    }

    /// A client for this simulator. It polls every 50 ms, as fits tasks that take a second.
    ///
    /// # Panics
    ///
    /// When this machine has no usable TLS, which a client asks for even where it needs none.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder().build().expect("key and address are the simulator's own")
    }

    pub(crate) fn client_builder(&self) -> ClientBuilder {
        Client::builder()
            .api_key(self.api_key())
            .base_url(self.base_url())
            .poll_every(Duration::from_millis(50))
    }

    /// The whole file that any simulator serves for a text.
    #[must_use]
    pub fn audio_of(text: &str) -> Vec<u8> {
        let wav = Tone::from_text(text);
        wav.read(0..wav.len())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("base_url", &self.base_url)
            .field("audio_url", &self.state.audio_url)
            .finish_non_exhaustive()
    }
}
