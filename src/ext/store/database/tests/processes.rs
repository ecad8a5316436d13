//! Other processes: this binary runs the same test again, as a child with a directory in its environment.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    process::{Child, Command, Stdio},
};

use super::*;

const DIRECTORY: &str = "DISTRIBUTE_AI_TEST_STORE";

/// Returns the directory that the parent gave to this process, if this is a child.
fn directory_of_child() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Starts a child that runs the test `name`. `limit` is a shell command to run before it.
fn start(name: &str, directory: &Path, limit: &str) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    Command::new("sh")
        .args(["-c", &format!("{limit} exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{name}"), "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Prints a line that the parent finds among those of the test harness.
fn report(number: u32) {
    println!("\n#{number}");
    stdout().flush().unwrap();
}

fn reports(child: &mut Child) -> impl Iterator<Item = u32> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix('#').map(|number| number.parse().unwrap()))
}

#[tokio::test]
async fn store_of_a_killed_process_is_free_and_has_every_durable_entry() {
    if let Some(directory) = directory_of_child() {
        let database = open(&directory).unwrap();
        for number in 0.. {
            put(&database, number).await.unwrap();
            report(number);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "store_of_a_killed_process_is_free_and_has_every_durable_entry";
    let mut child = start(name, directory.path(), "");
    let mut reports = reports(&mut child);
    assert_eq!(reports.next(), Some(0));
    let error = open(directory.path()).unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains(" is in use by another process; "), "{error}");
    assert_eq!(reports.nth(18), Some(19));
    child.kill().unwrap();
    child.wait().unwrap();
    let last = reports.last().unwrap_or(19);
    let database = open(directory.path()).unwrap();
    for number in 0..=last {
        assert!(get(&database, number).await.is_some(), "{number} of {last}");
    }
}

/// A limit of the file size. The reserve cannot help, because the space of one file is not free for another.
#[tokio::test]
async fn store_at_the_file_size_limit_fails_clearly_and_keeps_its_entries() {
    if let Some(directory) = directory_of_child() {
        let database = open(&directory).unwrap();
        let path = database.directory().join("entries.redb");
        let full = format!("could not write {}", path.display());
        for number in 0.. {
            let write = move |transaction: &mut Transaction<'_>| {
                transaction.put(key(number), &b"value".repeat(10_000))
            };
            if let Err(error) = database.run(Priority::Essential, write).await {
                assert_eq!(error.to_string(), full);
                report(number);
                break;
            }
        }
        assert!(get(&database, 0).await.is_some());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // A block has 512 or 1,024 bytes, depending on the shell. Without the trap, the signal would kill the child.
    let name = "store_at_the_file_size_limit_fails_clearly_and_keeps_its_entries";
    let mut child = start(name, directory.path(), "trap '' XFSZ; ulimit -f 8192;");
    let count = reports(&mut child).last().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("panicked"), "{stderr}");
    assert!(count > 10, "{count}");
    let database = open(directory.path()).unwrap();
    for number in 0..count {
        assert!(get(&database, number).await.is_some(), "{number} of {count}");
    }
    put(&database, count).await.unwrap();
}
