//! The file of a journal: opened, locked, repaired and checked.

use std::{
    fs::{File, Metadata, TryLockError},
    io::{self, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    entry::HEADER,
    replay::{KeyStates, ReplayError, replay},
    writer::Storage,
};
use crate::Error;

pub(super) struct LockedFile {
    file: File,
    path: PathBuf,
}

impl Drop for LockedFile {
    /// Unlocks at once: a process that another thread is starting may hold a copy of the file for a moment.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Opens a journal, or creates it. Returns the states that earlier runs left.
pub(super) fn open(path: &Path) -> Result<(LockedFile, KeyStates), Error> {
    if let Ok(found) = path.metadata()
        && !found.is_file()
    {
        let what = if found.is_dir() { "a directory" } else { "not a regular file" };
        return Err(Error::invalid("journal", format!("{} is {what}", path.display())));
    }
    // Without `append`, because Windows does not allow to truncate a file that is open for appending.
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).map_err(|error| Error::io("could not open", path, error))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            Error::invalid("journal", format!("{} is in use by another run", path.display()))
        }
        // Without a lock, two runs could submit the same request.
        TryLockError::Error(error) if error.kind() == io::ErrorKind::Unsupported => {
            let problem = "cannot be locked: Rust's standard library has no file lock on this platform";
            Error::invalid("journal", format!("{} {problem}; run a batch without a journal", path.display()))
        }
        TryLockError::Error(error) => Error::io("could not lock", path, error),
    })?;
    let replayed = replay(BufReader::new(&file)).map_err(|problem| match problem {
        ReplayError::Io(error) => Error::io("could not read", path, error),
        ReplayError::InvalidEntry(number, what) => {
            Error::invalid("journal", format!("{}, line {number} {what}", path.display()))
        }
    })?;
    // An absolute path stays valid when the current directory changes.
    let absolute = std::path::absolute(path).map_err(|error| Error::io("could not open", path, error))?;
    let mut locked = LockedFile { file, path: absolute };
    locked
        .repair(replayed.valid_bytes, replayed.missing_newline)
        .map_err(|error| Error::io("could not write", path, error))?;
    Ok((locked, replayed.key_states))
}

impl LockedFile {
    /// Removes an incomplete last line, adds a missing newline, and writes the header of an empty journal.
    fn repair(&mut self, whole: u64, unended: bool) -> io::Result<()> {
        if self.file.metadata()?.len() > whole {
            self.file.set_len(whole)?;
        }
        self.file.seek(SeekFrom::Start(whole))?;
        if whole == 0 {
            self.file.write_all(HEADER.as_bytes())?;
        } else if unended {
            self.file.write_all(b"\n")?;
        }
        self.file.sync_all()?;
        // Syncs the directory, so that the file is found after a crash. Where a directory cannot be opened, the system syncs
        // names with the file.
        let path = self.path.canonicalize()?;
        if let Some(Ok(directory)) = path.parent().map(File::open) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

impl Storage for LockedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Syncs the file and checks that its path still leads to it. The lock belongs to the file, not to the path: if the
    /// journal was moved or deleted, the next run would start another one.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let found = self.path.metadata();
        if found.is_ok_and(|found| self.file.metadata().is_ok_and(|own| is_same_file(&own, &found))) {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "the journal was moved or deleted while in use"))
        }
    }
}

#[cfg(unix)]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Other systems do not move a file that is open and locked.
#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_journal_is_unlocked_although_a_child_process_holds_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.journal");
        let (locked, _) = open(&path).unwrap();
        // Like a fork, this shares the open file and its lock.
        let _copy = locked.file.try_clone().unwrap();
        assert!(open(&path).is_err_and(|error| error.is_invalid()), "the journal is in use");
        drop(locked);
        assert!(open(&path).is_ok());
    }
}
