use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt, stream};

use super::{
    RequestHash, StoreSettings,
    claims::Unclaimed,
    database::{Database, Priority},
    entry::{Entries, Entry, Settlement},
    facts::{Request, get, parse, put, read},
    handle::EntryHandle,
    record::{Record, RecordState},
    settings::Place,
    shared::Shared,
};
use crate::{Error, ext::disk::Disk};

/// The number of entries that are read at a time.
const PAGE: usize = 256;

/// A directory that records the state and the audio of each request. The same request is not submitted again, unless
/// the server rejected it, its task failed, or you ask for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("speeches");
/// let client = simulator.client_builder().store(&path).build()?;
/// for _ in 0..2 {
///     client.speak("Good morning.").await?;
/// }
/// assert_eq!(simulator.creates(), 1);
///
/// let store = client.store().expect("the client has a store");
/// let mut entries = store.entries();
/// while let Some(entry) = entries.next().await {
///     let entry = entry?;
///     println!("{} {} {:?}", entry.hash(), entry.state(), entry.duration());
/// }
/// # Ok(()) }
/// ```
///
/// With [`ClientBuilder::store`](crate::ClientBuilder::store), all requests of a client use the store. For the requests of one
/// job, use [`Batch::store`](crate::batch::Batch::store) or [`InPieces::store`](crate::long_text::InPieces::store).
///
/// # Requests
///
/// Requests with the same text, model, voice, parameters, base URL and [take](crate::Speak::take) have one entry. The
/// API key is not part of the request. With the key of another account, a speech is returned if its audio is in the
/// store. Otherwise, its task is not found.
///
/// An entry is written to disk before its request is sent, and again as soon as the task id arrives. A later
/// request for the same speech depends on its state:
///
/// | state | a later request |
/// |---|---|
/// | stored | returns the speech without a request, or downloads the audio again if it is not in the store |
/// | announced | waits for the submission of this process, and then for its task |
/// | submitted | waits for the task |
/// | failed | is submitted |
/// | in doubt | returns an [`is_in_doubt`](Error::is_in_doubt) error until you [`settle`](Self::settle) the entry or allow a [resubmission](crate::Speak::resubmit_in_doubt) |
/// | no entry | is submitted |
///
/// If the process is killed after the entry is written and before the task id is recorded, the entry is in doubt, even if
/// the request was not sent yet. If the server does not know a submitted task any more, the request returns an
/// [`is_not_found`](Error::is_not_found) error, until you [`forget`](Self::forget) the entry.
///
/// A stored entry stays stored. If its audio is not in the store, and the server reports the task as failed when it is polled
/// again, the request returns an [`is_failed`](Error::is_failed) error. Nothing is submitted until you
/// [`forget`](Self::forget) the entry or use [`redo`](crate::Speak::redo).
///
/// Dropping a future does not cut off a submission: the submission finishes in the background, and its task id is
/// recorded.
///
/// # Durations
///
/// The store also keeps how long the last 64 tasks took, for each API and model. The [poll policy](crate::pacing) of
/// each client learns from them before the first poll, so a program that speaks one text and ends polls well, too. Of
/// the tasks that are older than a day, at most 16 count, and after 30 days none.
///
/// The durations are written together with the entry of their task. If they are lost or damaged, the policy learns
/// again.
///
/// # Directory
///
/// The directory contains the file `entries.redb`, a small file `reserve` that makes room when the disk is full, and a
/// file `<hash>.wav` for each audio. On Unix, only the owner can read the files. A directory that the library creates is
/// private too. One process at a time can use the directory, with any number of clients. Entries contain no text, unless
/// you set [`keep_text`](StoreSettings::keep_text).
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

impl Store {
    /// Returns the settings of a store in this directory, which is created when the store is opened.
    pub fn at(directory: impl Into<PathBuf>) -> StoreSettings {
        StoreSettings::new(directory.into())
    }

    /// Opens a store, or creates it. Use it to look at a store without a client.
    ///
    /// If this process has opened the directory already, both share the store.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the path is a file, its parent directory is missing, the file system does not
    ///   support file locks, another process uses the store, or the store is damaged or was written by a newer version
    /// - [`is_io`](Error::is_io): another file operation fails, for example because of permissions or a full disk
    pub async fn open(settings: impl Into<StoreSettings>) -> Result<Self, Error> {
        Self::open_on(&Disk::system(), settings.into()).await
    }

