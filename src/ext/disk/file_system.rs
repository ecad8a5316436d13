//! The operations of a file system, and their results.

use std::{
    ffi::OsString,
    fmt,
    fs::{Permissions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// The operations on paths. Their contracts are those of [`std::fs`].
pub(crate) trait FileSystem: fmt::Debug + Send + Sync {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>>;

    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    fn symlink_metadata(&self, path: &Path) -> io::Result<Metadata>;

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;

    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;

    fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Creates a directory that only its owner can use.
    fn create_private_dir(&self, path: &Path) -> io::Result<()>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove_file(&self, path: &Path) -> io::Result<()>;

    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Syncs the names in a directory to disk, so that a new, renamed or removed file is so after a power failure.
    ///
    /// Does nothing where this is not possible: on systems other than Unix, on file systems that do not support it, and in
    /// directories that this process may write but not read.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Sets the time of the last change to now.
    fn touch(&self, path: &Path) -> io::Result<()>;
}

/// The operations on an open file. Where the system lacks positioned reads and writes, only one may run at a time.
pub(crate) trait OpenFile: fmt::Debug + Send + Sync {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    fn set_len(&self, length: u64) -> io::Result<()>;

    fn sync_data(&self) -> io::Result<()>;

    fn sync_all(&self) -> io::Result<()>;

    fn metadata(&self) -> io::Result<Metadata>;

    fn set_permissions(&self, permissions: Permissions) -> io::Result<()>;

    fn try_lock(&self) -> Result<(), TryLockError>;

    fn unlock(&self) -> io::Result<()>;
}

/// For what a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    ReadWrite,
    /// Writing, after the file has been emptied.
    Overwrite,
    /// Reading and writing. A missing file is created, so that only its owner can use it.
    CreatePrivate,
    /// Writing to a new file with these permissions. They count on Unix only.
    CreateNew {
        mode: Option<u32>,
    },
}

/// The permissions of a file that only its owner can use.
pub(crate) const PRIVATE: u32 = 0o600;

#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) kind: Kind,
    pub(crate) length: u64,
    pub(crate) modified: SystemTime,
    pub(crate) permissions: Permissions,
    /// The device and the number of the file. `None` on systems other than Unix.
    pub(crate) id: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Other,
}

impl Metadata {
    pub(crate) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// Fills the buffer, or fails if the file is too short.
pub(crate) fn read_exact_at(file: &dyn OpenFile, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let length = file.read_at(offset, buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        offset += length as u64;
        buffer = &mut buffer[length..];
    }
    Ok(())
}

/// Reads the start of a file, up to `limit` bytes.
pub(crate) fn read_start(file: &dyn OpenFile, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.length.min(limit);
    let mut content = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    read_exact_at(file, 0, &mut content)?;
    Ok(content)
}

/// Returns the directory of a file.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns at most three bytes for each read.
    #[derive(Debug)]
    struct SlowFile(&'static [u8]);

    impl OpenFile for SlowFile {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[usize::try_from(offset).unwrap()..];
            let length = rest.len().min(buffer.len()).min(3);
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        }

        fn write_all_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
            unreachable!()
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            unreachable!()
        }

        fn sync_data(&self) -> io::Result<()> {
            unreachable!()
        }

        fn sync_all(&self) -> io::Result<()> {
            unreachable!()
        }

        fn metadata(&self) -> io::Result<Metadata> {
            unreachable!()
        }

        fn set_permissions(&self, _: Permissions) -> io::Result<()> {
            unreachable!()
        }

        fn try_lock(&self) -> Result<(), TryLockError> {
            unreachable!()
        }

        fn unlock(&self) -> io::Result<()> {
            unreachable!()
        }
    }

    #[test]
    fn buffer_is_filled_with_several_reads_or_the_file_is_too_short() {
        let (file, mut buffer) = (SlowFile(b"0123456789"), [0; 8]);
        read_exact_at(&file, 1, &mut buffer).unwrap();
        assert_eq!(&buffer, b"12345678");
        let error = read_exact_at(&file, 3, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
