//! What several layers need of a file system.

use std::{fs::File, io, path::Path};

/// Returns the directory of a file.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs the names in a directory to disk, so that a new, renamed or removed file is so after a power failure.
///
/// Does nothing where this is not possible: on systems other than Unix, on file systems that do not support it, and in
/// directories that this process may write but not read.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let synced = match File::open(directory) {
        Ok(directory) => directory.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    };
    match synced {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_support_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        sync_directory(directory.path()).unwrap();
        sync_directory(directory_of(Path::new("file"))).unwrap();
        if cfg!(unix) {
            let error = sync_directory(&directory.path().join("missing")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        // Linux answers `EINVAL` here.
        if cfg!(target_os = "linux") {
            sync_directory(Path::new("/proc/self")).unwrap();
        }
    }
}
