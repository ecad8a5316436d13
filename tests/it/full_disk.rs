//! Full disks. A file size limit stands in for a full disk, because a write fails halfway in the same way.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use distribute_ai::testing::Simulator;

use crate::support::example_path;

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
    fs::write(&text, "Call me Ishmael.").unwrap();
    let args = ["--file", text.to_str().unwrap(), "--out", path.to_str().unwrap()];
    let output = run(&simulator, Some(8), "speak", &args);
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
async fn journal_on_full_disk_stops_sending_and_keeps_doubts() {
    let (simulator, directory) = (simulator().await, tempfile::tempdir().unwrap());
    let (lines, out) = (directory.path().join("lines.txt"), directory.path().join("out"));
    let texts: Vec<_> = (1..=40).map(|number| format!("This is line number {number}.")).collect();
    fs::write(&lines, texts.join("\n")).unwrap();
    let args = [lines.to_str().unwrap(), "--in-flight", "4", "--out", out.to_str().unwrap()];

    let full = run(&simulator, Some(2), "batch", &args);
    let stderr = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("could not write {}", out.join("journal.jsonl").display())), "{stderr}");
    let sent = simulator.creates();
    assert!((1..30).contains(&sent), "a request without a journal entry is not sent: {sent}");
    assert!(file_names(&out).iter().all(|name| name == "journal.jsonl"), "{:?}", file_names(&out));

    let freed = run(&simulator, None, "batch", &args);
    let stdout = String::from_utf8_lossy(&freed.stdout);
    let doubts: u64 = stdout.rsplit_once(", ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(stdout.contains(" 0 failed") && doubts <= 4, "{stdout}");
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "no text is submitted twice");
    assert!(spoken.len() as u64 + doubts >= 40);
}
