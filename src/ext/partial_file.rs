use std::{
    ffi::OsString,
    fs::remove_file,
    io,
    path::{Path, PathBuf},
};

use tokio::{
    fs::{File, OpenOptions, metadata, rename},
    io::AsyncWriteExt,
};

use super::Error;

/// A file that is there whole or not at all: written under another name beside its place, and renamed at the end.
/// Dropped before that, it is removed.
pub(crate) struct PartialFile {
    target: PathBuf,
    beside: PathBuf,
    file: File,
    written: u64,
}

impl PartialFile {
    pub(crate) async fn beside(target: PathBuf) -> Result<Self, Error> {
        let refused = |problem| Err(Error::io("could not write", &target, problem));
        if metadata(&target).await.is_ok_and(|found| found.is_dir()) {
            return refused("it is a directory");
        }
        let Some(name) = target.file_name() else {
            return refused("it names no file");
        };
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{:016x}.part", fastrand::u64(..)));
            let beside = target.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&beside).await {
                Ok(file) => return Ok(Self { target, beside, file, written: 0 }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Error::io("could not create a file in", directory_of(&target), error));
                }
            }
        }
    }

    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let outcome = self.file.write_all(chunk).await;
        self.written += chunk.len() as u64;
        outcome.map_err(|error| self.failed(error))
    }

    /// Puts it in its place, after it has reached the disk: a crash leaves the old file or the new one. Returns the
    /// length in bytes.
    pub(crate) async fn finish(mut self) -> Result<u64, Error> {
        self.file.flush().await.map_err(|error| self.failed(error))?;
        self.file.sync_all().await.map_err(|error| self.failed(error))?;
        rename(&self.beside, &self.target).await.map_err(|error| self.failed(error))?;
        Ok(self.written)
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io("could not write", &self.target, error)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // Renamed, it is no longer there under this name; and there is nobody to tell of another failure.
        let _ = remove_file(&self.beside);
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn what_was_there_stands_until_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        fs::write(&path, "old").unwrap();

        let mut dropped = PartialFile::beside(path.clone()).await.unwrap();
        dropped.write(b"half").await.unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        let mut file = PartialFile::beside(path.clone()).await.unwrap();
        file.write(b"new").await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file.finish().await.unwrap(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
