//! The file of a database: opened, locked, and read and written by redb.

use std::{
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;

use super::{
    directory::{ENTRIES_FILE, RESERVE_FILE},
    problem,
};
use crate::{
    Error,
    ext::disk::{Access, Disk, OpenFile, directory_of, read_exact_at, read_start},
};

/// The text with which redb's files begin. It is written last when a file is created.
pub(super) const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";

/// redb creates a file with a length of 73,728 bytes. Versions before 4.6: 1,056,768 bytes.
const LONGEST_UNFINISHED: u64 = 4 << 20;

/// A file that is locked until it is dropped, and not only until redb closes it: other processes must not take the store
/// while the database is opened again.
#[derive(Debug)]
pub(super) struct LockedFile {
    disk: Disk,
    file: Arc<dyn OpenFile>,
    path: PathBuf,
    is_removed_when_closed: AtomicBool,
}

/// Opens and locks the file in `directory`, or creates it.
pub(super) fn open(disk: &Disk, directory: &Path) -> Result<(PathBuf, LockedFile), Error> {
    let path = directory.join(ENTRIES_FILE);
    let file = disk.open(&path, Access::CreatePrivate).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => problem::foreign(&path),
        _ => problem::io("could not open", &path, error),
    })?;
    // redb would go on without a lock where locks are unsupported.
    file.try_lock().map_err(|error| lock_problem(&path, error))?;
    let locked = LockedFile::new(disk, file, path.clone());
    // A process that removes its store does so before it unlocks the file.
    if !locked.is_in_place() {
        return Err(problem::in_use(&path));
    }
    locked.discard_unfinished().map_err(|error| problem::io("could not write", &path, error))?;
    disk.sync_dir(directory).map_err(|error| problem::io("could not sync", directory, error))?;
    Ok((path, locked))
}

fn lock_problem(path: &Path, error: TryLockError) -> Error {
    match error {
        TryLockError::WouldBlock => problem::in_use(path),
        TryLockError::Error(error) if error.kind() == io::ErrorKind::Unsupported => {
            problem::without_locks(path)
        }
        TryLockError::Error(error) => problem::io("could not lock", path, error),
    }
}

impl Drop for LockedFile {
    /// Unlocks at once: a child process may hold a copy of the file.
    fn drop(&mut self) {
        // While it is locked, no other process uses the store.
        if self.is_removed_when_closed.load(Ordering::Relaxed) && self.is_in_place() {
            self.remove_store();
        }
        let _ = self.file.unlock();
    }
}

impl LockedFile {
    fn new(disk: &Disk, file: Arc<dyn OpenFile>, path: PathBuf) -> Self {
        Self { disk: disk.clone(), file, path, is_removed_when_closed: AtomicBool::new(false) }
    }

    /// Lets the store be removed when the file is closed.
    pub(super) fn remove_when_closed(&self) {
        self.is_removed_when_closed.store(true, Ordering::Relaxed);
    }

    /// Removes the files of the store. Errors are ignored: a store that is left is harmless, because a later run uses it
    /// without being billed.
    fn remove_store(&self) {
        let _ = self.disk.remove_file(&self.path);
        let _ = self.disk.remove_file(&self.path.with_file_name(RESERVE_FILE));
        let _ = self.disk.remove_dir(directory_of(&self.path));
    }

    /// Empties a file whose creation was interrupted. redb would reject it, because it has no magic number yet, or a part
    /// of it. Such a file has a header of one page at most.
    fn discard_unfinished(&self) -> io::Result<()> {
        const PAGE: usize = 4096;
        let length = self.file.metadata()?.length;
        if length == 0 || length > LONGEST_UNFINISHED {
            return Ok(());
        }
        let content = read_start(&*self.file, length)?;
        let is_unfinished_magic = content.iter().zip(MAGIC).all(|(byte, whole)| [0, whole].contains(byte))
            && !content.starts_with(&MAGIC);
        if is_unfinished_magic && content.iter().skip(PAGE).all(|byte| *byte == 0) {
            self.file.set_len(0)?;
        }
        Ok(())
    }

