//! Many speeches at once: requests with keys, a rate limit, and results as a stream.

pub(crate) mod active;
mod breaker;
pub(crate) mod config;
pub(crate) mod engine;
pub(crate) mod expected_time;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_memory_api;
mod key_check;
mod pending;
pub(crate) mod plan;
pub(crate) mod progress;
mod rate_limiter;
mod repeats;
pub(crate) mod request;
mod results;
mod scheduler;
pub(crate) mod spending;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    future::Future,
};

use futures_core::Stream;
use futures_util::StreamExt;

use self::{config::Config, engine::Engine, request::Queue};
pub use self::{progress::Progress, request::IntoSpeak, results::Results};
#[cfg(doc)]
use crate::Speak;
use crate::{
    Billed, Client, Error,
    ext::store::{Plan, Store, StoreSettings},
};

const MAX_IN_FLIGHT: usize = 64;

impl Client {
    /// Creates a batch from an iterator of `(key, request)`, where a request is a text or a
    /// [`Speak`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
    /// // Without a store, these results are all that is left of the tasks in flight.
    /// for (number, result) in results.stop().await {
    ///     println!("{number}: {:?}", result.map(|speech| speech.id().clone()));
    /// }
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
/// polled as in a single [`Wait`](crate::Wait). A failed request does not affect the others, unless
/// the server rejects the API key or the account. A request is *in doubt* if the server may have
/// accepted it, but sent no conclusive response. Such a request may be billed.
///
/// All requests share a rate limit and a cooldown, which is the client-wide pause after a
/// `Retry-After`. After a 429 without `Retry-After`, all requests of the batch pause together.
///
/// Each request has a [time limit](Speak::deadline), which counts from its first attempt. If a request
/// was never sent, it counts from the start of the cooldown, from the start of the
/// [outage](#outages), or from the first 429 since a submission was last accepted. In a stream, it
/// counts from the moment at which the request was yielded, if that is later. A request that cannot be
/// sent in time ends as [`is_rate_limited`](Error::is_rate_limited), or in an outage as
/// [`is_unreachable`](Error::is_unreachable); if the cooldown is longer than its limit, at once.
///
/// A waiting task does not hold a connection. If more requests are due than the rate limit allows, the
/// request that is expected to save the most waiting time is sent first. A poll at a deadline may then be
/// late.
///
/// You choose the keys, and each result is returned with its key. A key is a value without borrowed
/// parts, such as a number, a `String` or a `&'static str`. Two keys with the same `Display` text are
/// an error. For this check, the keys of a stream stay in memory, with a few dozen bytes each.
///
/// # Outages
///
/// The batch waits out an outage: refused connections, error responses such as 502, 503 and 504, or
/// silence. The outage begins with the first submission that fails without a conclusive response. If
/// tasks were accepted before, the batch then submits nothing until a poll gets a response. A poll is
/// free. If no task can be polled, the batch polls a random id, to which the server responds with 404.
/// If no task was accepted before, the batch may also try one submission at a time: a
/// [resubmission](Speak::resubmit_in_doubt) that you allowed, or, every other time, a text after a
/// failed connection. After the response to a poll, the batch submits one text at a time, and more after
/// the first success.
///
/// While polls fail too, only two kinds of submissions can be in doubt: those that are in flight when
/// the batch notices the outage, and those that it tries. The batch notices silence if no
/// response arrives for four times the usual response time, at least half a second; before the first
/// response, for two seconds. After the first response, the number of submissions in flight exceeds its
/// recent maximum by at most one. If the server responds to polls but not to submissions, each further
/// attempt may leave one more submission in doubt. The pauses between attempts grow to one minute.
///
/// A text whose submission did not reach the server is submitted after the outage, unless its deadline
/// passes. [`Progress`] shows an outage.
///
/// # Rejected API key
///
/// A response with 401 or 402 ends all submissions. A 403 ends them if the batch has no accepted
/// submission yet, or after three in a row. Otherwise, it concerns its text only. Accepted tasks are
/// still polled and delivered. Each valid text that was not sent returns an
/// [`is_unauthorized`](Error::is_unauthorized) error with the same status, or after a 402 an
/// [`is_rejected`](Error::is_rejected) error. Nothing more is read from a stream.
///
/// # Default
///
/// - `max_in_flight`: 64
/// - `requests_per_second`: unlimited; `max_in_flight`, the poll policy and `Retry-After` limit the rate, and at
///   most 192 submissions and 256 requests are in flight
/// - `max_submissions`, `max_seconds`: unlimited
/// - `in_order`: off, results arrive in the order in which they finish
/// - `store`: that of the client, if it has one
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
        Self { client, queue, config: Config::new(MAX_IN_FLIGHT), in_order: false }
    }

    pub(crate) fn with_config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Sets the maximum number of requests that the batch holds at a time. At least 1.
    ///
    /// A request counts from the moment at which the batch starts it until you take its result, so a
    /// slow use of the results slows down the batch. A waiting task takes about a kilobyte of memory.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.config.limits.max_in_flight = count;
        self
    }

    /// Sets the maximum number of requests to the API per second. Any number above 0.
    ///
    /// Submissions and polls count together. Downloads are not counted, because they go to another
    /// host. A limit of 0.5 allows one request in two seconds. A limit of 2.5 allows two requests
    /// in one second, because three would exceed the limit.
    ///
    /// One kind of poll is not counted. If audio is downloaded to a store and its URL has expired, its task is
    /// polled for a new URL, usually once. A store downloads at most 16 files at a time.
    ///
    /// Requests over the limit are delayed. A request counts when it is written to its connection, so
    /// the limit holds however long connecting takes. While it connects, it takes up a place, so slow
    /// connections lower the rate. Each one-second window is extended by 15 ms. If the network delays
    /// requests by more than that, more of them may arrive in one second.
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.config.limits.requests_per_second = Some(rate);
        self
    }

    /// Sets the maximum number of submissions of this run. The next run starts from zero.
    ///
    /// When the limit is reached, nothing more is submitted. Each text that was not submitted returns an
    /// [`is_stopped`](Error::is_stopped) error, and all others are waited for. A submission whose task fails counts. Each
    /// resubmission in doubt counts. A submission in flight counts too, so if the server then rejects it, fewer texts are
    /// submitted than the limit allows. In the [store](Self::store), stored speeches and submitted tasks do not count. With 0,
    /// nothing is submitted, and submitted tasks are still waited for.
    pub fn max_submissions(mut self, count: usize) -> Self {
        self.config.max_submissions = Some(count);
        self
    }

    /// Sets the maximum duration of the audio that this run submits, in seconds. A number from 0. Each request counts for at
    /// least one second, as on the bill.
    ///
    /// Before each submission, the batch adds up the audio of this run: the durations that are known, and those that are
    /// expected of the other submissions and of this text. If the sum exceeds the limit, nothing more is submitted, as with
    /// [`max_submissions`](Self::max_submissions). The error names all numbers.
    ///
    /// A duration is known when the [store](Self::store) has the audio; without a store, it is never known. It is expected by
    /// the durations that the store has learned, see [`Plan`](crate::store::Plan). Therefore the audio can be longer than the
    /// limit, but only by as much as the requests without a known duration are longer than expected.
    pub fn max_seconds(mut self, seconds: f64) -> Self {
        self.config.max_seconds = Some(seconds);
        self
    }

    /// Returns the results in the order of the requests, instead of the order in which they finish.
    ///
    /// A slow request then delays the results after it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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

    /// Records the state and the audio of each request in this directory, so that you can run the same batch again, also
    /// after a crash.
    ///
    /// A stored speech is returned without a request, and a submitted task is waited for. A request is submitted if it is
    /// new or changed, if the server rejected it, or if its task failed. The order and the keys of the requests do not
    /// matter, and two equal requests are submitted once. If their task fails, both have this error; in a stream, a request
    /// that is yielded after the failure is submitted again. [`Store`] describes the states of a request.
    ///
    /// The directory is locked while the batch runs. Another process can use the store as soon as no client, `Store` or
    /// [task](crate::SpeechTask) of this process has it open.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let store = directory.path().join("speeches");
    /// for _run in 0..2 {
    ///     let lines = [("intro", "Welcome."), ("end", "Goodbye.")];
    ///     let mut results = client.batch(lines).store(&store).run().await?;
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
    pub fn store(mut self, store: impl Into<StoreSettings>) -> Self {
        self.config.store = Some(store.into());
        self
    }
}

