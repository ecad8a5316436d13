use std::{
    fmt::{self, Display},
    path::PathBuf,
};

use super::{Results, runtime::Runtime};
use crate::Error;

/// Many speeches to be, by [`Client::batch`](super::Client::batch).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
/// for (number, speech) in client.batch(lines).max_in_flight(8).requests_per_second(20.0).in_order().run()? {
///     println!("line {number}: {}", speech?.id());
/// }
/// # Ok(()) }
/// ```
///
/// It is [`crate::batch::Batch`], with its defaults: each is submitted at most once and waited for, many at a time, on
/// the one thread of the client; so is what their [`on_submitted`](super::Speak::on_submitted) does, which should be
/// short.
#[must_use = "nothing is sent until it runs"]
pub struct Batch<K> {
    batch: crate::batch::Batch<K>,
    runtime: Runtime,
}

impl<K> Batch<K> {
    pub(super) fn new(batch: crate::batch::Batch<K>, runtime: Runtime) -> Self {
        Self { batch, runtime }
    }

    /// How many are under way at most, from their submission until you take the result. At least 1; 64 unless set.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.batch = self.batch.max_in_flight(count);
        self
    }

    /// How many requests to the API go out in any second, submissions and polls together; see
    /// [`crate::batch::Batch::requests_per_second`].
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.batch = self.batch.requests_per_second(rate);
        self
    }

    /// Results in the order of the requests, instead of as they finish. One that is slow then holds back those behind it.
    pub fn in_order(mut self) -> Self {
        self.batch = self.batch.in_order();
        self
    }

    /// Keeps a journal in this file, so that the same batch can be run again after a crash, here or async: see
    /// [`crate::batch::Batch::journal`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// let journal = directory.path().join("talk.journal");
    /// for _run in 0..2 {
    ///     for (key, speech) in client.batch([("intro", "Welcome."), ("end", "Goodbye.")]).journal(&journal).run()? {
    ///         speech?.save(directory.path().join(format!("{key}.wav")))?;
    ///     }
    /// }
    /// assert_eq!(simulator.creates(), 2);
    /// # Ok(()) }
    /// ```
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.batch = self.batch.journal(path);
        self
    }
}

impl<K: Display + Send + 'static> Batch<K> {
    /// The results, as an iterator. Nothing is sent before its first `next`.
    ///
    /// # Errors
    ///
    /// What is wrong with the batch as a whole, as [`crate::batch::Batch::start`] tells it;
    /// [`is_invalid`](Error::is_invalid) within an async runtime.
    pub fn run(self) -> Result<Results<K>, Error> {
        let results = self.runtime.run(self.batch.start())?;
        Ok(Results::new(results, self.runtime))
    }
}

impl<K> fmt::Debug for Batch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.batch.fmt(f)
    }
}
