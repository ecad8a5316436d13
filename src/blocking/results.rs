use std::fmt;

use tokio::sync::watch;

use super::{Speech, runtime::Runtime};
use crate::{Error, batch::Progress};

/// The results of a [`Batch`](super::Batch), as an iterator of `(key, Result<Speech, Error>)`.
///
/// The batch begins with the first `next` and goes on by itself from then on, on the thread of the client: also while
/// you are busy with a result. It takes no new requests while [`max_in_flight`](super::Batch::max_in_flight) results
/// wait for you.
///
/// Dropped before its end, the batch stops: nothing more is sent, and what waits is left as it is on the server. The
/// drop returns when nothing is on its way any more that could be billed: what is being submitted is heard to the end,
/// by the request timeout at most, and noted in the [journal](super::Batch::journal).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let journal = directory.path().join("talk.journal");
/// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
/// let mut results = client.batch(lines).journal(journal).run()?;
/// let first = results.next();
/// drop(results); // What was submitted is in the journal.
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// `next`, within an async runtime: an error would need a key that it is of. See the [module](super).
#[must_use = "nothing is sent until the first result is asked for"]
pub struct Results<K> {
    results: crate::batch::Results<K>,
    runtime: Runtime,
}

impl<K> Results<K> {
    pub(super) fn new(results: crate::batch::Results<K>, runtime: Runtime) -> Self {
        Self { results, runtime }
    }

    /// How far the batch is, whenever you look: `borrow()` it, on any thread.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// let mut results = client.batch([("a", "Good morning."), ("b", "Good night.")]).run()?;
    /// let progress = results.progress();
    /// for (key, speech) in &mut results {
    ///     println!("{key}: {}; {} done", speech.is_ok(), progress.borrow().done);
    /// }
    /// assert_eq!(progress.borrow().done, 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.results.progress()
    }

    /// Stops, and returns what was begun and not taken, as [`crate::batch::Results::stop`] does: what is being submitted
    /// is heard to the end, by the request timeout at most.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) within an async runtime; it is stopped all the same.
    pub fn stop(mut self) -> Result<Undelivered<K>, Error> {
        let Self { results, runtime } = &mut self;
        let left = runtime.run(async { Ok(results.stop_and_drain().await) })?;
        let speech = |speech| Speech::new(speech, runtime.clone());
        Ok(left.into_iter().map(|(key, end)| (key, end.map(speech))).collect())
    }
}

/// What a batch that was stopped has left.
type Undelivered<K> = Vec<(K, Result<Speech, Error>)>;

impl<K> Iterator for Results<K> {
    type Item = (K, Result<Speech, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { results, runtime } = self;
        let next = runtime.run(async { Ok(results.next().await) });
        let (key, speech) = next.unwrap_or_else(|refusal| panic!("{refusal}"))?;
        Some((key, speech.map(|speech| Speech::new(speech, runtime.clone()))))
    }
}

impl<K> Drop for Results<K> {
    fn drop(&mut self) {
        if let Some(driver) = self.results.stop_intake() {
            self.runtime.run_to_completion(async move { drop(driver.await) });
        }
    }
}

impl<K> fmt::Debug for Results<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.results.fmt(f)
    }
}
