//! Mistakes: one line, the right exit status, and nothing half done.

use std::fs;

use crate::support::{Queue, said};

/// One line with this in it, and status 2.
#[track_caller]
fn refused(queue: &Queue, args: &[&str], expected: &str) {
    let output = queue.run(args);
    let shown = said(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("error: ") && line.contains(expected)),
        "{args:?}: {shown}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn what_cannot_be_spoken_is_refused_before_there_is_a_queue() {
    let queue = Queue::without_key();
    let write = |name: &str, bytes: &[u8]| fs::write(queue.directory().join(name), bytes).unwrap();
    write("long", format!("One.\nTwo.\n{}\n", "x".repeat(4097)).as_bytes());
    write("short", b"One.\n\nx\n");
    write("empty", b"\n");
    write("latin", b"Caf\xe9 au lait");
    refused(&queue, &["enqueue", "missing"], "missing: No such file");
    refused(&queue, &["enqueue", "."], ".: ");
    refused(&queue, &["enqueue", "long"], "long: line 3 has 4097 characters; a text has 2 to 4096");
    refused(&queue, &["enqueue", "short"], "short: line 3 has 1 characters; a text has 2 to 4096");
    refused(&queue, &["enqueue", "empty"], "empty: there is nothing in it to speak");
    refused(&queue, &["enqueue", "latin"], "latin: is no text in UTF-8 from byte 3 on");
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 4, "nothing was made");
}

#[test]
fn a_bad_line_leaves_the_queue_as_it_was() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    fs::write(queue.directory().join("short"), "Three.\nx\n").unwrap();
    refused(&queue, &["enqueue", "short"], "short: line 2");
    assert_eq!(queue.status().counts["queued"], 2);
}

#[test]
fn a_wrong_database_is_named_without_its_password() {
    let queue = Queue::without_key();
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    for (url, expected) in [
        ("mysql://me:hunter2@localhost/queue", "--database: needs sqlite://FILE or postgres://"),
        ("sqlite::memory:", "for a queue that lasts"),
        ("sqlite://missing/queue.db?mode=rwc", "--database: "),
        ("sqlite://queue.db?mode=loud", "--database: "),
        ("postgres://me:hunter2@127.0.0.1:1/queue", "--database: "),
    ] {
        refused(&queue, &["--database", url, "enqueue", "lines"], expected);
        assert!(!said(&queue.run(&["--database", url, "status"])).contains("hunter2"), "{url}");
    }
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn without_a_queue_there_is_nothing_to_tell() {
    let queue = Queue::without_key();
    refused(&queue, &["status"], "--database: ");
    refused(&queue, &["again", "1"], "--database: ");
    assert_eq!(fs::read_dir(queue.directory()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn only_what_waits_for_a_decision_can_be_put_back() {
    let queue = Queue::without_key();
    queue.enqueue(&["One."]);
    refused(&queue, &["again", "1"], "1 is queued: only what failed or is in doubt can be put back");
    refused(&queue, &["again", "7"], "there is no text 7");
    refused(&queue, &["again", "one"], "invalid value 'one'");
    refused(&queue, &["again"], "<KEY>");
    assert_eq!(queue.status().counts["queued"], 1);
}

#[test]
fn a_place_where_nothing_can_be_saved_is_refused() {
    let queue = Queue::without_key();
    queue.enqueue(&["One."]);
    fs::write(queue.directory().join("file"), "").unwrap();
    refused(&queue, &["work", "--out", "file"], "--out file: ");
    refused(&queue, &["work", "--out", "file/below"], "--out file/below: ");
    refused(&queue, &["work", "--concurrency", "0"], "--concurrency");
    assert_eq!(queue.status().counts["queued"], 1);
}
