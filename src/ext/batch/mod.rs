//! Many speeches at once: requests with keys, a rate limit, a journal, and results as a stream.

pub(crate) mod active;
mod breaker;
pub(crate) mod config;
pub(crate) mod engine;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_memory_api;
pub(crate) mod journal;
mod key_check;
mod pending;
pub(crate) mod progress;
mod rate_limiter;
pub(crate) mod request;
mod results;
mod scheduler;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    path::{Path, PathBuf},
};

use futures_core::Stream;
use futures_util::StreamExt;

pub(crate) use self::journal::fingerprint;
#[cfg(distribute_ai_fuzzing)]
pub use self::journal::fuzzing;
use self::{config::Config, engine::Engine, request::Queue};
pub use self::{progress::Progress, request::IntoSpeak, results::Results};
#[cfg(doc)]
use crate::Speak;
use crate::{Billed, Client, Error};

const MAX_IN_FLIGHT: usize = 64;

impl Client {
    /// Creates a batch from an iterator of `(key, request)`, where a request is a text or a
    /// [`Speak`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = std::env::temp_dir();
    /// let lines = ["Call me Ishmael.", "Some years ago."];
    /// let requests = lines.iter().enumerate();
    /// let requests = requests.map(|(number, line)| (number, client.speak(*line).voice("nora")));
    ///
    /// let mut results = client.batch(requests).max_in_flight(8).requests_per_second(20.0).run().await?;
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
    /// The iterator is read completely at once. [`Batch::run`] validates the batch. Nothing is sent
    /// until the results are polled. To end the batch early, use [`Results::stop`].
    ///
    /// Texts and keys can come from any collection:
    ///
    /// ```
    /// # fn batches(client: &distribute_ai::Client) {
    /// use std::collections::HashMap;
    ///
    /// let lines: Vec<String> = vec!["One.".to_owned(), "Two.".to_owned()];
    /// let by_number = client.batch(lines.iter().enumerate());
    ///
    /// let chapters: HashMap<String, String> = HashMap::from([("intro".to_owned(), "Welcome.".to_owned())]);
    /// let by_name = client.batch(chapters);
    /// # }
    /// ```
    pub fn batch<K>(&self, requests: impl IntoIterator<Item = (K, impl IntoSpeak)>) -> Batch<K> {
        let speaks = requests.into_iter().map(|(key, request)| (key, request.into_speak(self)));
        Batch::new(self.clone(), Queue::list(speaks.collect()))
    }

    /// Creates a batch from a stream of `(key, request)`, where a request is a text or a [`Speak`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// use futures_util::{StreamExt, stream};
    ///
    /// let endless = stream::repeat("Again.").enumerate();
    /// let mut results = client.batch_stream(endless).max_in_flight(2).run().await?;
    /// for _ in 0..3 {
    ///     let Some((number, speech)) = results.next().await else { break };
    ///     println!("{number}: {}", speech.is_ok());
    /// }
    /// results.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// The stream is read while the batch runs, up to [`max_in_flight`](Batch::max_in_flight)
    /// requests ahead of the results that you take. The stream may be empty or endless. A key that was
    /// already yielded returns an error.
    pub fn batch_stream<K>(
        &self,
        requests: impl Stream<Item = (K, impl IntoSpeak)> + Send + 'static,
    ) -> Batch<K> {
        let client = self.clone();
        let speaks = requests.map(move |(key, request)| (key, request.into_speak(&client)));
        Batch::new(self.clone(), Queue::stream(speaks))
    }
}

