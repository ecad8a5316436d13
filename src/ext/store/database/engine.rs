//! Runs groups of works, and opens the database again after a failure.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Builder, ReadableTable, StorageBackend, WriteTransaction};

use super::{
    directory::RESERVE_FILE,
    file::MAGIC,
    priority::Priority,
    problem,
    reserve::{Reserve, Space},
    transaction::{ENTRIES, META, Transaction},
    watched::{FirstError, Watched},
    work::{Ran, Work},
};
use crate::Error;

/// The version of the format of a store.
const VERSION: &str = "1";

/// Keys are hashes, so neighbours are rarely read together, and the system caches the file anyway. redb's default of 1 GiB
/// would keep most of a large store in memory.
const CACHE_BYTES: usize = 16 << 20;

/// The number of bytes that are written again at once.
const CHUNK: usize = 1 << 20;

/// The bit in the byte after [`MAGIC`] that redb sets when it opens a file, and removes when it has closed it.
const RECOVERY_REQUIRED: u8 = 2;

/// The smallest part of a file that can be a hole.
const BLOCK: usize = 4096;

pub(super) struct Engine {
    /// For messages.
    path: PathBuf,
    storage: Arc<dyn StorageBackend>,
    space: Space,
    /// Empty after a failure, until the next group.
    connection: Option<Connection>,
}

struct Connection {
    database: redb::Database,
    first_error: FirstError,
}

/// The outcome of a group.
enum GroupOutcome {
    Durable,
    /// The work at this index failed after it had written, or panicked. Nothing was committed.
    Excluded(usize),
    /// The group was not committed, and the database must be opened again.
    Failed(Error),
}

impl Engine {
    pub(super) fn open(
        path: PathBuf,
        storage: Arc<dyn StorageBackend>,
        reserve: Option<Box<dyn Reserve>>,
    ) -> Result<Self, Error> {
        // First the database: a directory that is not a store gets no reserve.
        let connection = Some(connect(&path, &storage)?);
        let space = Space::new(reserve, path.with_file_name(RESERVE_FILE))?;
        Ok(Self { path, storage, space, connection })
    }

    /// Runs the works in one transaction and delivers their results when it is durable.
    pub(super) fn execute(&mut self, mut works: Vec<Box<dyn Work>>) {
        self.space.begin_group();
        let mut is_first_failure = true;
        while !works.is_empty() {
            match self.run_group(&mut works) {
                GroupOutcome::Durable => works.drain(..).for_each(Work::finish),
                GroupOutcome::Excluded(index) => works.remove(index).finish(),
                GroupOutcome::Failed(error) => {
                    tracing::error!(?error, path = %self.path.display(), "store failed, opening it again");
                    self.close();
                    self.space.release();
                    let may_retry = std::mem::take(&mut is_first_failure);
                    let (retried, failed): (Vec<_>, Vec<_>) = (works.into_iter())
                        .partition(|work| may_retry && work.priority() == Priority::Essential);
                    works = retried;
                    for work in failed {
                        work.fail(error.clone());
                    }
                }
            }
        }
    }

    fn run_group(&mut self, works: &mut [Box<dyn Work>]) -> GroupOutcome {
        let connection = match self.connection.take().map_or_else(|| connect(&self.path, &self.storage), Ok) {
            Ok(connection) => self.connection.insert(connection),
            Err(error) => return GroupOutcome::Failed(error),
        };
        let (path, space, first_error) = (&*self.path, &mut self.space, &connection.first_error);
        let failed = |error: redb::Error| {
            GroupOutcome::Failed(first_error.get(path).unwrap_or_else(|| problem::redb(path, error)))
        };
        let transaction = match connection.database.begin_write() {
            Ok(transaction) => transaction,
            Err(error) => return failed(error.into()),
        };
        let mut has_written = false;
        for (index, work) in works.iter_mut().enumerate() {
            let mut view = Transaction::new(&transaction, space, path, work.priority());
            let ran = work.run(&mut view);
            let has_work_written = view.has_written();
            if let Some(error) = first_error.get(path) {
                abort(transaction);
                return GroupOutcome::Failed(error);
            }
            match ran {
                Ran::Panicked => {
                    abort(transaction);
                    // If redb panicked, its state is unknown.
                    self.close();
                    return GroupOutcome::Excluded(index);
                }
                Ran::Failed if has_work_written => {
                    abort(transaction);
                    return GroupOutcome::Excluded(index);
                }
                Ran::Failed | Ran::Returned => has_written |= has_work_written,
            }
        }
        if !has_written {
            abort(transaction);
            return GroupOutcome::Durable;
        }
        match catch_unwind(AssertUnwindSafe(|| transaction.commit())) {
            Ok(Ok(())) => GroupOutcome::Durable,
            Ok(Err(error)) => failed(error.into()),
            Err(_) => GroupOutcome::Failed(first_error.get(path).unwrap_or_else(|| problem::panicked(path))),
        }
    }

