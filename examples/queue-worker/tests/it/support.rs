//! A queue in a temporary directory, and the program under test.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use distribute_ai::testing::{Simulator, SimulatorBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// The number of concurrent submissions of a worker, and so the maximum number of texts in doubt after a
/// kill.
pub(crate) const CONCURRENCY: usize = 4;

pub(crate) struct Queue {
    directory: TempDir,
    url: Option<String>,
    simulator: Option<(String, String)>,
}

impl Queue {
    /// Creates a queue in a `SQLite` file whose workers use this simulator.
    pub(crate) fn new(simulator: &Simulator) -> Self {
        let simulator = Some((simulator.base_url().to_owned(), simulator.api_key().to_owned()));
        Self { simulator, ..Self::without_key() }
    }

    /// Creates a queue in a `SQLite` file whose workers use an API server at this address.
    pub(crate) fn with_api(url: &str) -> Self {
        Self { simulator: Some((url.to_owned(), "key".to_owned())), ..Self::without_key() }
    }

    /// Creates a queue in a `SQLite` file whose workers start their own simulators.
    pub(crate) fn without_key() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), url: None, simulator: None }
    }

    /// Uses another database.
    pub(crate) fn with_database(self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self }
    }

    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.simulator = self.simulator.map(|(url, _)| (url, key.to_owned()));
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_queue-worker"));
        command.args(args).current_dir(self.directory()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in
            ["DATABASE_URL", "DISTRIBUTE_AI_API_KEY", "DISTRIBUTE_AI_BASE_URL", "LOG_FORMAT", "RUST_LOG"]
        {
            command.env_remove(name);
        }
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        if let Some((url, key)) = &self.simulator {
            command.env("DISTRIBUTE_AI_BASE_URL", url).env("DISTRIBUTE_AI_API_KEY", key);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Adds texts to the queue.
    pub(crate) fn enqueue(&self, texts: &[impl AsRef<str>]) {
        let mut child = self.command(&["enqueue", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let lines: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
        child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(&texts.len().to_string()));
    }

    /// Starts a worker with a short lease.
    pub(crate) fn work(&self, more: &[&str]) -> Child {
        let concurrency = CONCURRENCY.to_string();
        let args = [&["work", "--lease", "3", "--concurrency", &concurrency], more].concat();
        // Write to a file, because a full pipe would block the worker.
        self.command(&args).stdout(Stdio::null()).stderr(self.log()).spawn().unwrap()
    }

    pub(crate) fn log(&self) -> fs::File {
        fs::OpenOptions::new().create(true).append(true).open(self.directory().join("log")).unwrap()
    }

    /// Returns the standard error output of all workers.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(self.directory().join("log")).unwrap_or_default()
    }

    /// Runs a worker until no texts are left to process. Returns the exit status.
    pub(crate) fn run_worker(&self) -> Option<i32> {
        self.work(&["--until-empty"]).wait().unwrap().code()
    }

    pub(crate) fn status(&self) -> Status {
        let output = self.run(&["status", "--json", "--limit", "100000"]);
        let json: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let mut status = Status { code: output.status.code(), ..Status::default() };
        for (state, count) in json["counts"].as_object().unwrap() {
            status.counts.insert(state.clone(), usize::try_from(count.as_u64().unwrap()).unwrap());
        }
        for text in json["texts"].as_array().unwrap() {
            let texts = match text["state"].as_str().unwrap() {
                "in doubt" => &mut status.in_doubt,
                "failed" => &mut status.failed,
                _ => &mut status.delayed,
            };
            let problem = text["problem"].as_str().unwrap_or_default().to_owned();
            texts.insert(usize::try_from(text["key"].as_u64().unwrap()).unwrap(), problem);
        }
        status
    }

    pub(crate) fn speech(&self, number: usize) -> Option<Vec<u8>> {
        fs::read(self.out().join(format!("{number}.wav"))).ok()
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.directory().join("out")
    }
}

/// The parsed output of `status`.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) code: Option<i32>,
    pub(crate) counts: BTreeMap<String, usize>,
    pub(crate) in_doubt: BTreeMap<usize, String>,
    pub(crate) failed: BTreeMap<usize, String>,
    /// The texts that are queued or submitted, and wait for their next attempt.
    pub(crate) delayed: BTreeMap<usize, String>,
}

/// Returns a simulator whose tasks run for the given number of milliseconds.
pub(crate) fn simulator(running: u64) -> SimulatorBuilder {
    Simulator::builder().waiting(Duration::from_millis(5)).running(Duration::from_millis(running))
}

/// Waits until the condition holds. The limit is a number of polls and not a time, so that a busy machine
/// causes no failure.
pub(crate) async fn wait_until(event: &str, queue: &Queue, mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 + 20 * setting("QUEUE_TEXTS", 60) {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {event}: {:?}\n{}", queue.status(), queue.logged());
}

/// Returns the standard error output of a program.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the size of a test: the value of an environment variable, or else a small default.
pub(crate) fn setting(name: &str, default: usize) -> usize {
    env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}: {value} is not a number")))
}
