//! A disk that is full. A limit on the size of files stands in for it: writing fails in the middle, in the same way.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use distribute_ai::testing::Simulator;

use crate::support::example;

/// Runs an example where no file may grow beyond so many blocks of 512 or 1,024 bytes, as the shell counts.
fn run(simulator: &Simulator, blocks: Option<u32>, name: &str, args: &[&str]) -> Output {
    // The signal would end the process before the error is seen.
    let limit = blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    Command::new("sh")
        .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
        .arg(example(name))
        .args(args)
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url())
        .output()
        .unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

async fn simulator() -> Simulator {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(20));
    builder.start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speech_that_does_not_fit_is_said_and_leaves_nothing_behind() {
    let (simulator, directory) = (simulator().await, tempfile::tempdir().unwrap());
    let path = directory.path().join("speech.wav");
    fs::write(&path, "what stood there before").unwrap();
    let args = ["Hello from a full disk", "--out", path.to_str().unwrap()];
    let output = run(&simulator, Some(8), "speak", &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("error: could not write {}", path.display())), "{said}");
    assert!(said.contains("hint: the speech is not lost, fetch it with --resume"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "what stood there before");
    assert_eq!(names(directory.path()), ["speech.wav"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_stops_the_sending_and_hides_no_doubt() {
    let (simulator, directory) = (simulator().await, tempfile::tempdir().unwrap());
    let (lines, out) = (directory.path().join("lines.txt"), directory.path().join("out"));
    let texts: Vec<_> = (1..=40).map(|number| format!("This is line number {number}.")).collect();
    fs::write(&lines, texts.join("\n")).unwrap();
    let args = [lines.to_str().unwrap(), "--in-flight", "4", "--out", out.to_str().unwrap()];

    let full = run(&simulator, Some(2), "batch", &args);
    let said = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("could not write {}", out.join("journal.jsonl").display())), "{said}");
    let sent = simulator.creates();
    assert!((1..30).contains(&sent), "what could not be announced was not sent: {sent}");
    assert!(names(&out).iter().all(|name| name == "journal.jsonl"), "{:?}", names(&out));

    let freed = run(&simulator, None, "batch", &args);
    let said = String::from_utf8_lossy(&freed.stdout);
    let doubts: u64 = said.rsplit_once(", ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(said.contains(" 0 failed") && doubts <= 4, "{said}");
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "none is submitted twice");
    assert!(spoken.len() as u64 + doubts >= 40);
}
