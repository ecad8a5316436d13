//! Full disks. A file size limit stands in for a full disk, because it can be set and lifted while a process
//! runs: every write then fails, those to the log file included.

use std::{
    collections::HashSet,
    process::{Child, Command, Output, Stdio},
};

use distribute_ai::testing::Simulator;

use crate::support::{Queue, simulator, stderr, wait_until};

/// Runs the shell command that starts the program with the given arguments. Without the trap, the first write
/// over the limit would kill the process.
fn shell(queue: &Queue, limit: &str, args: &[&str]) -> Command {
    let program = queue.command(args);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; {limit} exec \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(queue.directory());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Sets the file size limit of a running process: a number of bytes or `unlimited`.
fn set_limit(worker: &Child, limit: &str) {
    let (id, limit) = (worker.id().to_string(), format!("--fsize={limit}:unlimited"));
    assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_continues_after_full_disk_and_submits_no_text_twice() {
    let simulator = simulator(100).start().await.unwrap();
    let queue = Queue::new(&simulator);
    let texts: Vec<_> = (1..=60).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    let args = ["work", "--lease", "3", "--concurrency", "4", "--until-empty"];
    let mut worker = shell(&queue, "", &args).stdout(Stdio::null()).stderr(queue.log()).spawn().unwrap();
    for goal in [5, 20] {
        wait_until("submitted", &queue, || simulator.creates() >= goal).await;
        set_limit(&worker, "0");
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        set_limit(&worker, "unlimited");
    }
    assert_eq!(worker.wait().unwrap().code(), Some(0), "{}", queue.logged());
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "no text is submitted twice");
    assert_eq!(queue.status().counts["done"], texts.len(), "{}", queue.logged());
    assert_eq!(queue.speech(60), Some(Simulator::audio_of(&texts[59])));
}

#[test]
fn enqueue_on_full_disk_fails_at_once_and_names_the_disk() {
    let queue = Queue::without_key();
    let texts: Vec<_> = (1..=5_000).map(|number| format!("This is text number {number}.")).collect();
    std::fs::write(queue.directory().join("lines"), texts.join("\n")).unwrap();
    let enqueue = |limit: &str| -> Output { shell(&queue, limit, &["enqueue", "lines"]).output().unwrap() };
    // The blocks of `ulimit` have 512 or 1,024 bytes. The tables need 300 KB in the log of SQLite.
    for limit in ["ulimit -f 0;", "ulimit -f 100;", "ulimit -f 800;"] {
        let started = std::time::Instant::now();
        let output = enqueue(limit);
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{limit} {stderr}");
        assert!(
            stderr.contains("hint: the database file could not be written; check the free space"),
            "{stderr}"
        );
        assert!(!stderr.contains("locked"), "{stderr}");
        assert!(started.elapsed().as_secs() < 20, "no wait for a lock");
    }
    assert!(enqueue("").status.success());
    assert_eq!(queue.status().counts["queued"], 5_000, "the failed runs have added nothing");
}
