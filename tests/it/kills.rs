//! A batch whose process is killed repeatedly.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use distribute_ai::testing::Simulator;
use serde_json::Value;

use crate::support::{env_or, example_path};

/// The maximum number of requests in flight, and therefore in doubt after a kill.
const IN_FLIGHT: usize = 8;

struct Batch<'a> {
    simulator: &'a Simulator,
    lines: &'a Path,
    out: &'a Path,
}

impl Batch<'_> {
    fn start(&self) -> Child {
        Command::new(example_path("batch"))
            .arg(self.lines)
            .args(["--rate", "2000", "--in-flight", &IN_FLIGHT.to_string()])
            .arg("--out")
            .arg(self.out)
            .env("DISTRIBUTE_AI_API_KEY", self.simulator.api_key())
            .env("DISTRIBUTE_AI_BASE_URL", self.simulator.base_url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Returns the keys in doubt: those with a `sending` entry and no entry after it.
    fn doubts(&self) -> HashSet<String> {
        let text = fs::read_to_string(self.out.join("journal.jsonl")).unwrap_or_default();
        let mut doubts = HashSet::new();
        // The last line may be torn.
        for line in text.lines().skip(1).filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let key = line["key"].as_str().unwrap().to_owned();
            match line["event"].as_str().unwrap() {
                "sending" => assert!(doubts.insert(key), "sent twice: {line}"),
                "submitted" | "unsent" => assert!(doubts.remove(&key), "no `sending` entry: {line}"),
                "finished" => {}
                event => panic!("{event}"),
            }
        }
        doubts
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_killed_at_any_time_loses_no_task_id_and_submits_nothing_twice() {
    let (count, kills) = (env_or("KILLED_TASKS", 120), env_or("KILLS", 8));
    let simulator = Simulator::builder()
        .waiting(Duration::from_millis(5))
        .running(Duration::from_millis(30))
        .start()
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let texts: Vec<_> = (1..=count).map(|number| format!("This is line number {number}.")).collect();
    let (lines, out) = (directory.path().join("lines.txt"), directory.path().join("out"));
    fs::write(&lines, texts.join("\n")).unwrap();
    let batch = Batch { simulator: &simulator, lines: &lines, out: &out };

    let mut random = fastrand::Rng::with_seed(11);
    let mut before = 0;
    for kill in 1..=kills {
        // Late enough for the batch to start, early enough to leave work for the other kills.
        let goal = simulator.creates() + random.u64(..=(count / kills) as u64);
        let mut child = batch.start();
        while simulator.creates() < goal && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.u64(..30_000))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let doubts = batch.doubts().len();
        assert!(doubts - before <= IN_FLIGHT, "kill {kill}: {before} doubts became {doubts}");
        before = doubts;
    }

    let last_run = batch.start().wait_with_output().unwrap();
    let (stdout, doubts) = (String::from_utf8(last_run.stdout).unwrap(), batch.doubts());
    let expected = format!(
        "{} done, 0 failed, {} in doubt; output directory: {}\n",
        count - doubts.len(),
        doubts.len(),
        out.display()
    );
    assert_eq!(stdout, expected, "{}", String::from_utf8_lossy(&last_run.stderr));
    for (number, text) in (1..).zip(&texts) {
        if !doubts.contains(&number.to_string()) {
            let path = out.join(format!("{number}.wav"));
            assert!(fs::read(path).unwrap() == Simulator::audio_of(text), "{number}");
        }
    }
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "no text is submitted twice");
    assert!((count - doubts.len()..=count).contains(&spoken.len()));
    println!(
        "{count} tasks, {kills} kills: {} in doubt, of which {} were billed",
        doubts.len(),
        spoken.len() + doubts.len() - count
    );
}