/// A batch of speech requests, from [`Client::batch`].
///
/// Each request is submitted as by [`Speak::submit`], except in an [outage](#outages). Its task is
/// polled as in a single [`Wait`](crate::Wait). Each request has its own
/// [deadline](Speak::deadline), which counts from its first attempt. A failed request does not
/// affect the others, unless the server rejects the API key or the account. A request is *in doubt*
/// if the server may have accepted it, but sent no usable response. Such a request may be billed.
///
/// All requests share a rate limit and a cooldown, which is the client-wide pause after a
/// `Retry-After`. If a request was never sent, its time limit counts from the start of the cooldown.
/// A request that cannot be sent in time ends at once as
/// [`is_rate_limited`](Error::is_rate_limited). After a 429 without `Retry-After`, all requests of the batch pause together. A waiting
/// task does not hold a connection. If more requests are due than the rate limit allows, the request
/// that is expected to save the most waiting time is sent first. A poll at a deadline may then be
/// late.
///
/// You choose the keys, and each result is returned with its key. A key is a value without borrowed
/// parts, such as a number, a `String` or a `&'static str`. Two keys with the same `Display` text are
/// an error. For this check, the keys of a stream stay in memory, with a few dozen bytes each.
///
/// # Outages
///
/// The batch waits out an outage: refused connections, error responses such as 502, 503 and 504, or
/// silence. After the first submission that fails without a conclusive response, nothing is submitted
/// until a poll is answered. A poll is free. If no task can be polled, the batch polls a random id,
/// which the server answers with 404. If no task was accepted yet, two kinds of submissions are sent
/// instead of that poll, one at a time: a text that is in doubt and may be
/// [submitted again](Speak::resubmit_in_doubt), and every other time a text after a connection that
/// failed. Then one text
/// at a time is submitted, and more after the first success.
///
/// While polls fail too, at most the submissions that are in flight when the batch notices the outage
/// are in doubt. The batch notices silence after four of the usual response times, at least half a
/// second, or after two seconds before the first response. Until then, at most one submission more is
/// in flight than shortly before. If the server answers polls but not
/// submissions, each further attempt may leave one more submission in doubt. The pauses between
/// attempts grow to one minute.
///
/// A text whose submission did not reach the server is submitted after the outage, unless its deadline
/// passes. If a text was never submitted, its time limit counts from the start of the outage, or from
/// the moment at which a stream yielded it. After that time, it ends as
/// [`is_unreachable`](Error::is_unreachable). [`Progress`] shows an outage.
///
/// # Rejected API key
///
/// A response with 401 or 402 ends all submissions. A 403 ends them if the batch has no accepted
/// submission yet, or after three in a row. Otherwise, it concerns its text only. Accepted tasks are
/// still polled and delivered. Each valid text that was not sent returns an
/// [`is_unauthorized`](Error::is_unauthorized) error with the same status, or after a 402 an
/// [`is_rejected`](Error::is_rejected) error. Nothing more is read from a stream,
/// unless the journal contains texts of earlier runs that may be billed.
///
/// # Default
///
/// - `max_in_flight`: 64
/// - `requests_per_second`: unlimited; only `max_in_flight`, the poll policy and `Retry-After`
///   limit the rate
/// - `in_order`: off, results arrive in the order in which they finish
/// - `journal`: none
///
/// # Errors
///
/// [`run`](Self::run) returns an error if the batch is invalid. Each result has the errors of a
/// single [`Speak`].
#[must_use = "nothing is sent until the batch runs"]
pub struct Batch<K> {
    client: Client,
    queue: Queue<K>,
    config: Config,
    in_order: bool,
}

impl<K> Batch<K> {
    fn new(client: Client, queue: Queue<K>) -> Self {
        let config = Config { max_in_flight: MAX_IN_FLIGHT, requests_per_second: None, journal: None };
        Self { client, queue, config, in_order: false }
    }