    fn close(&mut self) {
        let connection = self.connection.take();
        // redb writes when it closes, and its assertions may fail after an error.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(connection)));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// Aborts a transaction, if redb still can. `WriteTransaction::abort` would panic after a failed write.
fn abort(transaction: WriteTransaction) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(transaction)));
}

/// Opens the database, which redb repairs if it was not closed, and creates the tables of a new one.
fn connect(path: &Path, storage: &Arc<dyn StorageBackend>) -> Result<Connection, Error> {
    write_again_if_unclosed(&**storage).map_err(|error| problem::io("could not write", path, error))?;
    let (watched, first_error) = Watched::new(Arc::clone(storage));
    let name = path.display().to_string();
    let log_repair = move |repair: &mut redb::RepairSession| {
        // redb reports the start, and then its progress.
        if repair.progress() < 0.1 {
            tracing::info!(path = name, "store was not closed, repairing it");
        }
    };
    let open = || -> Result<_, Error> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_repair_callback(log_repair);
        let database = builder.create_with_backend(watched).map_err(|error| problem::redb(path, error))?;
        prepare(&database, path)?;
        Ok(database)
    };
    // redb asserts that a file is as long as its header says.
    let opened = catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err(problem::panicked(path)));
    match opened {
        Ok(database) => Ok(Connection { database, first_error }),
        Err(error) => Err(first_error.get(path).unwrap_or(error)),
    }
}

/// Writes the whole content of a file again and syncs it, if it was not closed.
///
/// A sync may have failed before. After a failed sync, Linux takes the pages for written: they can be read, but the next
/// sync succeeds without them. A database that is built on them would be damaged by a power failure.
pub(super) fn write_again_if_unclosed(storage: &dyn StorageBackend) -> io::Result<()> {
    let length = storage.len()?;
    let mut header = [0; MAGIC.len() + 1];
    if length < header.len() as u64 {
        return Ok(());
    }
    storage.read(0, &mut header)?;
    if !header.starts_with(&MAGIC) || header[MAGIC.len()] & RECOVERY_REQUIRED == 0 {
        return Ok(());
    }
    storage.set_len(length)?;
    // A torn write behind a lost end would leave a length that redb rejects.
    storage.sync_data()?;
    let mut bytes = vec![0; CHUNK];
    for offset in (0..length).step_by(CHUNK) {
        let rest = usize::try_from(length - offset).unwrap_or(CHUNK).min(CHUNK);
        let chunk = &mut bytes[..rest];
        storage.read(offset, chunk)?;
        if storage.write(offset, chunk).is_err() {
            write_around_holes(storage, offset, chunk)?;
        }
    }
    storage.sync_data()
}

/// Writes a part of a file again, block by block. On a full disk, a block of zeros that needs space is a hole, which can stay.
fn write_around_holes(storage: &dyn StorageBackend, offset: u64, bytes: &[u8]) -> io::Result<()> {
    for (block, offset) in bytes.chunks(BLOCK).zip((offset..).step_by(BLOCK)) {
        match storage.write(offset, block) {
            Err(error)
                if error.kind() == io::ErrorKind::StorageFull && block.iter().all(|byte| *byte == 0) => {}
            written => written?,
        }
    }
    Ok(())
}

/// Creates the tables, or checks the version of those that are there.
fn prepare(database: &redb::Database, path: &Path) -> Result<(), Error> {
    let redb_problem = |error: redb::Error| problem::redb(path, error);
    let transaction = database.begin_write().map_err(|error| redb_problem(error.into()))?;
    let is_new = || Ok(transaction.list_tables()?.next().is_none());
    if is_new().map_err(redb_problem)? {
        let create = || -> Result<(), redb::Error> {
            transaction.open_table(ENTRIES)?;
            transaction.open_table(META)?.insert("version", VERSION.as_bytes())?;
            Ok(())
        };
        create().map_err(redb_problem)?;
        return transaction.commit().map_err(|error| redb_problem(error.into()));
    }
    let version = || -> Result<_, redb::Error> {
        let meta = transaction.open_table(META)?;
        Ok(meta.get("version")?.map(|version| String::from_utf8_lossy(version.value()).into_owned()))
    };
    match version().map_err(redb_problem)? {
        Some(version) if version == VERSION => {}
        Some(version) => return Err(problem::newer(path, &version, VERSION)),
        None => return Err(problem::foreign(path)),
    }
    transaction.abort().map_err(|error| redb_problem(error.into()))
}