    pub(crate) async fn open_on(disk: &Disk, settings: StoreSettings) -> Result<Self, Error> {
        disk.try_run(|disk| Self::open_blocking(disk, settings)).await
    }

    pub(crate) fn open_blocking(disk: &Disk, settings: StoreSettings) -> Result<Self, Error> {
        let StoreSettings { place, options } = settings;
        let database = match place {
            Place::Open(database) => database,
            Place::Directory(directory) => Database::open(disk, &directory)?,
        };
        Ok(Self { shared: Arc::new(Shared::new(database, options)) })
    }

    /// Returns an empty store in memory, which answers at once.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        let options = super::settings::Options { keep_audio: false, ..Default::default() };
        let database = Database::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        Self { shared: Arc::new(Shared::new(database, options)) }
    }

    pub(crate) fn keeps_audio(&self) -> bool {
        self.shared.options.keep_audio
    }

    /// Returns the entry of a request.
    pub(crate) fn entry(&self, request: Request<'_>) -> EntryHandle {
        EntryHandle::new(Arc::clone(&self.shared), request)
    }

    /// Returns the directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.shared.database.directory()
    }

    /// Returns all entries, in the order of their hashes. An entry that changes meanwhile is returned
    /// in its old or its new state.
    ///
    /// # Errors
    ///
    /// As items of the stream:
    ///
    /// - [`is_invalid`](Error::is_invalid): an entry is damaged. The stream continues with the next one.
    /// - [`is_io`](Error::is_io): the store cannot be read. This ends the stream.
    pub fn entries(&self) -> Entries {
        let pages = stream::unfold(Some((self.clone(), None)), |state| async {
            let (store, after) = state?;
            let page =
                store.shared.database.run(Priority::Normal, move |transaction| transaction.page(after, PAGE));
            match page.await {
                Ok(page) => {
                    let next = page.last().map(|(hash, _)| (store.clone(), Some(*hash)));
                    Some((store.view(page).await, next))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        Entries(Box::pin(pages.flat_map(stream::iter).fuse()))
    }

    async fn view(&self, page: Vec<(RequestHash, Vec<u8>)>) -> Vec<Result<Entry, Error>> {
        let mut entries = Vec::with_capacity(page.len());
        for (hash, bytes) in page {
            match parse(hash, &bytes) {
                Ok(record) if record.is_announced() => entries.extend(self.get(&hash).await.transpose()),
                record => entries.push(record.map(|record| Entry::new(hash, record, false))),
            }
        }
        entries
    }

    /// Returns the entry of a request, or `None` if it is missing.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the entry is damaged
    /// - [`is_io`](Error::is_io): the store cannot be read
    pub async fn get(&self, hash: &RequestHash) -> Result<Option<Entry>, Error> {
        let Some(record) = self.read(hash).await? else { return Ok(None) };
        if !record.is_announced() {
            return Ok(Some(Entry::new(*hash, record, false)));
        }
        match self.shared.database.claims().try_unclaimed(*hash) {
            None => Ok(Some(Entry::new(*hash, record, true))),
            // The submission may have ended in between.
            Some(_unclaimed) => Ok(self.read(hash).await?.map(|record| Entry::new(*hash, record, false))),
        }
    }

    async fn read(&self, hash: &RequestHash) -> Result<Option<Record>, Error> {
        read(&self.shared.database, *hash).await
    }

    /// Removes an entry and its audio, and returns `true` if there was one.
    ///
    /// **The next request for the same speech is submitted and billed.** Use it for a task that the server does not know any
    /// more, for a stored speech whose audio is lost, or for a speech that you do not need.
    ///
    /// If a wait for the forgotten task is under way, the wait adds the entry again when it returns the speech.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the request is being submitted
    /// - [`is_io`](Error::is_io): the store cannot be written
    pub async fn forget(&self, hash: &RequestHash) -> Result<bool, Error> {
        let hash = *hash;
        let _unclaimed = self.unclaimed(hash)?;
        let removed = self.shared.database.run(Priority::Normal, move |transaction| {
            // A damaged entry can be forgotten too.
            let found = transaction.get(hash)?.is_some();
            transaction.remove(hash)?;
            Ok(found)
        });
        let removed = removed.await?;
        self.shared.database.audio().remove(hash).await?;
        Ok(removed)
    }

    /// Settles an entry in doubt. Find out first whether the request was billed.
    ///
    /// ```no_run
    /// # async fn run(store: &distribute_ai::store::Store) -> Result<(), distribute_ai::Error> {
    /// use distribute_ai::store::{EntryState, Settlement};
    ///
    /// let mut entries = store.entries();
    /// while let Some(entry) = entries.next().await {
    ///     let entry = entry?;
    ///     if entry.state() == EntryState::InDoubt && entry.label() == Some("chapter 7") {
    ///         store.settle(&entry.hash(), Settlement::NotBilled).await?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the entry does not exist, is not in doubt, or is being submitted
    /// - [`is_io`](Error::is_io): the store cannot be written
    pub async fn settle(&self, hash: &RequestHash, settlement: Settlement) -> Result<(), Error> {
        let hash = *hash;
        let _unclaimed = self.unclaimed(hash)?;
        let refused_ids = self.shared.database.refused_ids().clone();
        let settled = self.shared.database.run(Priority::Normal, move |transaction| {
            let Some(record) = get(transaction, hash)? else {
                return Err(Error::invalid("hash", format!("the store has no entry {hash}")));
            };
            let record = refused_ids.complete(hash, record);
            if !matches!(record.state, RecordState::Announced | RecordState::InDoubt) {
                let state = Entry::new(hash, record, false).state();
                return Err(Error::invalid("hash", format!("entry {hash} is {state}, expected in_doubt")));
            }
            match settlement.clone() {
                Settlement::Billed(id) => put(transaction, hash, &record.submitted(&id)),
                Settlement::NotBilled => match record.not_billed() {
                    Some(record) => put(transaction, hash, &record),
                    None => transaction.remove(hash),
                },
            }
        });
        settled.await
    }

    /// Removes the least recently used audio files until the others have at most `max_audio_bytes` bytes together. Returns
    /// the number of removed bytes.
    ///
    /// The entries stay, so that the audio can be downloaded again. To do this automatically, use
    /// [`max_audio_bytes`](StoreSettings::max_audio_bytes).
    ///
    /// # Errors
    ///
    /// - [`is_io`](Error::is_io): the directory cannot be read, or a file cannot be removed
    pub async fn prune(&self, max_audio_bytes: u64) -> Result<u64, Error> {
        self.shared.database.audio().prune(max_audio_bytes).await
    }

    /// Returns when everything that was recorded before is on disk.
    pub(crate) async fn flush(&self) {
        let flushed = self.shared.database.run(Priority::Essential, |_| Ok(()));
        if let Err(error) = flushed.await {
            tracing::error!(?error, "store not written");
        }
    }

    /// Closes the store and removes its files, unless something else in this process uses it. Errors are ignored: a store
    /// that is left is harmless, because a later run uses it without being billed.
    pub(crate) async fn remove(self) {
        let disk = self.shared.database.disk().clone();
        let remove = move || {
            if let Some(shared) = Arc::into_inner(self.shared) {
                shared.database.remove();
            }
        };
        let _ = disk.run(remove).await;
    }

    /// Until the result is dropped, the request is not submitted.
    fn unclaimed(&self, hash: RequestHash) -> Result<Unclaimed, Error> {
        self.shared.database.claims().try_unclaimed(hash).ok_or_else(|| {
            Error::invalid(
                "hash",
                format!("entry {hash} is being submitted, expected one that is not; try again later"),
            )
        })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("directory", &self.directory()).finish_non_exhaustive()
    }
}

impl From<Store> for StoreSettings {
    fn from(store: Store) -> Self {
        (&store).into()
    }
}

impl From<&Store> for StoreSettings {
    fn from(store: &Store) -> Self {
        let Shared { database, options, .. } = &*store.shared;
        Self { place: Place::Open(database.clone()), options: *options }
    }
}
