//! The audio files of a store: `<hash>.wav`. The time of their last change is the time of their last use.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{RequestHash, claims::Claims};
use crate::{
    Error,
    ext::disk::{Disk, Metadata},
};

/// The maximum number of downloads to a store at the same time.
const MAX_DOWNLOADS: usize = 16;

/// The audio of an entry. The names are part of the file format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredAudio {
    pub(crate) bytes: u64,
    /// The SHA-256 of the file, as `sha256sum` prints it.
    pub(crate) sha256: String,
    /// The duration. `None` if the audio is not a WAV file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
}

/// The audio files of a directory. All handles of the directory share them.
pub(super) struct AudioFiles {
    disk: Disk,
    directory: PathBuf,
    downloads: Semaphore,
    /// The claims of calls that keep or remove the audio of a request.
    ///
    /// A claim may be held during a download. To be free of deadlocks, its holder must not claim a submission.
    pub(super) keeping: Claims,
    /// The size of all files together. `None` until it matters.
    total: Arc<Mutex<Option<u64>>>,
}

impl AudioFiles {
    pub(super) fn new(disk: Disk, directory: PathBuf) -> Self {
        let downloads = Semaphore::new(MAX_DOWNLOADS);
        Self { disk, directory, downloads, keeping: Claims::default(), total: Arc::default() }
    }

    pub(super) fn path(&self, hash: RequestHash) -> PathBuf {
        self.directory.join(format!("{hash}.wav"))
    }

    /// Waits until another download may start.
    pub(super) async fn start_download(&self) -> SemaphorePermit<'_> {
        self.downloads.acquire().await.expect("the semaphore is never closed")
    }

    /// Returns `true` if there is a file of the right length, and marks the file as used.
    pub(super) async fn find(&self, hash: RequestHash, audio: &StoredAudio) -> bool {
        let (disk, path, length) = (self.disk.clone(), self.path(hash), audio.bytes);
        let found = self.disk.run(move || {
            let is_right = |found: Metadata| found.is_file() && found.length == length;
            if !disk.symlink_metadata(&path).is_ok_and(is_right) {
                return false;
            }
            // Only the order in which files are removed depends on it.
            let _ = disk.touch(&path);
            true
        });
        found.await.unwrap_or(false)
    }

    pub(super) async fn remove(&self, hash: RequestHash) -> Result<(), Error> {
        let (path, total) = (self.path(hash), Arc::clone(&self.total));
        let removed = self.disk.try_run(move |disk| {
            *total.lock().unwrap_or_else(PoisonError::into_inner) = None;
            match disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io("could not remove", &path, error))
                }
                _ => Ok(()),
            }
        });
        removed.await
    }

    /// Counts a new file. If all files together are larger than `max_bytes`, removes the least recently used ones. The new file
    /// stays, even if it alone is larger: its caller is about to read it.
    ///
    /// Without a limit, the file is counted for other handles of the directory, which may have one.
    pub(super) async fn on_saved(
        &self,
        hash: RequestHash,
        bytes: u64,
        max_bytes: Option<u64>,
    ) -> Result<(), Error> {
        let (directory, saved, total) = (self.directory.clone(), self.path(hash), Arc::clone(&self.total));
        let pruned = self.disk.try_run(move |disk| {
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            // The first count includes the new file. A file that was replaced counts twice until the next pruning.
            let size = match (total.take(), max_bytes) {
                (Some(size), _) => size + bytes,
                (None, Some(_)) => list(disk, &directory)?.iter().map(|file| file.bytes).sum(),
                (None, None) => return Ok(()),
            };
            *total = Some(match max_bytes {
                Some(max_bytes) if size > max_bytes => {
                    // Removes more than necessary, so that the directory is not listed for each file.
                    prune(disk, &directory, max_bytes / 10 * 9, Some(&saved))?.left
                }
                _ => size,
            });
            Ok(())
        });
        pruned.await
    }

    /// Removes the least recently used files until the others have at most `max_bytes`. Returns the number of removed bytes.
    pub(super) async fn prune(&self, max_bytes: u64) -> Result<u64, Error> {
        let (directory, total) = (self.directory.clone(), Arc::clone(&self.total));
        let pruned = self.disk.try_run(move |disk| {
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            *total = None;
            let Pruned { removed, left } = prune(disk, &directory, max_bytes, None)?;
            *total = Some(left);
            Ok(removed)
        });
        pruned.await
    }
}

