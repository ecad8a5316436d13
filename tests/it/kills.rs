//! Programs that are killed repeatedly. Nothing is lost or billed twice, as counted by the server.
//!
//! The killed process is this test binary, which runs [`process_that_other_tests_kill`].

use std::{
    collections::{HashMap, HashSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use distribute_ai::{
    Client, Error, TaskId,
    store::{Entry, EntryState, Settlement, Store},
    testing::Simulator,
};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;

use crate::support::env_or;

/// The maximum number of requests in flight, and therefore in doubt after a kill.
pub(crate) const IN_FLIGHT: usize = 8;

/// The length of the header of the audio of a line.
const HEADER: usize = 44;

/// The way in which the child speaks its lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Speak,
    Batch,
    InPieces,
}

impl Mode {
    fn of_name(name: &str) -> Self {
        match name {
            "Speak" => Self::Speak,
            "Batch" => Self::Batch,
            "InPieces" => Self::InPieces,
            _ => panic!("{name}"),
        }
    }
}

pub(crate) struct Fixture {
    mode: Mode,
    pub(crate) simulator: Simulator,
    directory: TempDir,
}

impl Fixture {
    pub(crate) async fn new(mode: Mode) -> Self {
        let builder =
            Simulator::builder().waiting(Duration::from_millis(5)).running(Duration::from_millis(30));
        Self { mode, simulator: builder.start().await.unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write_lines(&self, lines: &[String]) {
        fs::write(self.path("lines.txt"), lines.join("\n")).unwrap();
    }

    fn start(&self) -> Child {
        self.start_program(&mut Command::new(env::current_exe().unwrap()))
    }

    fn start_program(&self, command: &mut Command) -> Child {
        command
            .args(["kills::process_that_other_tests_kill", "--exact", "--nocapture"])
            .env("KILLS_MODE", format!("{:?}", self.mode))
            .env("KILLS_DIRECTORY", self.directory.path())
            .env("DISTRIBUTE_AI_API_KEY", self.simulator.api_key())
            .env("DISTRIBUTE_AI_BASE_URL", self.simulator.base_url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs the child to its end. Returns its output if it failed.
    pub(crate) fn run(&self) -> Result<(), String> {
        Self::wait(self.start())
    }

    /// Runs the child with a file size limit of `blocks` blocks of 512 bytes.
    pub(crate) fn run_with_file_limit(&self, blocks: u32) -> Result<(), String> {
        let mut shell = Command::new("sh");
        // Without the trap, the signal would kill the process before it reports the error.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script]).arg(env::current_exe().unwrap());
        shell.env("KILLS_LABEL", "10000");
        Self::wait(self.start_program(&mut shell))
    }

    fn wait(child: Child) -> Result<(), String> {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let is_success = output.status.success();
        if is_success { Ok(()) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
    }

    /// Kills the child at a random moment after `goal` creates. Returns `true` if it was still running.
    async fn kill_after(&self, goal: u64, random: &mut fastrand::Rng) -> bool {
        let mut child = self.start();
        while self.simulator.creates() < goal && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.u64(..30_000))).await;
        let is_running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        is_running
    }

    async fn store(&self) -> Store {
        Store::open(Store::at(self.path("store"))).await.unwrap()
    }

    pub(crate) async fn doubts(&self) -> Vec<Entry> {
        let entries = self.store().await.entries().map(Result::unwrap);
        entries.filter(|entry| std::future::ready(entry.state() == EntryState::InDoubt)).collect().await
    }

    /// Returns the tasks of the server by their text. No text has two tasks.
    async fn tasks(&self) -> HashMap<String, TaskId> {
        // The server may still be reading a request of a process that was killed.
        let mut creates = u64::MAX;
        while creates != self.simulator.creates() {
            creates = self.simulator.creates();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let tasks = self.simulator.tasks();
        let by_text: HashMap<_, _> = tasks.iter().map(|(id, text)| (text.clone(), id.clone())).collect();
        assert_eq!(by_text.len(), tasks.len(), "a text was billed twice");
        by_text
    }

    /// Settles each doubt by the record of the server. Returns the number of doubts, and how many of them were billed.
    pub(crate) async fn settle(&self) -> (usize, usize) {
        let (tasks, store, doubts) = (self.tasks().await, self.store().await, self.doubts().await);
        let mut billed = 0;
        for doubt in &doubts {
            let settlement = match tasks.get(doubt.text().unwrap()) {
                Some(id) => Settlement::Billed(id.clone()),
                None => Settlement::NotBilled,
            };
            billed += usize::from(settlement != Settlement::NotBilled);
            store.settle(&doubt.hash(), settlement).await.unwrap();
        }
        (doubts.len(), billed)
    }

    /// Asserts that the store knows each task of the server, and that each line has its audio.
    pub(crate) async fn assert_complete(&self, lines: &[String]) {
        let entries: Vec<_> = self.store().await.entries().map(Result::unwrap).collect().await;
        let known: HashSet<_> = entries.iter().filter_map(Entry::task_id).collect();
        for (text, id) in self.tasks().await {
            assert!(known.contains(&id), "the task id of {text:?} was lost");
        }
        if self.mode == Mode::InPieces {
            let expected: Vec<_> =
                lines.iter().flat_map(|line| Simulator::audio_of(line).split_off(HEADER)).collect();
            let book = fs::read(self.path("book.wav")).unwrap();
            // The header of a joined file reserves space for 64-bit lengths.
            let found = &book[80..];
            assert!(found == expected, "{} bytes of audio, expected {}", found.len(), expected.len());
            return;
        }
        for (number, line) in lines.iter().enumerate() {
            let audio = fs::read(self.path(&format!("{number}.wav"))).unwrap();
            assert!(audio == Simulator::audio_of(line), "line {number}");
        }
    }
}

/// The process that is killed. Without the variables of the other tests, it does nothing.
#[test]
fn process_that_other_tests_kill() {
    let Some(directory) = env::var_os("KILLS_DIRECTORY").map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mode = Mode::of_name(&env::var("KILLS_MODE").unwrap());
    let failures = runtime.block_on(speak_lines(mode, &directory));
    assert!(failures.is_empty(), "{failures:?}");
}

async fn speak_lines(mode: Mode, directory: &Path) -> Vec<Error> {
    let text = fs::read_to_string(directory.join("lines.txt")).unwrap();
    let lines = text.lines().map(str::to_owned).enumerate();
    let store = Store::at(directory.join("store")).keep_text(true);
    let client = Client::builder()
        .api_key(env::var("DISTRIBUTE_AI_API_KEY").unwrap())
        .base_url(env::var("DISTRIBUTE_AI_BASE_URL").unwrap())
        .poll_every(Duration::from_millis(20))
        .store(store)
        .build()
        .unwrap();
    let path = |number: usize| directory.join(format!("{number}.wav"));
    match mode {
        Mode::Speak => {
            let speak =
                async |(number, line): (usize, String)| client.speak(line).await?.save(path(number)).await;
            let results: Vec<_> = stream::iter(lines).map(speak).buffer_unordered(IN_FLIGHT).collect().await;
            results.into_iter().filter_map(Result::err).collect()
        }
        Mode::Batch => {
            // Long labels fill a disk with few lines.
            let label = "x".repeat(env_or("KILLS_LABEL", 1));
            let requests = lines.map(|(number, line)| (number, client.speak(line).label(&label)));
            let results = client.batch(requests).max_in_flight(IN_FLIGHT).run().await.unwrap();
            let saved = results.then(async |(number, speech)| speech?.save(path(number)).await);
            saved.collect::<Vec<_>>().await.into_iter().filter_map(Result::err).collect()
        }
        Mode::InPieces => {
            let book = text.replace('\n', "\n\n");
            let pieces =
                client.speak(book).in_pieces().paragraph_pause(Duration::ZERO).max_in_flight(IN_FLIGHT);
            pieces.save(directory.join("book.wav")).await.err().into_iter().collect()
        }
    }
}

async fn assert_kills_bill_nothing_twice(mode: Mode) {
    let (count, kills) = (env_or("KILLED_TASKS", 80), env_or("KILLS", 8));
    let fixture = Fixture::new(mode).await;
    let mut lines: Vec<_> = (1..=count).map(|number| format!("This is line number {number}.")).collect();
    fixture.write_lines(&lines);
    let mut random = fastrand::Rng::with_seed(11);
    let (mut doubts, mut billed, mut open, mut hits) = (0, 0, 0, 0);
    for kill in 1..=kills {
        // Late enough to start, early enough to leave work for the other kills.
        let goal = fixture.simulator.creates() + random.u64(..=(count / kills) as u64);
        let is_working = fixture.simulator.creates() < count as u64;
        hits += usize::from(fixture.kill_after(goal, &mut random).await && is_working);
        let now = fixture.doubts().await.len();
        assert!(now - open <= IN_FLIGHT, "kill {kill}: {open} doubts became {now}");
        open = now;
        // A doubt ends a long text, which would leave nothing for the next kill.
        if mode == Mode::InPieces || kill % 10 == 0 || kill == kills {
            let (found, were_billed) = fixture.settle().await;
            (doubts, billed, open) = (doubts + found, billed + were_billed, 0);
        }
    }
    fixture.run().unwrap();
    fixture.assert_complete(&lines).await;
    assert_eq!(fixture.simulator.creates(), count as u64);
    println!(
        "{mode:?}: {count} lines, {hits} kills while working, {doubts} doubts, of which {billed} were billed"
    );
    assert!(hits * 2 >= kills, "{hits} of {kills} kills while the child was working");

    // Of 200 lines, 20 are edited, 10 moved and 5 deleted.
    let edited = count / 10;
    for line in lines.iter_mut().take(edited) {
        line.push_str(" It was edited.");
    }
    lines.truncate(count - count / 40);
    let moved: Vec<_> = lines.drain(count / 2..count / 2 + count / 20).collect();
    lines.extend(moved);
    fixture.write_lines(&lines);
    fixture.run().unwrap();
    fixture.assert_complete(&lines).await;
    assert_eq!(fixture.simulator.creates(), (count + edited) as u64, "exactly the edited lines are billed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_requests_killed_at_any_time_lose_nothing_and_bill_nothing_twice() {
    assert_kills_bill_nothing_twice(Mode::Speak).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_killed_at_any_time_loses_nothing_and_bills_nothing_twice() {
    assert_kills_bill_nothing_twice(Mode::Batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_text_killed_at_any_time_loses_nothing_and_bills_nothing_twice() {
    assert_kills_bill_nothing_twice(Mode::InPieces).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_that_another_process_uses_is_refused_until_it_ends() {
    let fixture = Fixture::new(Mode::Batch).await;
    let lines: Vec<_> = (1..=200).map(|number| format!("This is line number {number}.")).collect();
    fixture.write_lines(&lines);
    let mut child = fixture.start();
    while fixture.simulator.creates() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = Store::open(fixture.path("store")).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is in use by another process"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(fixture.path("store")).await.unwrap();
}
