use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::temp_file::{TempFile, open_temp};
use crate::{
    Error,
    ext::disk::{Access, Disk, OpenFile, directory_of, read_exact_at},
};

/// The number of bytes between two syncs in the background.
///
/// Without them, the final sync of a large file would have to write the whole file to disk.
const SYNC_INTERVAL: u64 = 8 * 1024 * 1024;

/// The number of bytes that are copied at a time to a mount point.
const COPY_BYTES: usize = 1024 * 1024;

/// A file that is written atomically: to a temporary file in the target's directory, which is then renamed to
/// the target. Exception: the content of a mount point is overwritten, because it cannot be replaced.
///
/// Dropping an unfinished `AtomicFile` removes the temporary file.
pub(crate) struct AtomicFile {
    disk: Disk,
    target: PathBuf,
    temp: TempFile,
    file: Arc<dyn OpenFile>,
    written: u64,
    /// The write that runs in the background.
    writing: Option<JoinHandle<io::Result<()>>>,
    /// `true` if [`finish`](Self::finish) syncs the file to disk before it renames the file.
    sync: bool,
    /// The sync that runs in the background.
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// The number of bytes that were written when the last sync started.
    synced: u64,
}

impl AtomicFile {
    pub(crate) async fn create(disk: &Disk, target: PathBuf) -> Result<Self, Error> {
        Self::create_with(disk.clone(), target, false).await
    }

    /// Creates a file that only its owner can read.
    pub(crate) async fn create_private(disk: &Disk, target: PathBuf) -> Result<Self, Error> {
        Self::create_with(disk.clone(), target, true).await
    }

    async fn create_with(disk: Disk, target: PathBuf, is_private: bool) -> Result<Self, Error> {
        // One call: if the caller is cancelled, dropping its result removes the temporary file.
        let opened = disk.try_run(move |disk| open_temp(disk, &target, is_private));
        let (target, temp, file) = opened.await?;
        Ok(Self { disk, target, temp, file, written: 0, writing: None, sync: true, syncing: None, synced: 0 })
    }

    /// Sets whether `finish` waits until the file is on disk. Otherwise, the operating system decides when to write
    /// the file.
    pub(crate) fn sync(self, sync: bool) -> Self {
        Self { sync, ..self }
    }

    /// Writes at the end of the file. Returns when the bytes before are written. An error may be about these.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let outcome = self.try_write(bytes).await;
        outcome.map_err(|error| self.write_error(error))
    }

    async fn try_write(&mut self, bytes: Bytes) -> io::Result<()> {
        join(&mut self.writing).await?;
        let sync_due = self.sync && self.written - self.synced >= SYNC_INTERVAL;
        if sync_due && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            join(&mut self.syncing).await?;
            let file = Arc::clone(&self.file);
            self.synced = self.written;
            self.syncing = Some(self.disk.run(move || file.sync_data()));
        }
        let (file, offset) = (Arc::clone(&self.file), self.written);
        self.written += bytes.len() as u64;
        self.writing = Some(self.disk.run(move || file.write_all_at(offset, &bytes)));
        Ok(())
    }

    /// Returns the number of bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Removes what was written after the first `length` bytes.
    pub(crate) async fn truncate(&mut self, length: u64) -> Result<(), Error> {
        let outcome = self.try_truncate(length).await;
        outcome.map_err(|error| self.write_error(error))
    }

    async fn try_truncate(&mut self, length: u64) -> io::Result<()> {
        join(&mut self.writing).await?;
        join(&mut self.syncing).await?;
        let file = Arc::clone(&self.file);
        self.disk.run(move || file.set_len(length)).await??;
        (self.written, self.synced) = (length, self.synced.min(length));
        Ok(())
    }

    /// Overwrites the start of the file.
    pub(crate) async fn overwrite_start(&mut self, start: Bytes) -> Result<(), Error> {
        let outcome = self.try_overwrite_start(start).await;
        outcome.map_err(|error| self.write_error(error))
    }

    async fn try_overwrite_start(&mut self, start: Bytes) -> io::Result<()> {
        join(&mut self.writing).await?;
        let file = Arc::clone(&self.file);
        self.disk.run(move || file.write_all_at(0, &start)).await?
    }

    /// Renames the file to the target and returns its length in bytes.
    ///
    /// With sync, a crash of the machine leaves either the old file or the new one. Without sync, this holds
    /// only for a crash of the process.
    pub(crate) async fn finish(mut self) -> Result<u64, Error> {
        join(&mut self.writing).await.map_err(|error| self.write_error(error))?;
        join(&mut self.syncing).await.map_err(|error| self.write_error(error))?;
        let Self { disk, target, temp, file, written, sync, .. } = self;
        let (files, path) = (disk.clone(), target.clone());
        // If the caller is cancelled during the sync, the target stays as it is: the caller may write it again meanwhile.
        let caller = Arc::new(());
        let is_awaited = Arc::downgrade(&caller);
        // The call keeps the lock of the file until the file has its new name.
        let replaced = disk.run(move || {
            if sync {
                file.sync_all()?;
            }
            if is_awaited.strong_count() == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            temp.consume(|temp| replace(&files, temp, &path, sync))?;
            drop(file);
            // Another writer may already use the temporary name, so this may fail only after `consume`.
            Ok(if sync { files.sync_dir(directory_of(&path)) } else { Ok(()) })
        });
        let replaced = replaced.await.map_err(io::Error::from).flatten();
        drop(caller);
        match replaced {
            Ok(Ok(())) => Ok(written),
            Ok(Err(error)) => {
                let problem = "the new file is complete, but a power failure may lose it; write it again";
                let error = Error::io("could not sync the directory of", &target, error);
                Err(error.with_problem(problem.to_owned()))
            }
            Err(error) => Err(Error::io("could not write", &target, error)),
        }
    }

    fn write_error(&self, error: io::Error) -> Error {
        Error::io("could not write", &self.target, error)
    }
}

/// Waits for an action in the background. Its error must be returned, because the system reports a failed sync only
/// once.
async fn join(action: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    let Some(running) = action else { return Ok(()) };
    let outcome = running.await;
    *action = None;
    outcome?
}

/// Moves the temporary file to the target.
fn replace(disk: &Disk, temp: &Path, target: &Path, sync: bool) -> io::Result<()> {
    match disk.rename(temp, target) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            tracing::warn!(path = %target.display(), "file is a mount point, overwriting its content");
            overwrite(disk, temp, target, sync)?;
            disk.remove_file(temp)
        }
        outcome => outcome,
    }
}

/// Replaces the content of the target. A crash leaves a part of the new content.
fn overwrite(disk: &Disk, temp: &Path, target: &Path, sync: bool) -> io::Result<()> {
    let content = disk.open(temp, Access::Read)?;
    let file = disk.open(target, Access::Overwrite)?;
    let (mut offset, length) = (0, content.metadata()?.length);
    while offset < length {
        let mut chunk = vec![0; usize::try_from(length - offset).unwrap_or(usize::MAX).min(COPY_BYTES)];
        read_exact_at(&*content, offset, &mut chunk)?;
        file.write_all_at(offset, &chunk)?;
        offset += chunk.len() as u64;
    }
    if sync { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