/// The bytes of the files that were removed, and of the others.
struct Pruned {
    removed: u64,
    left: u64,
}

struct AudioFile {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// Returns the audio files of a directory, and no other file.
fn list(disk: &Disk, directory: &Path) -> Result<Vec<AudioFile>, Error> {
    let failed = |error| Error::io("could not read", directory, error);
    let mut files = Vec::new();
    for name in disk.read_dir(directory).map_err(failed)? {
        let is_audio = name
            .to_str()
            .and_then(|name| name.strip_suffix(".wav"))
            .is_some_and(|hash| hash.parse::<RequestHash>().is_ok_and(|parsed| parsed.to_string() == hash));
        // A file that was just removed is not an error.
        if is_audio
            && let Ok(found) = disk.symlink_metadata(&directory.join(&name))
            && found.is_file()
        {
            files.push(AudioFile { used: found.modified, bytes: found.length, path: directory.join(name) });
        }
    }
    Ok(files)
}

/// Removes the least recently used files, but not the file `keep`, until the others have at most `max_bytes`.
fn prune(disk: &Disk, directory: &Path, max_bytes: u64, keep: Option<&Path>) -> Result<Pruned, Error> {
    let mut files = list(disk, directory)?;
    files.sort_unstable_by_key(|file| file.used);
    let mut left: u64 = files.iter().map(|file| file.bytes).sum();
    let mut removed = 0;
    for file in files.iter().filter(|file| Some(&*file.path) != keep) {
        if left <= max_bytes {
            break;
        }
        match disk.remove_file(&file.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("could not remove", &file.path, error));
            }
            _ => (left, removed) = (left - file.bytes, removed + file.bytes),
        }
    }
    Ok(Pruned { removed, left })
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        time::Duration,
    };

    use super::*;
    use crate::ext::disk::{
        Access,
        simulated::{Fault, State},
    };

    fn hash(number: u8) -> RequestHash {
        RequestHash::from_bytes([number; 32])
    }

    /// Writes files of 100 bytes that were used one after the other.
    fn write(files: &AudioFiles, numbers: std::ops::Range<u8>) {
        for number in numbers {
            fs::write(files.path(hash(number)), [0; 100]).unwrap();
            let file = File::options().append(true).open(files.path(hash(number))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(number.into())).unwrap();
        }
    }

    fn numbers(files: &AudioFiles) -> Vec<u8> {
        (0..20).filter(|number| files.path(hash(*number)).exists()).collect()
    }

    fn audio() -> StoredAudio {
        StoredAudio { bytes: 100, sha256: String::new(), seconds: None }
    }

    #[tokio::test]
    async fn least_recently_used_audio_is_removed_first() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        write(&files, 0..10);
        fs::write(directory.path().join("entries.redb"), [0; 1000]).unwrap();
        fs::write(directory.path().join("other.wav"), [0; 1000]).unwrap();
        assert!(files.find(hash(0), &audio()).await);
        assert_eq!(files.prune(300).await.unwrap(), 700);
        assert_eq!(numbers(&files), [0, 8, 9]);
        assert!(
            directory.path().join("entries.redb").exists() && directory.path().join("other.wav").exists()
        );
    }

    #[tokio::test]
    async fn limit_is_kept_while_files_are_added() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        for number in 0..20 {
            write(&files, number..number + 1);
            files.on_saved(hash(number), 100, Some(1000)).await.unwrap();
            assert!(numbers(&files).len() <= 10 && numbers(&files).contains(&number));
        }
        files.remove(hash(19)).await.unwrap();
        assert!(!numbers(&files).contains(&19));
        files.remove(hash(19)).await.expect("a missing file is removed");
    }

    #[tokio::test]
    async fn removed_file_does_not_count_for_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        for number in 0..10 {
            write(&files, number..number + 1);
            files.on_saved(hash(number), 100, Some(1000)).await.unwrap();
        }
        files.remove(hash(9)).await.unwrap();
        write(&files, 10..11);
        files.on_saved(hash(10), 100, Some(1000)).await.unwrap();
        assert_eq!(numbers(&files), [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]);
    }

    #[tokio::test]
    async fn file_that_was_removed_before_an_error_does_not_count_for_the_limit() {
        let directory = Path::new("/d");
        let disk = Disk::simulated(State::with_directory(directory), |step, _| {
            // The second removal fails.
            let is_first = step == format!("remove /d/{}.wav", hash(0));
            is_first.then_some(Fault::Fails(io::ErrorKind::PermissionDenied))
        });
        let files = AudioFiles::new(disk.clone(), directory.to_owned());
        let save = async |number| {
            let file = disk.open(&files.path(hash(number)), Access::CreatePrivate).unwrap();
            file.write_all_at(0, &[0; 100]).unwrap();
            files.on_saved(hash(number), 100, Some(1000)).await.unwrap();
        };
        for number in 0..10 {
            save(number).await;
        }
        assert!(files.prune(0).await.unwrap_err().is_io());
        save(10).await;
        assert_eq!(disk.read_dir(directory).unwrap().len(), 10);
    }

    #[tokio::test]
    async fn files_of_exactly_the_limit_stay() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        write(&files, 0..9);
        for number in [8, 9] {
            write(&files, number..number + 1);
            files.on_saved(hash(number), 100, Some(1000)).await.unwrap();
        }
        assert_eq!(numbers(&files).len(), 10);
    }

    #[tokio::test]
    async fn file_that_cannot_be_removed_is_an_error_unless_it_is_gone() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            let directory = Path::new("/d");
            let disk = Disk::simulated(State::with_directory(directory), move |step, _| {
                step.starts_with("write").then_some(Fault::Fails(kind))
            });
            let files = AudioFiles::new(disk.clone(), directory.to_owned());
            let save = || {
                let file = disk.open(&files.path(hash(1)), Access::CreatePrivate).unwrap();
                file.write_all_at(0, &[0; 100]).unwrap();
            };
            save();
            let removed = files.remove(hash(1)).await;
            save();
            let pruned = files.prune(0).await;
            match kind {
                io::ErrorKind::NotFound => assert!(removed.is_ok() && pruned.unwrap() == 100),
                _ => assert!(removed.unwrap_err().is_io() && pruned.unwrap_err().is_io()),
            }
        }
    }

    #[tokio::test]
    async fn saved_file_is_not_removed_for_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        // Files of the future: the clock was set back, so that the new file seems to be the oldest one.
        write(&files, 5..10);
        write(&files, 0..1);
        files.on_saved(hash(0), 100, Some(500)).await.unwrap();
        assert_eq!(numbers(&files), [0, 7, 8, 9]);
        // More than 90 % of the limit.
        fs::write(files.path(hash(1)), [0; 480]).unwrap();
        files.on_saved(hash(1), 480, Some(500)).await.unwrap();
        assert_eq!(numbers(&files), [1]);
        // More than the limit, until the next one is saved.
        fs::write(files.path(hash(2)), [0; 501]).unwrap();
        files.on_saved(hash(2), 501, Some(500)).await.unwrap();
        assert_eq!(numbers(&files), [2]);
        write(&files, 3..4);
        files.on_saved(hash(3), 100, Some(500)).await.unwrap();
        assert_eq!(numbers(&files), [3]);
    }

    #[tokio::test]
    async fn file_that_is_saved_again_is_counted_once_after_pruning() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        write(&files, 0..5);
        for _ in 0..20 {
            files.on_saved(hash(4), 100, Some(1000)).await.unwrap();
        }
        let total = files.total.lock().unwrap().unwrap();
        assert!(total <= 1000, "the directory is listed for each file above the limit: {total}");
        assert_eq!(numbers(&files), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn file_with_another_length_is_not_found() {
        let directory = tempfile::tempdir().unwrap();
        let files = AudioFiles::new(Disk::system(), directory.path().to_owned());
        assert!(!files.find(hash(1), &audio()).await);
        fs::write(files.path(hash(1)), [0; 99]).unwrap();
        assert!(!files.find(hash(1), &audio()).await);
        fs::create_dir(files.path(hash(2))).unwrap();
        assert!(!files.find(hash(2), &audio()).await);
    }
}
