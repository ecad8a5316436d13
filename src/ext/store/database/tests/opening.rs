//! Opening of directories that hold something else, or an unfinished store.

use std::fs::{self, File};

use super::*;
use crate::ext::captured_log::CapturedLog;

fn error_of(path: &Path) -> String {
    let error = open(path).unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
    error.to_string()
}

/// Returns the message without the path, which must come first.
fn problem_of(path: &Path, named: &Path) -> String {
    let error = error_of(path);
    let start = format!("store: {} ", named.display());
    error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned()
}

fn assert_starts_with(text: &str, start: &str) {
    assert!(text.starts_with(start), "{text}");
}

#[cfg(unix)]
#[test]
fn directory_and_files_belong_to_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("store");
    let _database = open(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["entries.redb", "reserve"]);
    assert!(names.iter().all(|name| mode(&path.join(name)) == 0o600));
}

#[test]
fn path_that_is_not_a_directory_is_an_error() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a");
    fs::write(&path, "text").unwrap();
    assert_eq!(problem_of(&path, &path), "is not a directory; choose another path");
    fs::write(&path, "{\"journal\":\"distribute-ai batch\",\"version\":1}\n{}\n").unwrap();
    assert_eq!(
        problem_of(&path, &path),
        "is a journal of an earlier version of this library, which this version cannot read; \
         finish its batch with that version, or delete the file and pay for its texts again"
    );
    assert_eq!(error_of(Path::new("")), "store: the path is empty, expected a directory");
    let path = parent.path().join("missing/store");
    assert_eq!(
        problem_of(&path, &path),
        "cannot be created, because its parent is missing; create the parent first"
    );
}

/// Permissions do not stop root, but `/sys` does not allow new files.
#[cfg(target_os = "linux")]
#[test]
fn directory_or_file_that_cannot_be_written_is_an_error() {
    let advice = "not permitted; a store needs a directory that this process may write";
    let assert_denied = |directory: &Path, named: &Path| {
        let error = open(directory).unwrap_err();
        assert_eq!(error.to_string(), format!("could not write {}: {advice}", named.display()));
        assert!(error.is_io() && std::error::Error::source(&error).is_some());
    };
    assert_denied(Path::new("/sys/kernel"), Path::new("/sys/kernel/entries.redb"));
    assert_denied(Path::new("/sys/kernel/store"), Path::new("/sys/kernel/store"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    std::os::unix::fs::symlink("/sys/kernel/uevent_seqnum", &path).unwrap();
    assert_denied(directory.path(), &path);
}

#[test]
fn file_that_is_not_a_database_is_an_error_and_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    for content in [b"text".to_vec(), b"text".repeat(25_000)] {
        fs::write(&path, &content).unwrap();
        assert_starts_with(&problem_of(directory.path(), &path), "is not a database of a store; choose");
        assert_eq!(fs::read(&path).unwrap(), content);
        assert!(!directory.path().join("reserve").exists());
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_starts_with(&problem_of(directory.path(), &path), "is not a database of a store; choose");
}

#[test]
fn file_with_the_name_of_the_reserve_is_kept_unless_a_store_has_made_it() {
    let directory = tempfile::tempdir().unwrap();
    let entries = directory.path().join("entries.redb");
    let path = directory.path().canonicalize().unwrap().join("reserve");
    let assert_refused = || {
        assert_eq!(
            problem_of(directory.path(), &path),
            "is not a file of a store, but a store uses this name; choose another directory, or move the file"
        );
        assert!(!entries.exists());
    };
    for content in ["", "text"] {
        fs::write(&path, content).unwrap();
        assert_refused();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_refused();
    fs::remove_dir(&path).unwrap();
    drop(open(directory.path()).unwrap());

    // A crash while the reserve is written leaves a part of it.
    File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    drop(open(directory.path()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
    // Whoever deletes the entries may leave the reserve.
    fs::remove_file(&entries).unwrap();
    drop(open(directory.path()).unwrap());
}

#[tokio::test]
async fn directory_with_the_name_of_the_reserve_is_named_by_failed_writes() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let path = directory.path().canonicalize().unwrap().join("reserve");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = put(&open(directory.path()).unwrap(), 1).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not write {}", path.display()));
}

#[test]
fn database_of_another_program_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    let other = redb::Database::create(&path).unwrap();
    let transaction = other.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<u32, u32>::new("other")).unwrap();
    transaction.commit().unwrap();
    drop(other);
    assert_starts_with(&problem_of(directory.path(), &path), "is not a database of a store; choose");
}

#[tokio::test]
async fn damaged_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    let database = open(directory.path()).unwrap();
    for number in 0..1_000 {
        database.enqueue(Priority::Normal, move |transaction| transaction.put(key(number), &[7; 100]));
    }
    drop(database);
    let whole = fs::read(&path).unwrap();
    // Cut off, as by an incomplete copy.
    for length in [200, 5_000, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_starts_with(&problem_of(directory.path(), &path), "is damaged: ");
    }
    // Both commit slots of the header are overwritten.
    let mut damaged = whole.clone();
    damaged[64..320].fill(0xa5);
    fs::write(&path, damaged).unwrap();
    assert_starts_with(&problem_of(directory.path(), &path), "is damaged: ");
    fs::write(&path, whole).unwrap();
    assert!(get(&open(directory.path()).unwrap(), 999).await.is_some());
}

#[tokio::test]
async fn store_of_a_newer_version_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    let database = open(directory.path()).unwrap();
    database.run(Priority::Normal, |transaction| transaction.put_meta("version", b"2")).await.unwrap();
    drop(database);
    let problem = "has format version 2, and this version of the library reads version 1; \
                   use the version of the library that wrote it, or choose another directory";
    assert_eq!(problem_of(directory.path(), &path), problem);
}

