use super::*;

async fn file_at(path: &Path, content: &[u8]) -> AtomicFile {
    let mut file = AtomicFile::create(path.to_owned()).await.unwrap();
    file.write(content).await.unwrap();
    file
}

#[tokio::test]
async fn old_file_stays_until_finish() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    for sync in [true, false] {
        let start = async || AtomicFile::create(path.clone()).await.unwrap().sync(sync);
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

#[tokio::test]
async fn cleared_file_has_only_what_is_written_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let mut file = file_at(&path, b"another version").await;
    file.clear().await.unwrap();
    file.write(b"new").await.unwrap();
    assert_eq!(file.finish().await.unwrap(), 3);
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[tokio::test]
async fn concurrent_writers_to_one_target_each_replace_it_with_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let mut files = Vec::new();
    for number in 0..40 {
        files.push((number, file_at(&path, format!("file {number}").as_bytes()).await));
    }
    for (number, file) in files {
        file.finish().await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("file {number}"));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn mount_point_is_overwritten_because_it_cannot_be_renamed() {
    let directory = tempfile::tempdir().unwrap();
    let (temp, target) = (directory.path().join("temp"), directory.path().join("target"));
    for sync in [true, false] {
        fs::write(&temp, "new").unwrap();
        fs::write(&target, "old, and longer").unwrap();
        replace(&temp, &target, sync, |_, _| Err(io::ErrorKind::ResourceBusy.into())).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(!temp.exists());
    }
    fs::write(&temp, "new").unwrap();
    let error =
        replace(&temp, &target, true, |_, _| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(temp.exists(), "its owner removes it");
}
