use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    disk::{Fault, inject},
    *,
};

/// The contents of all files by path.
type Files = BTreeMap<String, String>;

/// A directory with a file to replace, one to remove, one to keep and a subdirectory.
fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    for (file, content) in [("replaced", "old"), ("sub/removed", "old"), ("kept", "same")] {
        fs::write(dir.path().join(file), content).unwrap();
    }
    dir
}

fn changes(dir: &TempDir) -> Vec<Change> {
    let path = |file| dir.path().join(file);
    vec![
        Change::Write(path("sub/added"), "new".into()),
        Change::Write(path("replaced"), "new".into()),
        Change::Write(path("kept"), "same".into()),
        Change::Remove(path("sub/removed")),
    ]
}

/// On a read-only disk, Linux refuses to remove a file that does not exist.
#[test]
fn file_that_does_not_exist_is_not_removed() {
    let dir = directory();
    inject(Some((0, Fault::Error)));
    let removed = ["missing", "kept"].map(|file| super::disk::remove(&dir.path().join(file)).is_ok());
    inject(None);
    assert_eq!(removed, [true, false]);
}

fn files(dir: &TempDir) -> Files {
    let mut files = Files::new();
    for parent in ["", "sub/"] {
        for entry in fs::read_dir(dir.path().join(parent)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                let name = format!("{parent}{}", entry.file_name().display());
                files.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    files
}

fn expected(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(file, content)| ((*file).to_owned(), (*content).to_owned())).collect()
}

fn before() -> Files {
    expected(&[("replaced", "old"), ("sub/removed", "old"), ("kept", "same")])
}

fn after() -> Files {
    expected(&[("replaced", "new"), ("sub/added", "new"), ("kept", "same")])
}

fn begin(dir: &TempDir) -> Transaction {
    Transaction::begin(dir.path().to_owned()).unwrap()
}

/// Runs a function as a process that is killed before the given number of operations. Returns `true` if the function ended
/// before.
fn run_killed(operations: usize, function: impl FnOnce()) -> bool {
    inject(Some((operations, Fault::Kill)));
    let ended = catch_unwind(AssertUnwindSafe(function)).is_ok();
    inject(None);
    ended
}

fn commit_killed(dir: &TempDir, operations: usize) -> bool {
    run_killed(operations, || begin(dir).commit(changes(dir)).unwrap())
}

#[test]
fn commit_makes_all_changes_and_leaves_no_other_file() {
    let dir = directory();
    begin(&dir).commit(changes(&dir)).unwrap();
    assert_eq!(files(&dir), after());
}

#[test]
fn commit_killed_at_each_operation_is_all_or_nothing_after_the_next_start() {
    let (mut operations, mut outcomes) = (0, Vec::new());
    loop {
        let dir = directory();
        if commit_killed(&dir, operations) {
            break;
        }
        drop(begin(&dir));
        let files = files(&dir);
        assert!(files == before() || files == after(), "killed before operation {operations}: {files:?}");
        outcomes.push(files == after());
        operations += 1;
    }
    assert!(outcomes.len() > 10 && outcomes.is_sorted(), "{outcomes:?}");
    // Only the sync comes after the removal of the journal.
    assert_eq!(outcomes.iter().filter(|is_committed| **is_committed).count(), 1);
}

#[test]
fn recovery_killed_at_each_operation_is_completed_by_the_next_start() {
    let mut recoveries = 0;
    for operations in 0.. {
        let ended = commit_killed(&directory(), operations);
        for operations_of_recovery in 0.. {
            let dir = directory();
            commit_killed(&dir, operations);
            let recovered = run_killed(operations_of_recovery, || drop(begin(&dir)));
            drop(begin(&dir));
            let files = files(&dir);
            assert!(
                files == before() || files == after(),
                "{operations}, {operations_of_recovery}: {files:?}"
            );
            recoveries += 1;
            if recovered {
                break;
            }
        }
        if ended {
            break;
        }
    }
    assert!(recoveries > 100, "{recoveries}");
}

#[test]
fn commit_that_fails_at_any_operation_changes_nothing() {
    for operations in 0.. {
        let dir = directory();
        let transaction = begin(&dir);
        inject(Some((operations, Fault::Error)));
        let result = transaction.commit(changes(&dir));
        inject(None);
        let is_committed = result.is_ok();
        assert_eq!(files(&dir), if is_committed { after() } else { before() }, "{operations}");
        if is_committed {
            assert!(operations > 10, "{operations}");
            break;
        }
    }
}

#[test]
fn commit_with_one_unwritable_target_changes_nothing() {
    let dir = directory();
    let mut changes = changes(&dir);
    changes.push(Change::Write(dir.path().join("sub"), "x".into()));
    let failure = begin(&dir).commit(changes).unwrap_err();
    assert!(failure.to_string().contains("/sub: "), "{failure}");
    assert_eq!(files(&dir), before());
}

#[test]
fn commit_into_missing_directory_creates_the_directory() {
    let dir = directory();
    let file = dir.path().join("missing/file");
    begin(&dir).commit(vec![Change::Write(file.clone(), "x".into())]).unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
}

#[test]
fn recovery_keeps_a_file_that_was_edited_since() {
    // Killed after the last file was changed.
    let is_changed = |dir: &TempDir| !dir.path().join("sub/removed").exists();
    let mut killed = (0..).map(|operations| {
        let dir = directory();
        commit_killed(&dir, operations);
        dir
    });
    let dir = killed.find(is_changed).unwrap();
    fs::write(dir.path().join("replaced"), "edited").unwrap();
    drop(begin(&dir));
    let files = files(&dir);
    assert_eq!(files, expected(&[("replaced", "edited"), ("sub/removed", "old"), ("kept", "same")]));
}

#[test]
fn recovery_without_the_directory_of_a_file_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let journal = r#"[{"file": "gone/a", "before": "old", "after": "new"}]"#;
    fs::write(dir.path().join(JOURNAL), journal).unwrap();
    drop(begin(&dir));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn recovery_from_an_invalid_journal_changes_nothing_and_says_what_to_do() {
    let dir = directory();
    fs::write(dir.path().join(JOURNAL), "[").unwrap();
    let failure = Transaction::begin(dir.path().to_owned()).unwrap_err();
    let message = failure.to_string();
    assert!(message.contains(".transaction: EOF") && message.contains("hint: "), "{message}");
}

#[cfg(unix)]
#[test]
fn second_transaction_waits_for_the_first() {
    let dir = directory();
    let first = begin(&dir);
    let (sender, receiver) = mpsc::channel();
    let path = dir.path().to_owned();
    let second = thread::spawn(move || {
        let transaction = Transaction::begin(path).unwrap();
        sender.send(()).unwrap();
        drop(transaction);
    });
    receiver.recv_timeout(Duration::from_millis(200)).unwrap_err();
    drop(first);
    receiver.recv_timeout(Duration::from_secs(10)).unwrap();
    second.join().unwrap();
}

#[test]
fn write_of_unwritable_file_names_the_file_and_leaves_no_other() {
    let dir = directory();
    let failure = write(&dir.path().join("sub"), "x").unwrap_err();
    assert!(failure.to_string().starts_with("error: could not write "), "{failure}");
    assert_eq!(files(&dir), before());
    write(&dir.path().join("replaced"), "new").unwrap();
    assert_eq!(files(&dir)["replaced"], "new");
}
