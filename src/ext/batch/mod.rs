//! Many speeches at once.

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
    /// Speaks many texts: every iterator or stream of `(key, request)`, where a request is a [`Speak`] or a text alone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = std::env::temp_dir();
    /// let lines = ["Call me Ishmael.", "Some years ago."];
    /// let requests = lines.iter().enumerate().map(|(number, line)| (number, client.speak(*line).voice("nora")));
    ///
    /// let mut results = client.batch(requests).max_in_flight(8).requests_per_second(20.0).run();
    /// while let Some((number, speech)) = results.next().await {
    ///     match speech {
    ///         // What fails now can be fetched later. Leaving by `?` would stop the others.
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
    /// Nothing is sent until the results are taken. See [`Batch`], and [`Results::stop`] for how to leave before its end.
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

/// Many speeches to be, by [`Client::batch`].
///
/// Each is submitted and waited for as by itself: at most once, with faults waited out, until its own
/// [deadline](Speak::deadline), which counts from its first request on. One that fails sinks none of the others. All
/// share one timer, one budget of requests and one sense of when the server wants to be left alone, for which those that
/// are not sent yet have all the time there is; one that waits holds no connection. Where more is due than the budget
/// allows, the next request goes where it is expected to shorten the waiting most, and a last look at a deadline may come
/// late.
///
/// The key is yours, and comes back with the result; two with the same key (as it is displayed) are refused. For that the
/// keys of a stream are remembered, some dozen bytes each.
///
/// # Default
///
/// - `max_in_flight`: 64
/// - `requests_per_second`: no limit but that by `max_in_flight`, the pace of the polls and the server's `Retry-After`
/// - `in_order`: as they finish
/// - `journal`: none
///
/// # Errors
///
/// With the key that they are of: those of [`Speak`]. What is wrong with the batch as a whole comes before anything is
/// sent, with each of its keys; [`start`](Self::start) tells it apart from the rest.
#[must_use = "nothing is sent until it runs"]
pub struct Batch<K> {
    client: Client,
    requests: Requests<K>,
    max_in_flight: usize,
    requests_per_second: Option<f64>,
    in_order: bool,
    journal: Option<PathBuf>,
}

impl<K> Batch<K> {
    /// How many are under way at most, from their submission until you take the result. At least 1.
    ///
    /// One that waits costs about a kilobyte, so that 10,000 are no burden to this machine; whether they are to the
    /// server is another question.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count;
        self
    }

    /// How many requests to the API go out in any second, submissions and polls together: any number above 0. Half a
    /// request is one in two seconds; two and a half are two, for a second must not have three. Downloads don't count; they
    /// go to another host.
    ///
    /// What would exceed it waits for its turn. Seconds are counted a little long (15 ms), so that the server doesn't
    /// see more in one of its own if the network holds some of them up.
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.requests_per_second = Some(rate);
        self
    }

    /// Results in the order of the requests, instead of as they finish. One that is slow then holds back those behind it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
    /// let numbers: Vec<_> = client.batch(lines).in_order().run().map(|(number, _)| number).collect().await;
    /// assert_eq!(numbers, [0, 1, 2]);
    /// # Ok(()) }
    /// ```
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Keeps a journal in this file, so that the same batch can be run again after a crash.
    ///
    /// Each request is announced on disk before it is sent, and each id is on disk before anything else happens to it.
    /// Run the same program again, and with the journal
    ///
    /// - what was never sent, or was refused, is sent
    /// - what was submitted is not submitted again but asked for by its id, finished or not: that is free, and brings a
    ///   fresh address of the audio. [`on_submitted`](Speak::on_submitted) is not called for it
    /// - what was sent and not answered before the crash is an error [in doubt](Error::is_in_doubt), unless its
    ///   request [says otherwise](Speak::resubmit_in_doubt); how often it was sent counts over all runs
    ///
    /// Requests may be added, and those of which nothing was taken may be corrected or left out. If others are changed or
    /// missing, it is another batch, and refused: of a list before anything is sent, of a stream key by key, with a line
    /// in the log at its end for those that were missing.
    ///
    /// A last line that a crash has torn is left out. The file holds keys, task ids, times and what tells the requests
    /// apart; not the texts, the address of the API, or the account. It grows by some 400 bytes for each request and 80
    /// more with each run, is locked while the batch runs, and must be left alone until then. It may be deleted when
    /// everything in it is settled.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let journal = directory.path().join("talk.journal");
    /// for _run in 0..2 {
    ///     let mut results = client.batch([("intro", "Welcome."), ("end", "Goodbye.")]).journal(&journal).run();
    ///     while let Some((key, speech)) = results.next().await {
    ///         if let Err(error) = async { speech?.save(directory.path().join(format!("{key}.wav"))).await }.await {
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
    /// The results, as a stream. What is wrong with the batch as a whole comes with each of its keys.
    pub fn run(self) -> Results<K> {
        let (client, in_order) = (self.client.clone(), self.in_order);
        let (mut engine, plan, channels) = self.into_engine();
        let driver = async move {
            if let Err(error) = plan.validate_and_open(&mut engine).await {
                tracing::error!(%error, "the batch is refused; nothing is sent");
                engine.fatal = Some(error);
            }
            engine.run().await
        };
        Results::new(client, Box::pin(driver), channels, in_order)
    }

    /// As [`run`](Self::run), but tells beforehand what is wrong with the batch as a whole.
    ///
    /// # Errors
    ///
    /// All before anything is sent:
    /// - [`is_invalid`](Error::is_invalid): no requests, two of the same key, a `max_in_flight` of 0, a rate that is not
    ///   above 0; a journal that is a directory, is in use, is of another batch or version, or is damaged (with the line)
    /// - [`is_io`](Error::is_io): the journal can't be read or written
    pub async fn start(self) -> Result<Results<K>, Error> {
        let (client, in_order) = (self.client.clone(), self.in_order);
        let (mut engine, plan, channels) = self.into_engine();
        plan.validate_and_open(&mut engine).await?;
        Ok(Results::new(client, Box::pin(engine.run()), channels, in_order))
    }

    fn into_engine(self) -> (Engine<K, Client>, Config, Channels<K>) {
        let (results, ended) = mpsc::unbounded_channel();
        let (taken, heard) = mpsc::unbounded_channel();
        let (told, progress) = watch::channel(Progress::default());
        let (queue, queued) = match self.requests.0 {
            Source::List(list) => {
                let count = list.len();
                (Queue::List(list.into_iter()), Some(count))
            }
            Source::Stream(stream) => (Queue::Stream(stream, HashSet::new()), None),
        };
        let plan = Config {
            max_in_flight: self.max_in_flight,
            requests_per_second: self.requests_per_second,
            journal: self.journal,
        };
        let consumer = Consumer { results, released: heard };
        let engine = Engine::new(self.client, queue, ProgressTracker::new(told, queued), consumer);
        (engine, plan, Channels { finished: ended, released: taken, progress })
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
