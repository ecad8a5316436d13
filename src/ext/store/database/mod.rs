//! The database of a store: one file with an entry for each request, kept with redb.
//!
//! # Why an embedded database
//!
//! The journal that this module replaces was our own append-only file, which was read as a whole at start. A store
//! grows for years, so opening it must not depend on its size, and one entry must be found without the others.
//! Measured in a release build on a machine with two cores, with 10^6 entries of 120 bytes:
//!
//! | | redb |
//! |---|---|
//! | size of the file | 272 MiB |
//! | opening | 1 ms and 0.1 MiB of memory; 0.5 s after a crash |
//! | one lookup, through the thread | 0.07 ms |
//! | one durable commit | 0.44 ms (an append with `fdatasync`: 0.17 ms) |
//!
//! `cargo bench --bench store` measures these.
//!
//! redb accepts another [`StorageBackend`](redb::StorageBackend), so tests replace the [`Disk`]. `SQLite` would need a VFS
//! for that, and unsafe code.
//!
//! # How works become durable
//!
//! One thread owns the database. Callers send it works: closures that read and write in a transaction. The works that wait
//! together are a group. They run in the order of the calls and share one commit, which costs one or two syncs. Each
//! caller gets its result after the commit.
//!
//! A work that fails or panics after it has written is taken out of its group: the transaction is aborted, and the other
//! works run again. For this reason, and for the reserve, a work is `Fn` and may run several times. Its only effects must be
//! those on the transaction.
//!
//! # Failed writes
//!
//! After a failed read or write, redb refuses everything until the database is opened again. `engine` does that, with the
//! same locked file, so no other process can take the store in between. Essential works of the group run again,
//! after the `reserve` file has been deleted to make room for them. Normal works fail. Later ones can read, and they can
//! write when the reserve could be filled again. The process need not be restarted.
//!
//! A failed sync may have lost what was written before it, although it can still be read. So a database that was not
//! closed, by this process or an earlier one, is written again as a whole before it is opened.
//!
//! An error does not prove that nothing was written: if only the sync failed, the group may be found after opening again.

mod directory;
mod engine;
mod file;
mod priority;
mod problem;
mod registry;
mod reserve;
mod thread;
mod transaction;
mod watched;
mod work;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod turns;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

#[cfg(test)]
use self::turns::Turns;
pub(super) use self::{directory::ENTRIES_FILE, priority::Priority, transaction::Transaction};
use self::{
    engine::Engine, file::LockedFile, registry::Registry, reserve::ReserveFile, thread::Thread, work::Work,
};
use super::{audio_files::AudioFiles, claims::Claims, refused_ids::RefusedIds};
use crate::{Error, ext::disk::Disk};

/// The databases that are open in this process, by the canonical path of their directory.
static OPEN: Registry<Handle> = Registry::new();

/// The open database of a directory.
///
/// Clones share it. When the last one is dropped, the works that still wait become durable and the lock is released,
/// before the drop returns.
#[derive(Clone)]
pub(super) struct Database(Arc<Handle>);

/// A database that is closed if nothing else keeps it open.
#[derive(Clone, Debug)]
pub(super) struct WeakDatabase(Weak<Handle>);

impl WeakDatabase {
    /// Returns the database if it is open.
    pub(super) fn upgrade(&self) -> Option<Database> {
        self.0.upgrade().map(Database)
    }
}

struct Handle {
    disk: Disk,
    directory: PathBuf,
    claims: Claims,
    refused_ids: RefusedIds,
    audio: AudioFiles,
    worker: Worker,
    /// The worker keeps it. Empty in memory.
    file: Weak<LockedFile>,
}

enum Worker {
    Thread(Thread),
    /// Works run on the thread of the caller or of the runtime.
    #[cfg(test)]
    Turns(Turns),
}

