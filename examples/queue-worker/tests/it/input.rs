//! Invalid input: one line on standard error, exit status 2, and no change to the queue.

use std::fs;

use crate::support::{Queue, stderr};

/// Asserts that the program prints one line that contains `expected`, and exits with status 2.
#[track_caller]
fn assert_invalid(queue: &Queue, args: &[&str], expected: &str) {
    let output = queue.run(args);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("error: ") && line.contains(expected)),
        "{args:?}: {stderr}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn enqueue_with_invalid_file_fails_without_creating_queue() {
    let queue = Queue::without_key();
    let write = |name: &str, bytes: &[u8]| fs::write(queue.directory().join(name), bytes).unwrap();
    write("long", format!("One.\nTwo.\n{}\n", "x".repeat(4097)).as_bytes());
    write("short", b"One.\n\nx\n");
    write("empty", b"\n");
    write("latin", b"Caf\xe9 au lait");
    assert_invalid(&queue, &["enqueue", "missing"], "missing: No such file");
    assert_invalid(&queue, &["enqueue", "."], ".: ");
    assert_invalid(&queue, &["enqueue", "long"], "long: line 3: input: length 4097 is too long");
    assert_invalid(&queue, &["enqueue", "short"], "short: line 3: input: length 1 is too short");
    assert_invalid(&queue, &["enqueue", "empty"], "empty: input is empty or contains only white space");
    assert_invalid(&queue, &["enqueue", "short", "--voice", ""], "--voice");
    assert_invalid(&queue, &["enqueue", "short", "--batch", ""], "--batch");
    assert_invalid(&queue, &["enqueue", "latin"], "latin: invalid UTF-8 at byte 3, expected UTF-8 text");
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 4, "no file was created");
}

#[test]
fn enqueue_with_invalid_line_leaves_queue_unchanged() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    fs::write(queue.directory().join("short"), "Three.\nx\n").unwrap();
    assert_invalid(&queue, &["enqueue", "short"], "short: line 2");
    assert_eq!(queue.status().counts["queued"], 2);
}

#[test]
fn invalid_database_url_is_reported_without_its_password() {
    let queue = Queue::without_key();
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    for (url, expected) in [
        (
            "mysql://me:hunter2@localhost/queue",
            "--database: unsupported URL, expected sqlite://FILE or postgres://",
        ),
        ("sqlite::memory:", "in-memory databases are not supported"),
        ("sqlite://missing/queue.db?mode=rwc", "--database: "),
        ("sqlite://queue.db?mode=loud", "--database: "),
    ] {
        assert_invalid(&queue, &["--database", url, "enqueue", "lines"], expected);
        assert!(!stderr(&queue.run(&["--database", url, "status"])).contains("hunter2"), "{url}");
    }
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 1, "no file was created");
}

#[test]
fn unreachable_database_is_named_and_is_not_invalid_input() {
    let queue = Queue::without_key();
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    // A supervisor restarts the worker after the status 1, and not after 2.
    for command in [&["work"][..], &["enqueue", "lines"], &["status"]] {
        let url = "postgres://me:hunter2@127.0.0.1:1/queue";
        let output = queue.run(&[&["--database", url], command].concat());
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("error: could not connect to the database at 127.0.0.1:1: "), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn status_and_again_fail_without_creating_queue() {
    let queue = Queue::without_key();
    let expected = "--database: queue.db: queue not found, create it with `enqueue` first";
    assert_invalid(&queue, &["status"], expected);
    assert_invalid(&queue, &["again", "1"], expected);
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 0, "no file was created");
}

#[test]
fn again_accepts_only_failed_or_in_doubt_texts() {
    let queue = Queue::without_key();
    queue.enqueue(&["One."]);
    assert_invalid(&queue, &["again", "1"], "key 1: state is queued, expected failed, in doubt or delayed");
    assert_invalid(&queue, &["again", "7"], "key 7: not found");
    for keys in ["one", "0", "3-1", "1-"] {
        assert_invalid(&queue, &["again", keys], &format!("invalid value '{keys}'"));
    }
    assert_invalid(&queue, &["again"], "<KEY>");
    assert_invalid(&queue, &["again", "2-9000000000000000000"], "key 2: not found");
    assert_eq!(queue.status().counts["queued"], 1);
}

#[test]
fn work_with_invalid_output_directory_or_concurrency_fails() {
    let queue = Queue::without_key();
    queue.enqueue(&["One."]);
    fs::write(queue.directory().join("file"), "").unwrap();
    assert_invalid(&queue, &["work", "--out", "file"], "--out file: ");
    assert_invalid(&queue, &["work", "--out", "file/below"], "--out file/below: ");
    assert_invalid(&queue, &["work", "--concurrency", "0"], "--concurrency");
    assert_eq!(queue.status().counts["queued"], 1);
}