impl<K: Display + Send + 'static> Batch<K> {
    /// Validates the batch, opens its store, and returns the results as a stream. Nothing is sent
    /// until the stream is polled.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): an iterator has no requests, or two requests with the
    ///   same key; `max_in_flight` is 0, `requests_per_second` is not a number above 0, or `max_seconds` is
    ///   not a finite number from 0
    /// - the errors of [`Store::open`]
    ///
    /// Texts and other settings of a single request are validated later. Such an error is the result
    /// of that request.
    pub async fn run(self) -> Result<Results<K>, Error> {
        Ok(self.run_with_store().await?.0)
    }

    /// Returns the store, too, if there is one.
    pub(crate) async fn run_with_store(self) -> Result<(Results<K>, Option<Store>), Error> {
        let (mut engine, channels) = Engine::new(self.client.clone(), self.queue);
        let least_bill = least_bill(self.config.store.as_ref(), &self.client);
        let opened = self.config.validate_and_open(&mut engine).await;
        opened.map_err(|error| error.billed_at_least(least_bill))?;
        let (spending, store) = (engine.spending.clone(), engine.store.clone());
        Ok((Results::new(Box::pin(engine.run()), channels, spending, self.in_order), store))
    }
}

impl<K> Batch<K> {
    /// Returns what the batch would submit, and what that is expected to cost. Sends nothing.
    ///
    /// The [`store`](Self::store) is read, and is not created. Requests with an invalid text or option are counted in
    /// [`Plan::invalid`] only.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the requests are a stream, which can be read only once
    /// - the errors of [`Store::open`]
    pub async fn plan(&self) -> Result<Plan, Error> {
        self.planning().await
    }