    /// Returns `false` if the path leads to another file. Systems other than Unix do not move a file that is open and
    /// locked.
    fn is_in_place(&self) -> bool {
        let (Ok(found), Ok(own)) = (self.disk.metadata(&self.path), self.file.metadata()) else {
            return false;
        };
        found.id == own.id
    }
}

impl StorageBackend for LockedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_exact_at(&*self.file, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// Syncs the file and checks that its path still leads to it. The lock belongs to the file, not to the path: if the
    /// store was moved or deleted, the next process would start another one.
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.is_in_place() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "the store was moved or deleted while in use"))
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Mutex};

    use super::*;
    use crate::ext::disk::simulated::State;

    #[test]
    fn dropped_file_is_unlocked_although_a_child_process_holds_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::system();
        let path = directory.path().join(ENTRIES_FILE);
        let file = File::create(&path).unwrap();
        // Like a fork, this shares the open file and its lock.
        let _copy = file.try_clone().unwrap();
        file.try_lock().unwrap();
        let file = Arc::new(file);
        let locked = LockedFile::new(&disk, file, path.clone());
        let error = open(&disk, directory.path()).unwrap_err();
        let expected = "is in use by another process; wait until it ends, or choose another directory";
        assert_eq!(error.to_string(), format!("store: {} {expected}", path.display()));
        drop(locked);
        assert!(open(&disk, directory.path()).is_ok());
    }

    #[test]
    fn temporary_store_is_removed_while_it_is_locked() {
        let removals = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&removals);
        let disk = Disk::simulated(State::with_directory(Path::new("/d/store")), move |step, state| {
            if step.starts_with("remove") {
                seen.lock().unwrap().push((step.to_owned(), state.has_lock()));
            }
            None
        });
        let directory = Path::new("/d/store");
        disk.open(&directory.join(RESERVE_FILE), Access::CreatePrivate).unwrap();
        let (_, file) = open(&disk, directory).unwrap();
        file.remove_when_closed();
        drop(file);
        let steps = ["remove /d/store/entries.redb", "remove /d/store/reserve", "remove /d/store"];
        assert_eq!(*removals.lock().unwrap(), steps.map(|step| (step.to_owned(), true)));
    }

    #[test]
    fn temporary_store_that_was_replaced_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::system();
        let (path, file) = open(&disk, directory.path()).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (_, newer) = open(&disk, directory.path()).unwrap();
        file.remove_when_closed();
        drop(file);
        assert!(newer.is_in_place());
    }

    #[test]
    fn file_that_is_removed_before_it_is_locked_is_in_use() {
        let disk = Disk::simulated(State::with_directory(Path::new("/d/store")), |step, state| {
            if step.starts_with("create") {
                state.remove(Path::new("/d/store/entries.redb"));
            }
            None
        });
        let error = open(&disk, Path::new("/d/store")).unwrap_err();
        assert!(error.to_string().contains("is in use by another process"), "{error}");
    }

    #[test]
    fn missing_file_locks_are_an_error() {
        let error = lock_problem(Path::new("a"), TryLockError::Error(io::ErrorKind::Unsupported.into()));
        assert!(error.is_invalid() && error.to_string().starts_with("store: a cannot be locked"), "{error}");
    }

    #[test]
    fn lock_that_fails_is_an_error() {
        let error = lock_problem(Path::new("a"), TryLockError::Error(io::ErrorKind::Other.into()));
        assert!(error.is_io() && error.to_string().starts_with("could not lock a"), "{error}");
    }

    #[test]
    fn file_of_zeros_is_emptied_only_if_it_may_be_an_unfinished_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(ENTRIES_FILE);
        for (length, kept) in [(LONGEST_UNFINISHED, 0), (LONGEST_UNFINISHED + 1, LONGEST_UNFINISHED + 1)] {
            File::create(&path).unwrap().set_len(length).unwrap();
            drop(open(&Disk::system(), directory.path()).unwrap());
            assert_eq!(std::fs::metadata(&path).unwrap().len(), kept);
        }
    }
}