    /// Sets the maximum number of requests in flight. At least 1.
    ///
    /// A request is in flight from its submission until you take its result. A waiting task takes
    /// about a kilobyte of memory.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.config.max_in_flight = count;
        self
    }

    /// Sets the maximum number of requests to the API per second. Any number above 0.
    ///
    /// Submissions and polls count together. Downloads are not counted, because they go to another
    /// host. A limit of 0.5 allows one request in two seconds. A limit of 2.5 allows two requests
    /// in one second, because three would exceed the limit.
    ///
    /// Requests over the limit are delayed. A request counts when it is written to its connection, so
    /// the limit holds however long connecting takes. While it connects, it takes up a place, so slow
    /// connections lower the rate. Each one-second window is extended by 15 ms. If the network delays
    /// requests by more than that, more of them may arrive in one second.
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.config.requests_per_second = Some(rate);
        self
    }

    /// Returns the results in the order of the requests, instead of the order in which they finish.
    ///
    /// A slow request then delays the results after it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
    /// let results = client.batch(lines).in_order().run().await?;
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
    /// Each request is written to disk before it is sent. Each task id is written to disk as soon
    /// as it arrives, before anything else happens. If you run the same program again with the
    /// journal:
    ///
    /// - A request that was not sent, or was rejected, is sent.
    /// - A submitted request is not submitted again. Its task is polled, even if the task was
    ///   finished. Polling is free and returns a new audio URL.
    ///   [`on_submitted`](Speak::on_submitted) is not called again.
    /// - A request that was sent, but whose response is missing because of the crash, returns an
    ///   error [in doubt](Error::is_in_doubt). With
    ///   [`resubmit_in_doubt`](Speak::resubmit_in_doubt), the request is submitted again instead.
    ///   The attempts of all runs count towards its limit.
    ///
    /// You may add requests. You may also change or remove requests that cannot have been billed.
    /// If any other request is changed or missing, the journal belongs to another batch, which is
    /// an error. For an iterator, [`run`](Self::run) returns the error. For a stream, each changed
    /// key returns the error, and missing keys are logged at the end.
    ///
    /// The file contains keys, task ids, times and a fingerprint of each request. It does not
    /// contain the texts, the URL of the API, or the account. The file grows by about 400 bytes for
    /// each request, and by about 80 bytes for each request in each further run. A crash may leave
    /// an incomplete last line, which is ignored.
    ///
    /// The file is locked from [`run`](Self::run) until the end of the batch. Do not move or delete the file during this time.
    /// You may delete the file when every audio is saved and none of the requests is in doubt.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let journal = directory.path().join("talk.journal");
    /// for _run in 0..2 {
    ///     let lines = [("intro", "Welcome."), ("end", "Goodbye.")];
    ///     let mut results = client.batch(lines).journal(&journal).run().await?;
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
        self.config.journal = Some(path.into());
        self
    }
}

impl<K: Display + Send + 'static> Batch<K> {
    /// Validates the batch, opens its journal, and returns the results as a stream. Nothing is sent
    /// until the stream is polled.
    ///
    /// If the future is dropped, the journal is released soon after.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): an iterator has no requests, or two requests with the
    ///   same key; `max_in_flight` is 0, or `requests_per_second` is not a number above 0
    /// - [`is_invalid`](Error::is_invalid): the journal is a directory, is in use, belongs to
    ///   another batch or version, or is damaged. The message names a damaged line.
    /// - [`is_io`](Error::is_io): the journal cannot be read or written
    ///
    /// Texts and other settings of a single request are validated later. Such an error is the result
    /// of that request.
    pub async fn run(self) -> Result<Results<K>, Error> {
        let (mut engine, channels) = Engine::new(self.client.clone(), self.queue);
        let journal = self.config.journal.clone();
        if let Err(error) = self.config.validate_and_open(&mut engine).await {
            return Err(billed_if_exists(error, journal.as_deref()).await);
        }
        Ok(Results::new(self.client, Box::pin(engine.run()), channels, self.in_order))
    }
}

/// Adds to the error of a run that cannot start that an earlier run with the same journal may have submitted texts.
pub(crate) async fn billed_if_exists(error: Error, journal: Option<&Path>) -> Error {
    // If the directory cannot be searched, the journal may exist.
    let may_exist = match journal {
        Some(path) => tokio::fs::try_exists(path).await.unwrap_or(true),
        None => false,
    };
    if may_exist { error.billed_at_least(Billed::Maybe) } else { error }
}

impl<K> fmt::Debug for Batch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { max_in_flight, requests_per_second, journal } = &self.config;
        f.debug_struct("Batch")
            .field("requests", &self.queue)
            .field("max_in_flight", max_in_flight)
            .field("requests_per_second", requests_per_second)
            .field("in_order", &self.in_order)
            .field("journal", journal)
            .finish_non_exhaustive()
    }
}
