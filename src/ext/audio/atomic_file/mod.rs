use std::{
    fs,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
    task::{JoinHandle, spawn_blocking},
};

use super::temp_file::{TempFile, open_temp};
use crate::{
    Error,
    ext::disk::{directory_of, sync_directory},
};

/// The number of bytes between two syncs in the background.
///
/// Without them, the final sync of a large file would have to write the whole file to disk.
const SYNC_INTERVAL: u64 = 8 * 1024 * 1024;

/// A file that is written atomically: to a temporary file in the target's directory, which is then renamed to
/// the target. Exception: the content of a mount point is overwritten, because it cannot be replaced.
///
/// Dropping an unfinished `AtomicFile` removes the temporary file.
pub(crate) struct AtomicFile {
    target: PathBuf,
    temp: TempFile,
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
        Self::create_with(target, false).await
    }

    /// Creates a file that only its owner can read.
    pub(crate) async fn create_private(target: PathBuf) -> Result<Self, Error> {
        Self::create_with(target, true).await
    }

    async fn create_with(target: PathBuf, is_private: bool) -> Result<Self, Error> {
        // One blocking call: if the caller is cancelled, dropping its result removes the temporary file.
        let opened = spawn_blocking(move || open_temp(&target, is_private)).await;
        let (target, temp, file) =
            opened.map_err(|error| Error::io("could not write", Path::new(""), error))??;
        let file = File::from_std(file);
        Ok(Self { target, temp, file, written: 0, sync: true, syncing: None, synced: 0 })
    }

    /// Sets whether `finish` waits until the file is on disk. Otherwise, the operating system decides when to write
    /// the file.
    pub(crate) fn sync(self, sync: bool) -> Self {
        Self { sync, ..self }
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

    /// Empties the file, to begin again.
    pub(crate) async fn clear(&mut self) -> Result<(), Error> {
        let outcome = self.try_clear().await;
        outcome.map_err(|error| self.write_error(error))
    }

    async fn try_clear(&mut self) -> io::Result<()> {
        self.join_sync().await?;
        self.file.set_len(0).await?;
        self.file.seek(SeekFrom::Start(0)).await?;
        (self.written, self.synced) = (0, 0);
        Ok(())
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
        let Self { target, temp, file, written, sync, .. } = self;
        let (path, file) = (target.clone(), file.into_std().await);
        // The call keeps the lock of the file until the file has its new name. If the caller is cancelled, the
        // call still runs to its end.
        let replaced = spawn_blocking(move || {
            let outcome = temp.consume(|temp| replace(temp, &path, sync, |from, to| fs::rename(from, to)));
            drop(file);
            outcome
        });
        match replaced.await.map_err(io::Error::from) {
            Ok(Ok(())) => Ok(written),
            Ok(Err(error)) | Err(error) => Err(Error::io("could not write", &target, error)),
        }
    }

    fn write_error(&self, error: io::Error) -> Error {
        Error::io("could not write", &self.target, error)
    }
}

/// Moves the temporary file to the target. With `sync`, the new name is on disk afterwards.
fn replace(
    temp: &Path,
    target: &Path,
    sync: bool,
    rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    match rename(temp, target) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            tracing::warn!(path = %target.display(), "file is a mount point, overwriting its content");
            overwrite(temp, target, sync)?;
            fs::remove_file(temp)
        }
        Ok(()) if sync => sync_directory(directory_of(target)),
        outcome => outcome,
    }
}

/// Replaces the content of the target. A crash leaves a part of the new content.
fn overwrite(temp: &Path, target: &Path, sync: bool) -> io::Result<()> {
    let mut content = fs::File::open(temp)?;
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(target)?;
    io::copy(&mut content, &mut file)?;
    if sync { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
