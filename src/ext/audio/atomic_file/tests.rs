use std::fs;

use futures_util::FutureExt;

use super::*;
use crate::ext::disk::simulated::{Change, Fault, State};

async fn file_at(path: &Path, content: &str) -> AtomicFile {
    let mut file = AtomicFile::create(&Disk::system(), path.to_owned()).await.unwrap();
    file.write(Bytes::copy_from_slice(content.as_bytes())).await.unwrap();
    file
}

#[tokio::test]
async fn old_file_stays_until_finish() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    for sync in [true, false] {
        let start = async || AtomicFile::create(&Disk::system(), path.clone()).await.unwrap().sync(sync);
        fs::write(&path, "old").unwrap();
        let mut dropped = start().await;
        dropped.write(Bytes::from_static(b"half")).await.unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        let mut file = start().await;
        file.write(Bytes::from_static(b"new")).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file.finish().await.unwrap(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn truncated_file_has_its_start_and_what_is_written_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    for (length, expected) in [(0, "new"), (2, "annew")] {
        let mut file = file_at(&path, "another version").await;
        file.truncate(length).await.unwrap();
        file.write(Bytes::from_static(b"new")).await.unwrap();
        assert_eq!(file.finish().await.unwrap(), length + 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
}

#[tokio::test]
async fn concurrent_writers_to_one_target_each_replace_it_with_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let mut files = Vec::new();
    for number in 0..40 {
        files.push((number, file_at(&path, &format!("file {number}")).await));
    }
    for (number, file) in files {
        file.finish().await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("file {number}"));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn mount_point_is_overwritten_because_it_cannot_be_replaced() {
    for sync in [true, false] {
        let (target, mut saved) = (Path::new("/d/a.wav"), None);
        let (sender, states) = std::sync::mpsc::channel();
        let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, state| {
            sender.send((step.to_owned(), state.clone())).unwrap();
            saved = saved.or(step.starts_with("rename").then_some(()));
            // The second file cannot be renamed.
            (saved.is_some() && step.starts_with(if sync { "sync /d/." } else { "write /d/." }))
                .then_some(Fault::Fails(io::ErrorKind::ResourceBusy))
        });
        for content in ["old, and longer", "new"] {
            let mut file = AtomicFile::create(&disk, target.to_owned()).await.unwrap().sync(sync);
            file.write(Bytes::from_static(content.as_bytes())).await.unwrap();
            file.finish().await.unwrap();
        }
        assert_eq!(disk.read_dir(Path::new("/d")).unwrap(), ["a.wav"]);
        let file = disk.open(target, Access::Read).unwrap();
        assert_eq!(crate::ext::disk::read_start(&*file, 100).unwrap(), b"new");
        let (_, end) = states.try_iter().last().unwrap();
        let is_written = |change: &&Change| matches!(change, Change::Write { .. });
        assert_eq!(end.pending().iter().filter(is_written).count() == 0, sync, "{end:?}");
    }
}

#[tokio::test]
async fn failed_sync_in_the_background_fails_the_file() {
    // A later sync would succeed, without the bytes.
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), |step, state| {
        let written: usize = state.pending().iter().map(Change::length).sum();
        let is_due = step.starts_with("write") && written as u64 >= SYNC_INTERVAL;
        is_due.then_some(Fault::LosesChanges)
    });
    let mut file = AtomicFile::create(&disk, PathBuf::from("/d/a.wav")).await.unwrap();
    let chunk = Bytes::from(vec![1; 1024 * 1024]);
    let mut outcome = Ok(());
    for _ in 0..10 {
        outcome = outcome.and(file.write(chunk.clone()).await);
    }
    let outcome = match outcome {
        Ok(()) => file.finish().await.map(drop),
        error => error,
    };
    assert!(outcome.unwrap_err().is_io());
    assert!(disk.metadata(Path::new("/d/a.wav")).is_err());
}

#[tokio::test]
async fn start_of_the_file_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let mut file = file_at(&path, "0123456789").await;
    file.overwrite_start(Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(file.finish().await.unwrap(), 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "abc3456789");
}

/// Returns a disk that fails at the step after `before`, and its steps.
fn disk_with_steps(before: &'static str, kind: io::ErrorKind) -> (Disk, std::sync::mpsc::Receiver<String>) {
    let (sender, steps) = std::sync::mpsc::channel();
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, _| {
        sender.send(step.to_owned()).unwrap();
        (step.starts_with(before) && !before.is_empty()).then_some(Fault::Fails(kind))
    });
    (disk, steps)
}

