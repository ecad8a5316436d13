//! The errors of a store: the path, the problem, and what to do.

use std::{fmt, io, path::Path};

use crate::Error;

pub(super) fn invalid(path: &Path, problem: impl fmt::Display) -> Error {
    Error::invalid("store", format!("{} {problem}", path.display()))
}

pub(super) fn in_use(path: &Path) -> Error {
    invalid(path, "is in use by another process; wait until it ends, or choose another directory")
}

/// Without a lock, two processes could submit the same request.
pub(super) fn without_locks(path: &Path) -> Error {
    let problem = "cannot be locked: the file system or the platform has no file locks";
    invalid(path, format!("{problem}; choose a directory on another file system, or use no store"))
}

pub(super) fn foreign(path: &Path) -> Error {
    invalid(
        path,
        "is not a database of a store; choose another directory, or delete the file if it is useless",
    )
}

/// A store would overwrite it.
pub(super) fn foreign_reserve(path: &Path) -> Error {
    let problem = "is not a file of a store, but a store uses this name";
    invalid(path, format!("{problem}; choose another directory, or move the file"))
}

pub(super) fn damaged(path: &Path, details: impl fmt::Display) -> Error {
    let advice = "restore a copy of the directory, or delete it and pay for its texts again";
    invalid(path, format!("is damaged: {details}; {advice}"))
}

/// Returns the error of a panic of redb, whose assertions fail on content that it did not write.
pub(super) fn panicked(path: &Path) -> Error {
    damaged(path, "its content contradicts itself")
}

pub(super) fn newer(path: &Path, version: &str, own: &str) -> Error {
    let problem =
        format!("has format version {version}, and this version of the library reads version {own}");
    invalid(
        path,
        format!("{problem}; use the version of the library that wrote it, or choose another directory"),
    )
}

/// Returns the error of a failed operation on a file or directory of a store.
pub(super) fn io(action: &str, path: &Path, error: io::Error) -> Error {
    if is_denied(&error) {
        let advice = "not permitted; a store needs a directory that this process may write";
        return Error::not_writable(path, advice).with_source(error);
    }
    Error::io(action, path, error)
}

pub(super) fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Returns the error of a failed redb operation that is not an I/O error of the storage.
pub(super) fn redb(path: &Path, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        // redb's error for a file that does not begin as its files do.
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => foreign(path),
        redb::Error::Corrupted(details) => damaged(path, details),
        redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => foreign(path),
        error => Error::io("could not use", path, error),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn denied_access_says_what_a_store_needs() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            let error = io("could not open", Path::new("a/entries.redb"), kind.into());
            assert_eq!(
                error.to_string(),
                "could not write a/entries.redb: not permitted; a store needs a directory that this process may write"
            );
            assert!(error.is_io() && error.source().is_some());
        }
        let error = io("could not open", Path::new("a"), io::ErrorKind::StorageFull.into());
        assert_eq!(error.to_string(), "could not open a");
    }

    #[test]
    fn failed_read_does_not_mean_that_the_file_is_of_another_program() {
        let error_of = |kind: io::ErrorKind| redb(Path::new("a"), io::Error::from(kind)).to_string();
        assert!(error_of(io::ErrorKind::InvalidData).contains("is not a database of a store"));
        assert_eq!(error_of(io::ErrorKind::StorageFull), "could not use a");
    }
}