impl Database {
    /// Opens the database in `directory`, or creates both. A directory that is open in this process is shared.
    ///
    /// This blocks: usually for milliseconds, after a crash for about half a second for each million entries.
    pub(super) fn open(disk: &Disk, directory: &Path) -> Result<Self, Error> {
        let directory = directory::find_or_create(disk, directory)?;
        let open_engine = || {
            reserve::check_name(disk, &directory)?;
            let (path, file) = file::open(disk, &directory)?;
            let file = Arc::new(file);
            let reserve = ReserveFile::new(disk.clone(), &directory);
            let locked = Arc::downgrade(&file);
            Ok((Engine::open(path, file, Some(Box::new(reserve)))?, locked))
        };
        // Each simulation is a machine of its own.
        #[cfg(test)]
        if disk.is_simulated() {
            let (engine, file) = open_engine()?;
            let worker = Worker::Turns(Turns::of_runtime(engine));
            return Ok(Self(Arc::new(Handle::new(disk.clone(), directory, worker, file))));
        }
        let handle = OPEN.get_or_open(&directory, |registration| {
            let (engine, file) = open_engine()?;
            let thread = Thread::start(engine, registration)
                .map_err(|error| Error::io("could not start a thread for", &directory, error))?;
            Ok(Arc::new(Handle::new(disk.clone(), directory.clone(), Worker::Thread(thread), file)))
        })?;
        Ok(Self(handle))
    }

    /// Opens a database over another storage, without a thread: works run on the thread of the caller. A work must not send
    /// another work here.
    #[cfg(test)]
    pub(super) fn with_backend(backend: impl redb::StorageBackend) -> Result<Self, Error> {
        let path = PathBuf::from("memory");
        let engine = Engine::open(path.clone(), Arc::new(backend), None)?;
        let worker = Worker::Turns(Turns::of_caller(engine));
        Ok(Self(Arc::new(Handle::new(Disk::system(), path, worker, Weak::new()))))
    }

    /// Closes the database and removes its files, unless something else in this process uses it.
    pub(super) fn remove(self) {
        let Some(handle) = Arc::into_inner(self.0) else { return };
        if let Some(file) = handle.file.upgrade() {
            file.remove_when_closed();
        }
    }

    pub(super) fn downgrade(&self) -> WeakDatabase {
        WeakDatabase(Arc::downgrade(&self.0))
    }

    /// Returns the claims of this process on the requests of the database.
    pub(super) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// Returns the task ids that this process could not write.
    pub(super) fn refused_ids(&self) -> &RefusedIds {
        &self.0.refused_ids
    }

    /// Returns the audio files of the directory.
    pub(super) fn audio(&self) -> &AudioFiles {
        &self.0.audio
    }

    /// Returns where the directory is.
    pub(super) fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Returns the canonical path of the directory.
    pub(super) fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Runs `work` in a transaction and returns its value when the transaction is durable.
    ///
    /// The work runs also if the future is dropped after its first poll. If the work panics,
    /// the error is that of a damaged database.
    ///
    /// A work should check first and then write: if it fails after a write, its whole group runs again. It must not wait for
    /// another work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl Fn(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (work, result) = work::awaited(priority, work);
        self.0.worker.submit(Box::new(work));
        match result.await {
            Ok(result) => result,
            Err(_) => Err(Error::not_writable(&self.0.directory, "the thread of the store has ended")),
        }
    }

    /// Runs `work` as [`run`](Self::run) does, without waiting for it. An error is logged.
    pub(super) fn enqueue(
        &self,
        priority: Priority,
        work: impl Fn(&mut Transaction<'_>) -> Result<(), Error> + Send + 'static,
    ) {
        self.0.worker.submit(Box::new(work::logged(priority, work)));
    }
}

impl Handle {
    fn new(disk: Disk, directory: PathBuf, worker: Worker, file: Weak<LockedFile>) -> Self {
        let audio = AudioFiles::new(disk.clone(), directory.clone());
        let (claims, refused_ids) = (Claims::default(), RefusedIds::default());
        Self { disk, directory, claims, refused_ids, audio, worker, file }
    }
}

impl Worker {
    fn submit(&self, work: Box<dyn Work>) {
        match self {
            Self::Thread(thread) => thread.submit(work),
            #[cfg(test)]
            Self::Turns(turns) => turns.submit(work),
        }
    }
}