#[tokio::test]
async fn file_is_synced_once_for_each_interval_and_its_name_at_the_end() {
    for sync in [true, false] {
        let (disk, steps) = disk_with_steps("", io::ErrorKind::Other);
        let mut file = AtomicFile::create(&disk, PathBuf::from("/d/a.wav")).await.unwrap().sync(sync);
        let chunk = Bytes::from(vec![1; 1024 * 1024]);
        for _ in 0..20 {
            file.write(chunk.clone()).await.unwrap();
        }
        file.finish().await.unwrap();
        let steps: Vec<_> = steps.try_iter().collect();
        let syncs = steps.iter().filter(|step| step.starts_with("sync /d/.")).count();
        // After 8 MiB, after 16 MiB, and at the end.
        assert_eq!(syncs, if sync { 3 } else { 0 }, "{steps:?}");
        assert_eq!(steps.last().unwrap(), if sync { "sync /d" } else { "rename to /d/a.wav" });
    }
}

#[tokio::test]
async fn file_that_cannot_be_renamed_leaves_the_old_one() {
    let (disk, steps) = disk_with_steps("sync /d/.", io::ErrorKind::StorageFull);
    let target = Path::new("/d/a.wav");
    disk.open(target, Access::CreatePrivate).unwrap().write_all_at(0, b"old").unwrap();
    let mut file = AtomicFile::create(&disk, target.to_owned()).await.unwrap();
    file.write(Bytes::from_static(b"new")).await.unwrap();
    assert!(file.finish().await.unwrap_err().is_io());
    let file = disk.open(target, Access::Read).unwrap();
    assert_eq!(crate::ext::disk::read_start(&*file, 100).unwrap(), b"old");
    assert_eq!(disk.read_dir(Path::new("/d")).unwrap(), ["a.wav"]);
    assert!(steps.try_iter().any(|step| step == "rename to /d/a.wav fails"));
}

#[tokio::test]
async fn failed_sync_of_the_directory_keeps_the_new_file_and_that_of_another_writer() {
    let (target, mut temp) = (Path::new("/d/a.wav"), PathBuf::new());
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, state| {
        if let Some(path) = step.strip_prefix("create ") {
            temp = path.into();
        }
        (step == "rename to /d/a.wav").then(|| {
            // The name is free now, and another writer takes it.
            state.create_file(&temp);
            Fault::Fails(io::ErrorKind::Other)
        })
    });
    let mut file = AtomicFile::create(&disk, target.to_owned()).await.unwrap();
    file.write(Bytes::from_static(b"new")).await.unwrap();
    let error = file.finish().await.unwrap_err();
    let expected = "could not sync the directory of /d/a.wav: the new file is complete";
    assert!(error.is_io() && error.to_string().starts_with(expected), "{error}");
    assert_eq!(disk.metadata(target).unwrap().length, 3);
    assert_eq!(disk.read_dir(Path::new("/d")).unwrap().len(), 2, "the file of the other writer stays");
}

#[tokio::test]
async fn caller_that_is_cancelled_does_not_replace_the_file_later() {
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), |_, _| None);
    for sync in [true, false] {
        let mut file = AtomicFile::create(&disk, PathBuf::from("/d/a.wav")).await.unwrap().sync(sync);
        file.write(Bytes::from_static(b"old")).await.unwrap();
        let mut finish = Box::pin(file.finish());
        // Until the write has ended, and the last call is about to run.
        assert!((&mut finish).now_or_never().is_none());
        tokio::task::yield_now().await;
        assert!((&mut finish).now_or_never().is_none());
        drop(finish);
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert!(disk.read_dir(Path::new("/d")).unwrap().is_empty());
    }
}

#[tokio::test]
async fn content_is_copied_to_a_mount_point_in_few_writes() {
    let (disk, steps) = disk_with_steps("sync /d/.", io::ErrorKind::ResourceBusy);
    let mut file = AtomicFile::create(&disk, PathBuf::from("/d/a.wav")).await.unwrap();
    disk.open(Path::new("/d/a.wav"), Access::CreatePrivate).unwrap();
    file.write(Bytes::from(vec![1; 5 * 512 * 1024])).await.unwrap();
    file.finish().await.unwrap();
    assert_eq!(steps.try_iter().filter(|step| step == "write /d/a.wav").count(), 3);
    assert_eq!(disk.metadata(Path::new("/d/a.wav")).unwrap().length, 5 * 512 * 1024);
}
