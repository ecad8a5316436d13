//! Many speeches at once: requests with keys, a rate limit, a journal, and results as a stream.

pub(crate) mod active;
pub(crate) mod config;
pub(crate) mod engine;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_memory_api;
pub(crate) mod journal;
mod pending;
pub(crate) mod progress;
mod rate_limiter;
mod request;
mod results;
mod scheduler;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    fmt::{self, Display},
    path::PathBuf,
};

use tokio::sync::{mpsc, watch};

pub(crate) use self::journal::fingerprint;
#[cfg(fuzzing)]
pub use self::journal::fuzzing;
use self::{
    config::Config,
    engine::{Consumer, Engine, Queue},
    progress::ProgressTracker,
    request::Source,
    results::Channels,
};
pub use self::{
    progress::Progress,
    request::{ByIterator, ByStream, IntoRequests, IntoSpeak, Requests},
    results::Results,
};
#[cfg(doc)]
use crate::Speak;
use crate::{Client, Error};

const MAX_IN_FLIGHT: usize = 64;

impl Client {
    /// Speaks many texts: an iterator or a stream of `(key, request)`, where a request is a [`Speak`] or a text alone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = std::env::temp_dir();
    /// let lines = ["Call me Ishmael.", "Some years ago."];
    /// let requests = lines.iter().enumerate();
    /// let requests = requests.map(|(number, line)| (number, client.speak(*line).voice("nora")));
    ///
    /// let mut results = client.batch(requests).max_in_flight(8).requests_per_second(20.0).run();
    /// while let Some((number, speech)) = results.next().await {
    ///     match speech {
    ///         // A failed download can be repeated later. Returning early would stop the batch.
    ///         Ok(speech) => match speech.save(directory.join(format!("{number}.wav"))).await {
    ///             Ok(bytes) => println!("line {number}: {bytes} bytes"),
    ///             Err(error) => eprintln!("line {number}: {error}"),
    ///         },
    ///         Err(error) => eprintln!("line {number}: {error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Nothing is sent until the results are polled. See [`Batch`], and [`Results::stop`] to end it early.
    pub fn batch<K, By>(&self, requests: impl IntoRequests<K, By>) -> Batch<K> {
        Batch {
            requests: requests.into_requests(self),
            client: self.clone(),
            max_in_flight: MAX_IN_FLIGHT,
            requests_per_second: None,
            in_order: false,
            journal: None,
        }
    }
}

/// A batch of speech requests, from [`Client::batch`].
///
/// Each request is submitted at most once and waited for like a single one, until its own [deadline](Speak::deadline), which
/// counts from its first attempt. A failed request does not affect the others. A request is *in doubt* if the server may have
/// accepted it, so that it may be billed, and no task id arrived.
///
/// All requests share a rate limit and a cooldown. A request that was not sent yet waits for the end of a cooldown without a
/// limit. A waiting task holds no connection. If more requests are due than the rate limit allows, the one that shortens the
/// waiting most goes first, and a poll on a deadline may be late.
///
/// The key is yours, and comes back with the result. Two equal keys, as they are displayed, are an error. The keys of a
/// stream are kept for this check, a few dozen bytes each.
///
/// # Default
///
/// - `max_in_flight`: 64
/// - `requests_per_second`: unlimited, apart from `max_in_flight`, the poll policy and the server's `Retry-After`
/// - `in_order`: off, results arrive as they finish
/// - `journal`: off
///
/// # Errors
///
/// With each key: those of [`Speak`]. An error of the batch as a whole comes with each of its keys, before anything is sent;
/// [`start`](Self::start) returns it separately.
#[must_use = "nothing is sent until the batch runs"]
pub struct Batch<K> {
    client: Client,
    requests: Requests<K>,
    max_in_flight: usize,
    requests_per_second: Option<f64>,
    in_order: bool,
    journal: Option<PathBuf>,
}

