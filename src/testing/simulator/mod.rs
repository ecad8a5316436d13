//! The simulated API server.

mod audio_host;
mod audio_path;
mod builder;
mod clock;
mod control;
mod control_api;
mod corruption;
mod counters;
mod genuine;
mod handler;
mod idle_close;
mod injector;
mod listener;
mod listener_control;
mod peak;
mod poll_policy;
mod published_spec;
mod range;
mod raw_socket;
mod records;
mod redaction;
pub(crate) mod response;
mod seed;
mod speech_api;
mod start_on_thread;
mod state;
mod task;
mod tasks;
mod tone;

use std::{fmt, sync::Arc};

use tokio::{sync::oneshot, task::AbortHandle};

use self::{poll_policy::poll_policy, state::SimulatorState, tone::Tone};
use crate::{Client, ClientBuilder};

pub use self::builder::SimulatorBuilder;

/// A local server that simulates Distribute.AI: both API operations and the audio host.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
///
/// let simulator = Simulator::start().await?;
///
/// let speech = simulator.client().speak("Hello from Rust.").await?;
///
/// let audio = speech.audio()?.bytes().await?;
/// assert_eq!(audio, Simulator::audio_of("Hello from Rust."));
/// assert_eq!(simulator.spoken(), ["Hello from Rust."]);
/// assert_eq!(simulator.creates(), 1);
/// # Ok(()) }
/// ```
///
/// A program that creates its own client, or calls the API in another way, needs the key and the URLs:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::Simulator;
///
/// let simulator = Simulator::builder().api_key("my-test-key").start().await?;
/// println!("API key: {}", simulator.api_key());
/// println!("API: {}, audio: {}", simulator.base_url(), simulator.audio_url());
/// # Ok(()) }
/// ```
///
/// A program in another language uses `cargo run --example simulator`. The guide shows
/// [its HTTP](crate::guide::testing#programs-in-other-languages), with examples for curl and Python.
///
/// **The audio is a placeholder, not speech**: one soft tone per letter. The simulator listens on
/// `127.0.0.1` only. It does not forward requests, so nothing is billed.
///
/// Requests are validated against the schemas of the API's two published documents. Where the
/// documents leave the response open, the simulator uses the statuses below. The body of an error
/// response is always JSON with a `message`:
///
/// | status | cause |
/// |---|---|
/// | 400 | the body is not JSON or does not match the document; the message names the field and the limit |
/// | 401 | the key is missing, wrong, or preceded by `Bearer` |
/// | 403 | the audio host received the key or any `authorization` header; see [`leaks`](Self::leaks) |
/// | 404 | unknown path, task or audio; or the `voice` is neither one of the API's own nor a known file id |
/// | 405 | the path exists, but not with this method |
/// | 413 | the body is larger than 1 MiB |
/// | 415 | the `content-type` is not `application/json` |
/// | 416 | the `Range` starts after the end of the audio |
///
/// A task passes through `CREATED`, `QUEUED`, `ASSIGNED_CONNECTIONS` and `PROCESSING` to `COMPLETED`. The
/// [builder](Self::builder) sets the times, measured on tokio's clock. On a paused clock, the times pass
/// without waiting: see [Time](crate::guide::testing#time) in the guide.
///
/// A completed task has one result: a WAV file (16 bit, mono, 24 kHz). The file is served on a
/// second port, because the API also serves audio from another host. The audio lasts 60 ms per
/// character of the text, but at least one second, which is the minimum that the API bills. The
/// same text gives the same bytes. `HEAD`, `Range` and `If-Range` are supported.
///
/// By default, every valid request and every task succeeds. These methods change the behaviour:
///
/// - [`script`](Self::script): injects a [`Fault`](crate::testing::Fault) into selected requests,
///   such as the third poll.
/// - [`outcomes`](Self::outcomes), [`outcome_of`](Self::outcome_of): let tasks end in `ERROR`, or respond
///   with 404 for a while.
/// - [`complete`](Self::complete), [`fail`](Self::fail): end a task now.
/// - [`capacity`](Self::capacity): lets tasks queue until others end.
/// - [`audio_host`](Self::audio_host): signs URLs, redirects, or serves no ranges.
/// - [`rate_limit`](Self::rate_limit): responds with 429 to requests over a limit.
/// - [`down_for`](Self::down_for): simulates an outage with refused connections.
///
/// [`received`](Self::received) returns the requests for assertions, and
/// [`assert_nothing_refused`](Self::assert_nothing_refused) fails the test if one of them was invalid.
///
/// The simulator runs on the tokio runtime that started it, or with
/// [`start_on_thread`](SimulatorBuilder::start_on_thread) on its own thread. When the simulator is
/// dropped, its sockets are closed as soon as the runtime runs again.
#[must_use = "the simulator stops when it is dropped"]
pub struct Simulator {
    base_url: String,
    pub(crate) state: Arc<SimulatorState>,
    servers: [AbortHandle; 2],
    asserts_on_drop: bool,
    /// Ends the thread of the simulator when it is dropped, if it has one.
    thread: Option<oneshot::Sender<()>>,
}

impl Simulator {
    /// The file id that every simulator accepts as a voice.
    ///
    /// [`SimulatorBuilder::voice_file`] adds others.
    pub const VOICE_FILE: &str = "file_simulated_voice";

    pub(crate) fn new(
        base_url: String,
        state: Arc<SimulatorState>,
        servers: [AbortHandle; 2],
        asserts_on_drop: bool,
    ) -> Self {
        Self { base_url, state, servers, asserts_on_drop, thread: None }
    }

    /// Returns the URL of the API, such as `http://127.0.0.1:49152`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the URL of the audio host, the origin of every `url` in a result.
    #[must_use]
    pub fn audio_url(&self) -> &str {
        &self.state.audio_url
    }

    /// Returns the only API key that the simulator accepts.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.state.api_key
    }

    /// Creates a client for this simulator, which polls often: after 50 ms, and later at intervals of a
    /// tenth of the task's age.
    ///
    /// The client thus notices the end of a task at most 10 % late, jitter of 10 % aside. A task of one second
    /// takes about 18 polls, and a task of an hour about 100.
    ///
    /// # Panics
    ///
    /// Panics if TLS cannot be initialised on this machine. With the feature `rustls` or `native-tls`, a client initialises
    /// TLS even for `http` URLs. Panics if a client does not accept the settings of the simulator: a key that
    /// [`ClientBuilder::api_key`](crate::ClientBuilder::api_key) rejects, or an `http` URL of another host than loopback, which
    /// needs [`client_builder`](Self::client_builder) and [`allow_http`](crate::ClientBuilder::allow_http).
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder().build().expect("the simulator's own key and URL are valid")
    }

    /// Returns a builder for a client of this simulator, with its base URL, its key, and the poll policy of
    /// [`client`](Self::client).
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder().api_key(self.api_key()).base_url(self.base_url()).pacing(poll_policy())
    }

    /// Returns the WAV file that every simulator serves for this text.
    #[must_use]
    pub fn audio_of(text: &str) -> Vec<u8> {
        let tone = Tone::from_text(text);
        tone.read(0..tone.len())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
        if self.asserts_on_drop && !std::thread::panicking() {
            self.assert_nothing_refused();
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
