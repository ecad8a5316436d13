use std::fmt;

use tokio::sync::watch;

use super::{Speech, runtime::Runtime};
use crate::{Error, batch::Progress};

/// An iterator over the results of a [`Batch`](super::Batch), as `(key, Result<Speech, Error>)`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let store = directory.path().join("speeches");
/// let lines = ["One.", "Two.", "Three."].into_iter().enumerate();
/// let mut results = client.batch(lines).store(store).run()?;
/// let first = results.next();
/// drop(results); // The store contains the submitted tasks.
/// # Ok(()) }
/// ```
///
/// The batch starts with the first `next`. From then on, it runs on the thread of the client, even while you
/// process a result. It starts no new requests while [`max_in_flight`](super::Batch::max_in_flight) results
/// are not taken.
///
/// Dropping the iterator early stops the batch: no further request is sent, and unfinished tasks continue on
/// the server. The drop waits for pending submissions, for at most the request timeout, and records them in
/// the [store](super::Batch::store).
///
/// # Panics
///
/// `next` and `stop` panic in a callback of the same client, such as `on_submitted`, because the wait would
/// never end. In other async code, they block the thread. They cannot return an error there, because each
/// result has a key. See the [module](super).
#[must_use = "nothing is sent until the first call of `next`"]
pub struct Results<K> {
    /// `None` after [`stop`](Self::stop).
    inner: Option<crate::batch::Results<K>>,
    progress: watch::Receiver<Progress>,
    runtime: Runtime,
}

impl<K> Results<K> {
    pub(super) fn new(results: crate::batch::Results<K>, runtime: Runtime) -> Self {
        let progress = results.progress();
        Self { inner: Some(results), progress, runtime }
    }

    /// Returns a receiver that holds the latest progress and is notified of each change.
    ///
    /// Call `borrow()` on the receiver, on any thread.
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
        self.progress.clone()
    }

    /// Stops the batch and returns every result that you have not taken.
    ///
    /// Waits for pending submissions, for at most the request timeout. See [`crate::batch::Results::stop`].
    ///
    /// # Panics
    ///
    /// Panics in a callback of the same client.
    #[must_use = "the results contain the ids of submitted tasks"]
    pub fn stop(mut self) -> Vec<(K, Result<Speech, Error>)>
    where
        K: Send + 'static,
    {
        let runtime = self.runtime.clone();
        let Some(results) = self.inner.take() else { return Vec::new() };
        let undelivered = runtime.block_on(results.stop());
        let speech = |speech| Speech::new(speech, runtime.clone());
        undelivered.into_iter().map(|(key, result)| (key, result.map(speech))).collect()
    }
}

impl<K: Send + 'static> Iterator for Results<K> {
    type Item = (K, Result<Speech, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        // Before the results are taken, so that a panic does not lose them.
        self.runtime.assert_other_thread();
        let mut results = self.inner.take()?;
        let (next, results) = self.runtime.block_on(async move { (results.next().await, results) });
        self.inner = Some(results);
        let (key, speech) = next?;
        Some((key, speech.map(|speech| Speech::new(speech, self.runtime.clone()))))
    }
}

impl<K> Drop for Results<K> {
    fn drop(&mut self) {
        if let Some(results) = &mut self.inner {
            self.runtime.run_to_completion(results.stop_intake());
        }
    }
}

impl<K> fmt::Debug for Results<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}
