//! The operations that change the disk. Tests end or fail each of them.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Writes a temporary file and syncs its content.
pub(super) fn write(path: &Path, content: &str) -> io::Result<()> {
    step()?;
    let mut file = File::create(path)?;
    let (first, second) = content.as_bytes().split_at(content.len() / 2);
    file.write_all(first)?;
    step()?;
    file.write_all(second)?;
    sync(&file)
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step()?;
    fs::rename(from, to)
}

/// Removes a file. Succeeds if the file does not exist, also on a disk that is read-only.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(());
    }
    step()?;
    fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Syncs a directory, so that renamed and removed files are on disk. Only Unix can do this. Succeeds if the directory does
/// not exist.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if !cfg!(unix) || !path.exists() {
        return Ok(());
    }
    sync(&File::open(path)?)
}

fn sync(file: &File) -> io::Result<()> {
    step()?;
    // No test loses power, and 10,000 syncs take seconds.
    if cfg!(test) { Ok(()) } else { file.sync_all() }
}

/// Creates a directory and its parents. Succeeds if the directory exists.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    step()?;
    fs::create_dir_all(path)
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "a test makes it fail")]
fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use self::failpoint::step;
#[cfg(test)]
pub(super) use self::failpoint::{Fault, inject};

#[cfg(test)]
mod failpoint {
    use std::{cell::Cell, io, panic::resume_unwind};

    /// A replacement for an operation.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) enum Fault {
        /// The process ends. Nothing after this operation runs.
        Kill,
        /// The operation fails.
        Error,
    }

    thread_local! {
        static NEXT: Cell<Option<(usize, Fault)>> = const { Cell::new(None) };
    }

    /// Injects a fault into an operation of this thread, after the given number of operations. `None` injects nothing.
    pub(in super::super) fn inject(fault: Option<(usize, Fault)>) {
        NEXT.set(fault);
    }

    pub(super) fn step() -> io::Result<()> {
        match NEXT.get() {
            Some((0, fault)) => {
                NEXT.set(None);
                match fault {
                    // Unwinds without the message of a panic.
                    Fault::Kill => resume_unwind(Box::new("killed")),
                    Fault::Error => Err(io::Error::other("injected")),
                }
            }
            next => {
                NEXT.set(next.map(|(after, fault)| (after - 1, fault)));
                Ok(())
            }
        }
    }
}
