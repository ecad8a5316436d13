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

/// What is written is sent on its way to the disk in pieces of this size, while the next one comes: otherwise all of a
/// large file would have to be waited for at its end.
const SYNC_INTERVAL: u64 = 8 * 1024 * 1024;

/// A file that is there whole or not at all: written under another name beside its place, and renamed at the end.
/// Dropped before that, it is removed.
pub(crate) struct AtomicFile {
    target: PathBuf,
    temp: TempPath,
    file: File,
    written: u64,
    /// Whether the disk has it before it takes its place.
    sync: bool,
    /// On its way to the disk, and up to where.
    syncing: Option<JoinHandle<io::Result<()>>>,
    synced: u64,
}

impl AtomicFile {
    pub(crate) async fn create(target: PathBuf) -> Result<Self, Error> {
        // In one piece: if nobody waits for it any more, what it made removes itself.
        let opened = spawn_blocking(move || open_temp(&target)).await;
        let (target, beside, file) =
            opened.map_err(|error| Error::io("could not write", Path::new(""), error))??;
        let file = File::from_std(file);
        Ok(Self { target, temp: beside, file, written: 0, sync: true, syncing: None, synced: 0 })
    }

    /// Lets the disk have it whenever the system sees fit.
    pub(crate) fn without_sync(self) -> Self {
        Self { sync: false, ..self }
    }

    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let outcome = self.file.write_all(chunk).await;
        self.written += chunk.len() as u64;
        outcome.map_err(|error| self.write_error(error))?;
        let far = self.sync && self.written - self.synced >= SYNC_INTERVAL;
        if far && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.sync_so_far().await.map_err(|error| self.write_error(error))?;
        }
        Ok(())
    }

    /// How many bytes there are so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Replaces what stands at the start of it, by as many bytes. The last thing before [`finish`](Self::finish): what
    /// would be written after it would stand behind these.
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

    /// What a disk could not do is told once: a later sync would say that all is well.
    async fn join_sync(&mut self) -> io::Result<()> {
        match self.syncing.take() {
            Some(syncing) => syncing.await?,
            None => Ok(()),
        }
    }

    /// Puts it in its place. With the disk having it before that, a crash of the machine leaves the old file or the new
    /// one; without, of the process only. Returns the length in bytes.
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

/// The file under its other name.
struct TempPath(PathBuf);

impl Drop for TempPath {
    fn drop(&mut self) {
        // Renamed, it is no longer there under this name; and there is nobody to tell of another failure.
        let _ = fs::remove_file(&self.0);
    }
}

fn open_temp(target: &Path) -> Result<(PathBuf, TempPath, fs::File), Error> {
    let refused = |problem| Error::not_writable(target, problem);
    let before = match fs::metadata(target) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io("could not write", target, error)),
    };
    if before.as_ref().is_some_and(|found| !found.is_file()) {
        // A directory; or a pipe or a device, which must not be replaced by a file.
        return Err(refused("it is there, and is no regular file"));
    }
    if target.file_name().is_none() || target.to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return Err(refused("it names no file"));
    }
    // Through a link, to what it points to.
    let target = if before.is_some() { fs::canonicalize(target) } else { Ok(target.to_owned()) }
        .map_err(|error| Error::io("could not write", target, error))?;
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    loop {
        let beside = directory.join(format!(".distribute-ai-{:016x}.part", fastrand::u64(..)));
        match fs::OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => {
                let beside = TempPath(beside);
                if let Some(before) = before {
                    // As closed to others as what it replaces; where that can't be had, it is a new file's.
                    let _ = file.set_permissions(before.permissions());
                }
                return Ok((target, beside, file));
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
    async fn what_was_there_stands_until_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        for waits in [true, false] {
            let begin = async || {
                let file = AtomicFile::create(path.clone()).await.unwrap();
                if waits { file } else { file.without_sync() }
            };
            fs::write(&path, "old").unwrap();
            let mut dropped = begin().await;
            dropped.write(b"half").await.unwrap();
            drop(dropped);
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");

            let mut file = begin().await;
            file.write(b"new").await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            assert_eq!(file.finish().await.unwrap(), 3);
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
