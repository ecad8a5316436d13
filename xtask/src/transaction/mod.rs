//! Reads files, and writes sets of files as transactions that survive a killed process.
//!
//! [`Transaction::commit`] writes the old and the new content of every file to a journal before it changes the first file.
//! It removes the journal after the last file is on disk, which commits the transaction. While the journal exists, the
//! transaction can be rolled back: after an error by the same process, otherwise in [`Transaction::begin`] by the next.

mod disk;

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::failure::{ExitClass, Failure};

/// The files of a transaction, in its directory. `.gitignore` lists them.
const JOURNAL: &str = ".transaction";
const NEW: &str = ".transaction.new";

/// Returns the text of a file. A failure names the file and has the given class.
pub(crate) fn read(path: &Path, class: ExitClass) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// Returns the bytes of a file, which may be invalid UTF-8. Otherwise like [`read`].
pub(crate) fn read_bytes(path: &Path, class: ExitClass) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// Writes one file, completely or not at all. Several files need a [`Transaction`]. What is not a file, such as a device or a
/// pipe, is not replaced.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, content).map_err(|error| write_error(path, &error));
    }
    // The parent of a bare file name is "", which is not a valid directory.
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // The default permissions instead of private ones.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let written = builder.prefix(".xtask-").tempfile_in(directory).and_then(|file: NamedTempFile| {
        fs::write(file.path(), content)?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| write_error(path, &error))
}

/// A file to write or to remove.
#[derive(Debug)]
pub(crate) enum Change {
    Write(PathBuf, String),
    Remove(PathBuf),
}

/// The exclusive right to work with the files of a directory and its subdirectories.
#[derive(Debug)]
pub(crate) struct Transaction {
    directory: PathBuf,
    /// The locked directory. The lock ends with this process, however it ends.
    _lock: Option<File>,
}

/// A file that a transaction changes: its path relative to the directory, and its contents, if it exists.
#[derive(Debug, Deserialize, Serialize)]
struct Step {
    file: PathBuf,
    before: Option<String>,
    after: Option<String>,
}

impl Transaction {
    /// Waits for other processes that work in the directory, and rolls back a transaction that was interrupted.
    pub(crate) fn begin(directory: PathBuf) -> Result<Self, Failure> {
        let lock = lock(&directory)
            .map_err(|error| Failure::usage(format!("could not lock {}: {error}", directory.display())))?;
        let transaction = Self { directory, _lock: lock };
        if transaction.recover()? {
            let directory = transaction.directory.display();
            eprintln!("warning: {directory}: rolled back a command that was interrupted");
        }
        Ok(transaction)
    }

    /// Makes all changes or none. A file that already has the requested content is not written.
    pub(crate) fn commit(&self, changes: Vec<Change>) -> Result<(), Failure> {
        let mut steps = Vec::new();
        for change in changes {
            let (path, after) = match change {
                Change::Write(path, content) => (path, Some(content)),
                Change::Remove(path) => (path, None),
            };
            let before = content(&path).map_err(|error| write_error(&path, &error))?;
            if before != after {
                let file = path.strip_prefix(&self.directory).unwrap_or(&path).to_owned();
                steps.push(Step { file, before, after });
            }
        }
        if steps.is_empty() {
            return Ok(());
        }
        self.apply(&steps).map_err(|failure| match self.recover() {
            Ok(_) => failure,
            Err(error) => failure.worst(error),
        })
    }

    fn apply(&self, steps: &[Step]) -> Result<(), Failure> {
        let failed = |error| write_error(&self.directory.join(JOURNAL), &error);
        self.directories(steps).iter().try_for_each(|path| disk::create_directory(path)).map_err(failed)?;
        let journal = serde_json::to_string(steps).map_err(|error| failed(error.into()))?;
        self.replace(JOURNAL.as_ref(), Some(&journal)).map_err(failed)?;
        self.sync(steps).map_err(failed)?;
        for step in steps {
            let path = self.directory.join(&step.file);
            self.replace(&step.file, step.after.as_deref()).map_err(|error| write_error(&path, &error))?;
        }
        self.end(steps).map_err(failed)
    }

    /// Rolls back a transaction that was not committed, and removes its temporary file. Returns `true` if there was one.
    fn recover(&self) -> Result<bool, Failure> {
        let failed = |error| write_error(&self.directory.join(JOURNAL), &error);
        let journal = self.directory.join(JOURNAL);
        let Some(text) = content(&journal).map_err(failed)? else {
            self.replace(NEW.as_ref(), None).map_err(failed)?;
            return Ok(false);
        };
        let steps: Vec<Step> = serde_json::from_str(&text).map_err(|error| {
            Failure::io(&journal, error)
                .hint("restore the directory with `git restore`, and remove this file")
        })?;
        for step in steps.iter().rev() {
            let path = self.directory.join(&step.file);
            let restored = content(&path).and_then(|found| {
                if found == step.after {
                    self.replace(&step.file, step.before.as_deref())?;
                } else if found != step.before {
                    eprintln!("warning: {}: changed since, so the file was not restored", path.display());
                }
                Ok(())
            });
            restored.map_err(|error| write_error(&path, &error))?;
        }
        self.end(&steps).map_err(failed)?;
        self.replace(NEW.as_ref(), None).map_err(failed)?;
        Ok(true)
    }

    /// Gives a file its new content at once, or removes it.
    fn replace(&self, file: &Path, content: Option<&str>) -> io::Result<()> {
        let (path, new) = (self.directory.join(file), self.directory.join(NEW));
        let Some(content) = content else { return disk::remove(&path) };
        disk::write(&new, content)?;
        disk::rename(&new, &path)
    }

    /// Removes the journal after all files are on disk.
    fn end(&self, steps: &[Step]) -> io::Result<()> {
        self.sync(steps)?;
        disk::remove(&self.directory.join(JOURNAL))?;
        // If this fails, a power loss may bring the journal back. The next start then rolls back all files.
        let _ = disk::sync_directory(&self.directory);
        Ok(())
    }

    /// Syncs the directories of the journal and of the files.
    fn sync(&self, steps: &[Step]) -> io::Result<()> {
        self.directories(steps).iter().try_for_each(|path| disk::sync_directory(path))
    }

    /// Returns the directories of the journal and of the files.
    fn directories(&self, steps: &[Step]) -> BTreeSet<PathBuf> {
        let files = steps.iter().filter_map(|step| step.file.parent());
        files.chain([Path::new("")]).map(|path| self.directory.join(path)).collect()
    }
}

/// Locks a directory. Waits if another process has locked the directory.
///
/// The directory itself is locked, because a lock file would remain. Only Unix can do this.
fn lock(directory: &Path) -> io::Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let file = File::open(directory)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {
            eprintln!("warning: {}: waiting for another command to end", directory.display());
            file.lock()?;
        }
    }
    Ok(Some(file))
}

/// Returns the content of a file, or `None` if the file does not exist.
fn content(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_error(target: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("could not write {}: {error}", target.display()))
}

#[cfg(test)]
mod tests;
