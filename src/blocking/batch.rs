use std::fmt::{self, Display};

use super::{Results, forward::forward, runtime::Runtime};
use crate::{
    Error,
    store::{Plan, StoreSettings},
};

/// A batch of speech requests, from [`Client::batch`](super::Client::batch).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
/// let batch = client.batch(lines).max_in_flight(8).requests_per_second(20.0).in_order();
/// for (number, speech) in batch.run()? {
///     println!("line {number}: {}", speech.is_ok());
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::batch::Batch`], with the same defaults
/// and the same rules for retries. All requests run on the thread of the client, which also calls
/// [`on_submitted`](super::Speak::on_submitted). Keep this callback short, because it delays all
/// requests.
#[must_use = "nothing is sent until the batch runs"]
pub struct Batch<K> {
    inner: crate::batch::Batch<K>,
    runtime: Runtime,
}

impl<K> Batch<K> {
    pub(super) fn new(inner: crate::batch::Batch<K>, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::batch::Batch";
        /// Sets the maximum number of requests in flight. At least 1; the default is 64.
        set max_in_flight(count: usize);
        /// Sets the maximum number of requests to the API per second. Any number above 0.
        set requests_per_second(rate: f64);
        /// Sets the maximum number of submissions.
        set max_submissions(count: usize);
        /// Sets the maximum duration of the audio that the batch submits, in seconds.
        set max_seconds(seconds: f64);
        /// Returns the results in the order of the requests, instead of the order in which they finish.
        set in_order();
        /// Records the state and the audio of each request in this directory, so that you can run the same batch again,
        /// also after a crash. The async client can use the same directory.
        ///
        /// ```
        /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// # let simulator = distribute_ai::blocking::Simulator::start()?;
        /// # let client = simulator.client();
        /// # let directory = tempfile::tempdir()?;
        /// let store = directory.path().join("speeches");
        /// for _run in 0..2 {
        ///     let batch = client.batch([("intro", "Welcome."), ("end", "Goodbye.")]);
        ///     for (key, speech) in batch.store(&store).run()? {
        ///         let path = directory.path().join(format!("{key}.wav"));
        ///         if let Err(error) = speech.and_then(|speech| speech.save(path)) {
        ///             eprintln!("{key}: {error}");
        ///         }
        ///     }
        /// }
        /// assert_eq!(simulator.creates(), 2);
        /// # Ok(()) }
        /// ```
        set store(store: impl Into<StoreSettings>);
    }
}

impl<K> Batch<K> {
    /// Returns what the batch would submit, and what that is expected to cost. Sends nothing.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::batch::Batch::plan`]
    pub fn plan(&self) -> Result<Plan, Error> {
        self.runtime.run(self.inner.planning())
    }
}

impl<K: Display + Send + 'static> Batch<K> {
    /// Validates the batch, opens its store, and returns an iterator over the results. Nothing is
    /// sent until the first call of `next`.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::batch::Batch::run`]
    pub fn run(self) -> Result<Results<K>, Error> {
        let results = self.runtime.run(self.inner.run())?;
        Ok(Results::new(results, self.runtime))
    }
}

impl<K> fmt::Debug for Batch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