    /// Returns the plan as a future that does not borrow the batch.
    pub(crate) fn planning(&self) -> impl Future<Output = Result<Plan, Error>> + Send + 'static {
        let list = self.queue.as_list();
        let requests: Option<Vec<_>> = list.map(|list| list.iter().map(|(_, speak)| speak.clone()).collect());
        let (client, config) = (self.client.clone(), self.config.clone());
        async move {
            let requests = requests.ok_or_else(|| {
                let problem = "the requests are a stream, expected an iterator for a plan";
                Error::invalid("batch", problem)
            })?;
            plan::plan(&client, config.store.as_ref(), config.limits, requests).await
        }
    }
}

/// Returns what the error of a job that cannot start says at least about the bill: an earlier run may have submitted its
/// texts.
pub(crate) fn least_bill(store: Option<&StoreSettings>, client: &Client) -> Billed {
    let has_run =
        store.map_or(client.store().is_some(), |store| store.may_have_entries(&client.inner().disk));
    if has_run { Billed::Maybe } else { Billed::No }
}

impl<K> fmt::Debug for Batch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("requests", &self.queue)
            .field("max_in_flight", &self.config.limits.max_in_flight)
            .field("requests_per_second", &self.config.limits.requests_per_second)
            .field("max_submissions", &self.config.max_submissions)
            .field("max_seconds", &self.config.max_seconds)
            .field("in_order", &self.in_order)
            .field("store", &self.config.store)
            .finish_non_exhaustive()
    }
}
