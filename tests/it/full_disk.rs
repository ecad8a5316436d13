//! Full disks. A file size limit stands in for a full disk, because a write fails halfway in the same way.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use distribute_ai::testing::Simulator;

use crate::{
    kills::{Fixture, IN_FLIGHT, Mode},
    support::example_path,
};

/// Runs an example with a file size limit of `blocks` blocks. A block has 512 or 1,024 bytes, depending on
/// the shell.
fn run(simulator: &Simulator, blocks: Option<u32>, name: &str, args: &[&str]) -> Output {
    // Without the trap, the signal would kill the process before it reports the error.
    let limit = blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    Command::new("sh")
        .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
        .arg(example_path(name))
        .args(args)
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url())
        .output()
        .unwrap()
}

fn file_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

async fn simulator() -> Simulator {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(20));
    builder.start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn download_to_full_disk_fails_and_keeps_old_file() {
    let (simulator, directory) = (simulator().await, tempfile::tempdir().unwrap());
    let path = directory.path().join("speech.wav");
    fs::write(&path, "old content").unwrap();
    let args = ["Hello from a full disk", "--out", path.to_str().unwrap()];
    let output = run(&simulator, Some(8), "speak", &args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("error: could not write {}", path.display())), "{stderr}");
    assert!(stderr.contains("hint: the task is still available; run with --resume"), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old content");
    assert_eq!(file_names(directory.path()), ["speech.wav"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_text_on_full_disk_names_the_task_that_is_billed() {
    let (simulator, directory) = (simulator().await, tempfile::tempdir().unwrap());
    let (text, path) = (directory.path().join("book.txt"), directory.path().join("book.wav"));
    // The audio is larger than the files of a store.
    fs::write(&text, "Call me Ishmael. ".repeat(200)).unwrap();
    let args = ["--file", text.to_str().unwrap(), "--out", path.to_str().unwrap()];
    let output = run(&simulator, Some(8_000), "speak", &args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let line = stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(
        line.contains("piece 1, ") && line.contains("could not write") && line.contains(" [task "),
        "{line}"
    );
    assert_eq!(simulator.creates(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_on_full_disk_stops_sending_and_continues_when_there_is_space() {
    let fixture = Fixture::new(Mode::Batch).await;
    let lines: Vec<_> = (1..=400).map(|number| format!("This is line number {number}.")).collect();
    fixture.write_lines(&lines);
    // Above the size of a new store, below that of a store with all lines.
    let output = fixture.run_with_file_limit(4_000).unwrap_err();
    assert!(
        output.contains(&format!("could not write {}", fixture.path("store/entries.redb").display())),
        "{output}"
    );
    let sent = fixture.simulator.creates();
    assert!((1..400).contains(&sent), "a request without an entry is not sent: {sent}");
    let doubts = fixture.doubts().await.len();
    assert!(doubts <= IN_FLIGHT, "{doubts} doubts");
    let settled = fixture.settle().await;
    assert_eq!(settled, (doubts, doubts), "a request that was not sent is not in doubt");
    fixture.run().unwrap();
    fixture.assert_complete(&lines).await;
    assert_eq!(fixture.simulator.creates(), 400);
}
