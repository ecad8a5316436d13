//! The file of a journal: opened, locked, mended, and watched over.

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

/// Opens a journal or begins one; returns what it says of the runs before.
pub(super) fn open(path: &Path) -> Result<(LockedFile, KeyStates), Error> {
    if let Ok(found) = path.metadata()
        && !found.is_file()
    {
        let what = if found.is_dir() { "a directory" } else { "no regular file" };
        return Err(Error::invalid("journal", format!("{} is {what}", path.display())));
    }
    // Not to append: Windows wouldn't let it be cut then.
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
            Error::invalid(
                "journal",
                format!("{} {problem}; run the batch without a journal", path.display()),
            )
        }
        TryLockError::Error(error) => Error::io("could not lock", path, error),
    })?;
    let replayed = replay(BufReader::new(&file)).map_err(|problem| match problem {
        ReplayError::Io(error) => Error::io("could not read", path, error),
        ReplayError::InvalidEntry(number, what) => {
            Error::invalid("journal", format!("{}, line {number} {what}", path.display()))
        }
    })?;
    // It has to be found again from whatever directory is the current one then.
    let absolute = std::path::absolute(path).map_err(|error| Error::io("could not open", path, error))?;
    let mut locked = LockedFile { file, path: absolute };
    locked
        .repair(replayed.valid_bytes, replayed.missing_newline)
        .map_err(|error| Error::io("could not write", path, error))?;
    Ok((locked, replayed.key_states))
}

impl LockedFile {
    /// Cuts what was torn off, so that the next line begins on a line of its own, and begins a journal that is empty.
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
        // The file's name has to be on the disk, too. Where a directory can't be opened, it is by itself.
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

    /// What is on the disk must also be found there: the lock is the file's and not its name's, so that a journal moved
    /// away or deleted would go on unseen, and the next run begin another.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let found = self.path.metadata();
        if found.is_ok_and(|found| self.file.metadata().is_ok_and(|own| is_same_file(&own, &found))) {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "it was moved or deleted while in use"))
        }
    }
}

#[cfg(unix)]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Elsewhere a file that is open and locked is not moved.
#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}