impl<K> Batch<K> {
    /// Sets the most requests that are under way, from the submission until you take the result. At least 1.
    ///
    /// A waiting task takes about a kilobyte of memory.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count;
        self
    }

    /// Sets the most requests to the API per second, submissions and polls together: any number above 0.
    ///
    /// 0.5 is one request in two seconds. 2.5 is two requests in one second, because three would exceed the limit. Downloads
    /// are not counted, because they go to another host.
    ///
    /// Requests over the limit are delayed. Each one-second window is extended by 15 ms, so that jitter of up to 15 ms does
    /// not exceed the limit.
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.requests_per_second = Some(rate);
        self
    }

    /// Returns the results in the order of the requests instead of as they finish. A slow request delays those after it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
    /// let results = client.batch(lines).in_order().run();
    /// let numbers: Vec<_> = results.map(|(number, _)| number).collect().await;
    /// assert_eq!(numbers, [0, 1, 2]);
    /// # Ok(()) }
    /// ```
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Keeps a journal in this file, so that you can run the same batch again after a crash.
    ///
    /// Each request is written to disk before it is sent, and each task id before anything else happens to it. If you run the
    /// same program again with the journal:
    ///
    /// - A request that was not sent, or was rejected, is sent.
    /// - A submitted request is not submitted again. Its task is polled, finished or not, which is free and returns a fresh
    ///   URL of the audio. [`on_submitted`](Speak::on_submitted) is not called for it.
    /// - A request that was sent, and whose response is missing because of the crash, is an error
    ///   [in doubt](Error::is_in_doubt), unless [resubmission](Speak::resubmit_in_doubt) is allowed. Attempts count over all
    ///   runs.
    ///
    /// You may add requests, and change or remove those that cannot have been billed. If other requests are changed or
    /// missing, the journal belongs to another batch, which is an error. For a list it comes before anything is sent. For a
    /// stream it comes with each changed key, and missing keys are logged at the end.
    ///
    /// An incomplete last line, as a crash leaves it, is ignored. The file contains keys, task ids, times and a fingerprint of
    /// each request. It does not contain the texts, the URL of the API, or the account. It grows by about 400 bytes for each
    /// request and by 80 with each further run. It is locked while the batch runs, and must not be moved or deleted until
    /// then. You may delete it when none of its requests is in doubt and every audio is saved.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let journal = directory.path().join("talk.journal");
    /// for _run in 0..2 {
    ///     let lines = [("intro", "Welcome."), ("end", "Goodbye.")];
    ///     let mut results = client.batch(lines).journal(&journal).run();
    ///     while let Some((key, speech)) = results.next().await {
    ///         let path = directory.path().join(format!("{key}.wav"));
    ///         if let Err(error) = async { speech?.save(path).await }.await {
    ///             eprintln!("{key}: {error}");
    ///         }
    ///     }
    /// }
    /// assert_eq!(simulator.creates(), 2);
    /// # Ok(()) }
    /// ```
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }
}

impl<K: Display + Send + 'static> Batch<K> {
    /// Returns the results as a stream. An error of the batch as a whole comes with each of its keys.
    pub fn run(self) -> Results<K> {
        let (client, in_order) = (self.client.clone(), self.in_order);
        let (mut engine, config, channels) = self.into_engine();
        let driver = async move {
            if let Err(error) = config.validate_and_open(&mut engine).await {
                tracing::error!(%error, "batch rejected, nothing was sent");
                engine.fatal = Some(error);
            }
            engine.run().await
        };
        Results::new(client, Box::pin(driver), channels, in_order)
    }

    /// Like [`run`](Self::run), but returns an error of the batch as a whole before the results.
    ///
    /// # Errors
    ///
    /// All before anything is sent:
    /// - [`is_invalid`](Error::is_invalid): no requests, a duplicate key, a `max_in_flight` of 0, a rate that is not above 0;
    ///   a journal that is a directory, is in use, belongs to another batch or version, or is damaged (with the line)
    /// - [`is_io`](Error::is_io): the journal cannot be read or written
    pub async fn start(self) -> Result<Results<K>, Error> {
        let (client, in_order) = (self.client.clone(), self.in_order);
        let (mut engine, config, channels) = self.into_engine();
        config.validate_and_open(&mut engine).await?;
        Ok(Results::new(client, Box::pin(engine.run()), channels, in_order))
    }

    fn into_engine(self) -> (Engine<K, Client>, Config, Channels<K>) {
        let (results, finished) = mpsc::unbounded_channel();
        let (released, released_queue) = mpsc::unbounded_channel();
        let (sender, progress) = watch::channel(Progress::default());
        let (queue, queued) = match self.requests.0 {
            Source::List(list) => {
                let count = list.len();
                (Queue::List(list.into_iter()), Some(count))
            }
            Source::Stream(stream) => (Queue::Stream(stream, HashSet::new()), None),
        };
        let config = Config {
            max_in_flight: self.max_in_flight,
            requests_per_second: self.requests_per_second,
            journal: self.journal,
        };
        let consumer = Consumer { results, released: released_queue };
        let engine = Engine::new(self.client, queue, ProgressTracker::new(sender, queued), consumer);
        (engine, config, Channels { finished, released, progress })
    }
}

impl<K> fmt::Debug for Batch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("requests", &self.requests)
            .field("max_in_flight", &self.max_in_flight)
            .field("requests_per_second", &self.requests_per_second)
            .field("in_order", &self.in_order)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
