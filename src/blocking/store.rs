use std::path::{Path, PathBuf};

use super::runtime::Runtime;
use crate::{
    Error,
    store::{Entry, RequestHash, Settlement, StoreSettings},
};

/// A directory that records the state and the audio of each request. The same request is not submitted again, unless the
/// server rejected it, its task failed, or you ask for it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let directory = tempfile::tempdir()?;
/// let client = simulator.client_builder().store(directory.path()).build()?;
/// for _ in 0..2 {
///     client.speak("Good morning.").run()?;
/// }
/// assert_eq!(simulator.creates(), 1);
///
/// for entry in client.store().expect("the client has a store").entries() {
///     let entry = entry?;
///     println!("{} {}", entry.hash(), entry.state());
/// }
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::store::Store`], and uses the same directories.
#[derive(Clone, Debug)]
pub struct Store {
    inner: crate::store::Store,
    runtime: Runtime,
}

impl Store {
    pub(super) fn new(inner: crate::store::Store, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    /// Returns the settings of a store in this directory, which is created when the store is opened.
    pub fn at(directory: impl Into<PathBuf>) -> StoreSettings {
        crate::store::Store::at(directory)
    }

    /// Opens a store, or creates it, and starts a thread for it. Use it to look at a store without a client.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task, or the thread could not be started
    /// - the errors of [`crate::store::Store::open`]
    pub fn open(settings: impl Into<StoreSettings>) -> Result<Self, Error> {
        let runtime = Runtime::start()
            .map_err(|error| Error::invalid("store", "could not start a thread").with_source(error))?;
        let inner = runtime.run(crate::store::Store::open(settings.into()))?;
        Ok(Self { inner, runtime })
    }

    /// Returns the directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.inner.directory()
    }

    /// Returns all entries, in the order of their hashes. Entries that change meanwhile may be old or new.
    pub fn entries(&self) -> Entries {
        Entries { inner: Some(self.inner.entries()), runtime: self.runtime.clone() }
    }

    /// Returns the entry of a request, or `None` if it is missing.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::store::Store::get`]
    pub fn get(&self, hash: &RequestHash) -> Result<Option<Entry>, Error> {
        let (store, hash) = (self.inner.clone(), *hash);
        self.runtime.run(async move { store.get(&hash).await })
    }

    /// Removes an entry and its audio, and returns `true` if there was one. **The next request for the same speech is
    /// submitted and billed.**
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::store::Store::forget`]
    pub fn forget(&self, hash: &RequestHash) -> Result<bool, Error> {
        let (store, hash) = (self.inner.clone(), *hash);
        self.runtime.run(async move { store.forget(&hash).await })
    }

    /// Settles an entry in doubt, after you have found out whether the request was billed.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::store::Store::settle`]
    pub fn settle(&self, hash: &RequestHash, settlement: Settlement) -> Result<(), Error> {
        let (store, hash) = (self.inner.clone(), *hash);
        self.runtime.run(async move { store.settle(&hash, settlement).await })
    }

    /// Removes the least recently used audio files until the others have at most `max_audio_bytes` bytes together. Returns
    /// the number of removed bytes.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::store::Store::prune`]
    pub fn prune(&self, max_audio_bytes: u64) -> Result<u64, Error> {
        let store = self.inner.clone();
        self.runtime.run(async move { store.prune(max_audio_bytes).await })
    }
}

impl From<Store> for StoreSettings {
    fn from(store: Store) -> Self {
        store.inner.into()
    }
}

impl From<&Store> for StoreSettings {
    fn from(store: &Store) -> Self {
        (&store.inner).into()
    }
}

/// An iterator over the entries of a [`Store`]. `next` blocks until the next entry is read.
///
/// A damaged entry is an error, and the iterator continues with the next one. In an async task, `next` returns an
/// [`is_invalid`](Error::is_invalid) error, and the iterator ends.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Entries {
    inner: Option<crate::store::Entries>,
    runtime: Runtime,
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.next(&mut self.inner)
    }
}