#[test]
fn database_that_is_open_outside_the_registry_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("entries.redb");
    let other = redb::Database::create(&path).unwrap();
    assert_starts_with(&problem_of(directory.path(), &path), "is in use by another process");
    drop(other);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn file_whose_creation_was_interrupted_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("entries.redb");
    // redb sets the length, writes the header without the magic number, and then the magic number, which may be torn.
    let without_magic = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3];
    for header in [&[][..], b"r", b"redb\x1A\0\0\0\0\x01\x02", b"\0\0\0\0\0\x0A\0\0\0", &without_magic] {
        let file = File::create(&path).unwrap();
        fs::write(&path, header).unwrap();
        file.set_len(1_052_672).unwrap();
        drop(open(directory.path()).unwrap());
    }
}

#[tokio::test]
async fn store_that_is_moved_while_in_use_refuses_to_write() {
    let parent = tempfile::tempdir().unwrap();
    let (path, moved) = (parent.path().join("a"), parent.path().join("b"));
    let database = open(&path).unwrap();
    fs::rename(&path, &moved).unwrap();
    for is_replaced in [false, true] {
        if is_replaced {
            fs::create_dir(&path).unwrap();
            fs::copy(moved.join("entries.redb"), path.join("entries.redb")).unwrap();
        }
        for priority in [Priority::Normal, Priority::Essential] {
            let error = put_as(&database, priority, 1).await.unwrap_err();
            assert_starts_with(&error.to_string(), "could not write ");
        }
    }
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&moved, &path).unwrap();
    put(&database, 2).await.unwrap();
}

#[tokio::test]
async fn killed_store_is_repaired_and_says_so() {
    let disk = MemoryDisk::new(10_000);
    let database = inline(&disk);
    put(&database, 1).await.unwrap();
    let killed = disk.after_kill();
    let log = CapturedLog::start();
    let database = inline(&killed);
    let log = log.text();
    assert!(get(&database, 1).await.is_some());
    assert_eq!(log.matches("INFO").count(), 1, "{log}");
    assert!(log.contains("store was not closed, repairing it"), "{log}");
}

#[tokio::test]
async fn only_a_store_that_was_not_closed_is_written_again() {
    let changes = |disk: &MemoryDisk| {
        let before = disk.state().changes;
        engine::write_again_if_unclosed(disk).map(|()| disk.state().changes - before)
    };
    let disk = MemoryDisk::new(100_000);
    assert_eq!(changes(&disk).unwrap(), 0, "new");
    let database = inline(&disk);
    for number in 0..40 {
        let write =
            move |transaction: &mut Transaction<'_>| transaction.put(key(number), &b"value678".repeat(8_192));
        database.run(Priority::Normal, write).await.unwrap();
    }
    let (killed, full) = (disk.after_kill(), disk.after_kill());
    let length = redb::StorageBackend::len(&killed).unwrap();
    let chunks = usize::try_from(length.div_ceil(1 << 20)).unwrap();
    assert!(chunks > 2, "{chunks}");
    assert_eq!(changes(&killed).unwrap(), chunks + 3, "length, sync, content, sync");
    assert!(get(&inline(&killed), 39).await.is_some());

    full.state().free = 0;
    assert_eq!(changes(&full).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    drop(database);
    assert_eq!(changes(&disk).unwrap(), 0, "closed");
}
