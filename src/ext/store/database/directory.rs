//! The directory of a store: found or created, and checked.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::problem;
use crate::{
    Error,
    ext::disk::{directory_of, sync_directory},
};

/// The start of each journal that earlier versions of this library wrote.
const JOURNAL: &[u8] = b"{\"journal\":\"distribute-ai";

/// Returns the canonical path of the directory, which is created if it is missing. Its parent must exist.
pub(super) fn find_or_create(path: &Path) -> Result<PathBuf, Error> {
    if path.as_os_str().is_empty() {
        return Err(Error::invalid("store", "the path is empty, expected a directory"));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(found) => return Err(not_a_directory(path, found.is_file())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
        Err(error) => return Err(problem::io("could not open", path, error)),
    }
    let directory = path.canonicalize().map_err(|error| problem::io("could not open", path, error))?;
    // Also if it was found: whoever created it may have been stopped before this.
    sync_directory(directory_of(&directory))
        .map_err(|error| problem::io("could not sync the directory of", path, error))?;
    Ok(directory)
}

fn not_a_directory(path: &Path, is_file: bool) -> Error {
    let mut start = Vec::new();
    let is_read = is_file
        && File::open(path).and_then(|file| file.take(JOURNAL.len() as u64).read_to_end(&mut start)).is_ok();
    if is_read && start == JOURNAL {
        let problem = "is a journal of an earlier version of this library, which this version cannot read";
        let advice = "finish its batch with that version, or delete the file and pay for its texts again";
        return problem::invalid(path, format!("{problem}; {advice}"));
    }
    problem::invalid(path, "is not a directory; choose another path")
}

fn create(path: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => Ok(()),
        // Another thread or process was faster.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(problem::invalid(
            path,
            "cannot be created, because its parent is missing; create the parent first",
        )),
        Err(error) => Err(problem::io("could not create", path, error)),
    }
}
