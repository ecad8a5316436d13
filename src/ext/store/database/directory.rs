//! The directory of a store: found or created, and checked.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::problem;
use crate::{
    Error,
    ext::disk::{Access, Disk, directory_of, read_start},
};

/// The name of the file with the entries.
pub(in crate::ext::store) const ENTRIES_FILE: &str = "entries.redb";

/// The name of the file that makes room when the disk is full.
pub(super) const RESERVE_FILE: &str = "reserve";

/// The start of each journal that earlier versions of this library wrote.
const JOURNAL: &[u8] = b"{\"journal\":\"distribute-ai";

/// Returns the canonical path of the directory, which is created if it is missing. Its parent must exist.
pub(super) fn find_or_create(disk: &Disk, path: &Path) -> Result<PathBuf, Error> {
    if path.as_os_str().is_empty() {
        return Err(Error::invalid("store", "the path is empty, expected a directory"));
    }
    match disk.metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(found) => return Err(not_a_directory(disk, path, found.is_file())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(disk, path)?,
        Err(error) => return Err(problem::io("could not open", path, error)),
    }
    let directory = disk.canonicalize(path).map_err(|error| problem::io("could not open", path, error))?;
    // Also if it was found: whoever created it may have been stopped before this.
    disk.sync_dir(directory_of(&directory))
        .map_err(|error| problem::io("could not sync the directory of", path, error))?;
    Ok(directory)
}

fn not_a_directory(disk: &Disk, path: &Path, is_file: bool) -> Error {
    let start = || read_start(&*disk.open(path, Access::Read)?, JOURNAL.len() as u64);
    if is_file && start().is_ok_and(|start| start == JOURNAL) {
        let problem = "is a journal of an earlier version of this library, which this version cannot read";
        let advice = "finish its batch with that version, or delete the file and pay for its texts again";
        return problem::invalid(path, format!("{problem}; {advice}"));
    }
    problem::invalid(path, "is not a directory; choose another path")
}

fn create(disk: &Disk, path: &Path) -> Result<(), Error> {
    match disk.create_private_dir(path) {
        Ok(()) => Ok(()),
        // Another thread or process was faster.
        Err(_) if disk.metadata(path).is_ok_and(|found| found.is_dir()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(problem::invalid(
            path,
            "cannot be created, because its parent is missing; create the parent first",
        )),
        Err(error) => Err(problem::io("could not create", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_that_another_process_creates_first_is_used() {
        let directory = tempfile::tempdir().unwrap();
        create(&Disk::system(), directory.path()).unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "content").unwrap();
        assert!(create(&Disk::system(), &file).unwrap_err().to_string().starts_with("could not create"));
    }

    #[test]
    fn file_and_directory_that_cannot_be_searched_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = find_or_create(&Disk::system(), file.path()).unwrap_err();
        assert!(error.to_string().ends_with("is not a directory; choose another path"), "{error}");
        let error = find_or_create(&Disk::system(), &file.path().join("store")).unwrap_err();
        assert!(error.to_string().starts_with("could not open"), "{error}");
    }
}
