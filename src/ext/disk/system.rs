//! The file system of the operating system.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::file_system::{Access, FileSystem, Kind, Metadata, OpenFile, PRIVATE};

#[derive(Debug)]
pub(super) struct System;

impl FileSystem for System {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        let mode = match access {
            Access::CreatePrivate => Some(PRIVATE),
            Access::CreateNew { mode } => mode,
            _ => None,
        };
        match access {
            Access::Read => options.read(true),
            Access::Write => options.write(true),
            Access::ReadWrite => options.read(true).write(true),
            Access::Overwrite => options.write(true).truncate(true),
            Access::CreatePrivate => options.read(true).write(true).create(true).truncate(false),
            Access::CreateNew { .. } => options.write(true).create_new(true),
        };
        #[cfg(unix)]
        if let Some(mode) = mode {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(Arc::new(options.open(path)?))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        Ok(fs::metadata(path)?.into())
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<Metadata> {
        Ok(fs::symlink_metadata(path)?.into())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn create_private_dir(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        ignore_unsupported(File::open(path).and_then(|directory| directory.sync_all()))
    }

    fn touch(&self, path: &Path) -> io::Result<()> {
        File::options().append(true).open(path)?.set_modified(SystemTime::now())
    }
}

impl OpenFile for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, buffer, offset);
        #[cfg(not(unix))]
        {
            use std::io::{Read, Seek};
            let mut file = self;
            file.seek(io::SeekFrom::Start(offset))?;
            file.read(buffer)
        }
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_all_at(self, bytes, offset);
        #[cfg(not(unix))]
        {
            use std::io::{Seek, Write};
            let mut file = self;
            file.seek(io::SeekFrom::Start(offset))?;
            file.write_all(bytes)
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(Self::metadata(self)?.into())
    }

    fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        Self::set_permissions(self, permissions)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        Self::try_lock(self)
    }

    fn unlock(&self) -> io::Result<()> {
        Self::unlock(self)
    }
}

impl From<fs::Metadata> for Metadata {
    fn from(found: fs::Metadata) -> Self {
        let kind = match found.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        #[cfg(unix)]
        let id = {
            use std::os::unix::fs::MetadataExt;
            Some((found.dev(), found.ino()))
        };
        #[cfg(not(unix))]
        let id = None;
        let modified = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { kind, length: found.len(), modified, permissions: found.permissions(), id }
    }
}

/// Ignores that a directory cannot be read, or that its file system cannot sync directories.
fn ignore_unsupported(synced: io::Result<()>) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match synced {
        Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::disk::file_system::directory_of;

    #[test]
    fn missing_support_for_syncs_of_directories_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        System.sync_dir(directory.path()).unwrap();
        System.sync_dir(directory_of(Path::new("file"))).unwrap();
        if cfg!(unix) {
            let error = System.sync_dir(&directory.path().join("missing")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        // Linux returns `EINVAL` here.
        if cfg!(target_os = "linux") {
            System.sync_dir(Path::new("/proc/self")).unwrap();
        }
    }

    #[test]
    fn file_is_written_read_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let file = System.open(&path, Access::CreateNew { mode: Some(0o640) }).unwrap();
        file.write_all_at(0, b"0123456789").unwrap();
        file.write_all_at(3, b"abc").unwrap();
        file.sync_all().unwrap();
        file.sync_data().unwrap();
        assert!(System.open(&path, Access::CreateNew { mode: None }).is_err());
        let mut buffer = [0; 4];
        let file = System.open(&path, Access::Read).unwrap();
        assert_eq!((file.read_at(2, &mut buffer).unwrap(), &buffer), (4, b"2abc"));
        assert_eq!(file.read_at(9, &mut buffer).unwrap(), 1);
        assert_eq!(file.metadata().unwrap().length, 10);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions);
            assert_eq!(mode & 0o777, 0o640);
        }
        drop(System.open(&path, Access::Overwrite).unwrap());
        assert_eq!(System.metadata(&path).unwrap().length, 0);
    }

    #[test]
    fn path_is_a_file_or_a_directory_or_neither() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        System.create_private_dir(&path).unwrap();
        let found = System.metadata(&path).unwrap();
        assert!(found.is_dir() && !found.is_file());
        if cfg!(unix) {
            let found = System.metadata(Path::new("/dev/null")).unwrap();
            assert!(!found.is_dir() && !found.is_file());
        }
        System.remove_dir(&path).unwrap();
        assert_eq!(System.metadata(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn failed_sync_of_a_directory_is_an_error_unless_it_is_unsupported() {
        use io::ErrorKind::{InvalidInput, NotFound, PermissionDenied, StorageFull, Unsupported};
        // Root can read every directory, so that no test can provoke all of these.
        let is_ignored = |kind: io::ErrorKind| ignore_unsupported(Err(kind.into())).is_ok();
        assert!([PermissionDenied, InvalidInput, Unsupported].into_iter().all(is_ignored));
        assert!(![NotFound, StorageFull].into_iter().any(is_ignored));
    }

    #[test]
    fn failed_sync_is_an_error() {
        // Linux cannot sync this file.
        if cfg!(target_os = "linux") {
            let file = System.open(Path::new("/proc/self/status"), Access::Read).unwrap();
            assert!(file.sync_all().is_err() && file.sync_data().is_err());
        }
    }
}
