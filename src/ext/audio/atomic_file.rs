use std::{
    fs,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use tokio::{
    fs::{File, rename},
    io::{AsyncSeekExt, AsyncWriteExt},
    task::{JoinHandle, spawn_blocking},
};

use crate::Error;

/// The number of bytes between two syncs in the background.
///
/// Without them, the final sync of a large file would have to write the whole file to disk.
const SYNC_INTERVAL: u64 = 8 * 1024 * 1024;

/// A file that is written atomically: to a temporary file in the target's directory, which is then renamed to
/// the target.
///
/// Dropping an unfinished `AtomicFile` removes the temporary file.
pub(crate) struct AtomicFile {
    target: PathBuf,
    temp: TempPath,
    file: File,
    written: u64,
    /// `true` if [`finish`](Self::finish) syncs the file to disk before it renames the file.
    sync: bool,
    /// The sync that runs in the background.
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// The number of bytes that were written when the last sync started.
    synced: u64,
}

impl AtomicFile {
    pub(crate) async fn create(target: PathBuf) -> Result<Self, Error> {
        // One blocking call: if the caller is cancelled, dropping its result removes the temporary file.
        let opened = spawn_blocking(move || open_temp(&target)).await;
        let (target, temp, file) =
            opened.map_err(|error| Error::io("could not write", Path::new(""), error))??;
        let file = File::from_std(file);
        Ok(Self { target, temp, file, written: 0, sync: true, syncing: None, synced: 0 })
    }

    /// Leaves it to the operating system when to write the file to disk.
    pub(crate) fn without_sync(self) -> Self {
        Self { sync: false, ..self }
    }

    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let outcome = self.file.write_all(chunk).await;
        self.written += chunk.len() as u64;
        outcome.map_err(|error| self.write_error(error))?;
        let sync_due = self.sync && self.written - self.synced >= SYNC_INTERVAL;
        if sync_due && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.sync_so_far().await.map_err(|error| self.write_error(error))?;
        }
        Ok(())
    }

    /// Returns the number of bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Overwrites the start of the file. Call it last before [`finish`](Self::finish), because later writes
    /// would continue after these bytes.
    pub(crate) async fn overwrite_start(&mut self, start: &[u8]) -> Result<(), Error> {
        let outcome = match self.file.seek(SeekFrom::Start(0)).await {
            Ok(_) => self.file.write_all(start).await,
            Err(error) => Err(error),
        };
        outcome.map_err(|error| self.write_error(error))
    }

    async fn sync_so_far(&mut self) -> io::Result<()> {
        self.join_sync().await?;
        self.file.flush().await?;
        let file = self.file.try_clone().await?.into_std().await;
        self.synced = self.written;
        self.syncing = Some(spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for the sync in the background. Its error must be returned here, because the system reports a
    /// failed sync only once.
    async fn join_sync(&mut self) -> io::Result<()> {
        match self.syncing.take() {
            Some(syncing) => syncing.await?,
            None => Ok(()),
        }
    }

    /// Renames the file to the target and returns its length in bytes.
    ///
    /// With sync, a crash of the machine leaves either the old file or the new one. Without sync, this holds
    /// only for a crash of the process.
    pub(crate) async fn finish(mut self) -> Result<u64, Error> {
        self.file.flush().await.map_err(|error| self.write_error(error))?;
        if self.sync {
            self.join_sync().await.map_err(|error| self.write_error(error))?;
            self.file.sync_all().await.map_err(|error| self.write_error(error))?;
        }
        rename(&self.temp.0, &self.target).await.map_err(|error| self.write_error(error))?;
        Ok(self.written)
    }

    fn write_error(&self, error: io::Error) -> Error {
        Error::io("could not write", &self.target, error)
    }
}

/// The path of the temporary file, which is removed on drop.
struct TempPath(PathBuf);

impl Drop for TempPath {
    fn drop(&mut self) {
        // After the rename the file does not exist under this name. Other errors cannot be reported from
        // here.
        let _ = fs::remove_file(&self.0);
    }
}

fn open_temp(target: &Path) -> Result<(PathBuf, TempPath, fs::File), Error> {
    let invalid = |problem| Error::not_writable(target, problem);
    let existing = match fs::metadata(target) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io("could not write", target, error)),
    };
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        // A directory, or a pipe or device, which must not be replaced by a file.
        return Err(invalid("path exists and is not a regular file"));
    }
    if target.file_name().is_none() || target.to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return Err(invalid("path does not name a file"));
    }
    // Follow symbolic links, so that the file is replaced and not the link.
    let target = if existing.is_some() { fs::canonicalize(target) } else { Ok(target.to_owned()) }
        .map_err(|error| Error::io("could not write", target, error))?;
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    loop {
        let temp = directory.join(format!(".distribute-ai-{:016x}.part", fastrand::u64(..)));
        match fs::OpenOptions::new().write(true).create_new(true).open(&temp) {
            Ok(file) => {
                let temp = TempPath(temp);
                if let Some(existing) = existing {
                    // Keep the permissions of the replaced file. If that fails, those of a new file apply.
                    let _ = file.set_permissions(existing.permissions());
                }
                return Ok((target, temp, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("could not create a file in", directory, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn old_file_stays_until_finish() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        for sync in [true, false] {
            let start = async || {
                let file = AtomicFile::create(path.clone()).await.unwrap();
                if sync { file } else { file.without_sync() }
            };
            fs::write(&path, "old").unwrap();
            let mut dropped = start().await;
            dropped.write(b"half").await.unwrap();
            drop(dropped);
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");

            let mut file = start().await;
            file.write(b"new").await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            assert_eq!(file.finish().await.unwrap(), 3);
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
