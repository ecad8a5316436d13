//! The examples with a store, as a user runs them.

use std::{fs, path::Path, time::Duration};

use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome};
use tempfile::TempDir;

use crate::examples::example_with;

struct Fixture {
    simulator: Simulator,
    directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(10));
        Self { simulator: builder.start().await.unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs an example. Returns its exit status, and what it prints.
    fn run(&self, name: &str, args: &[&str]) -> (i32, String) {
        let output = example_with(&self.simulator, name, self.path(), args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }

    #[track_caller]
    fn run_ok(&self, name: &str, args: &[&str]) -> String {
        let (code, text) = self.run(name, args);
        assert_eq!(code, 0, "{text}");
        text
    }

    fn audio(&self, path: &str) -> Vec<u8> {
        fs::read(self.path().join(path)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_bills_each_line_once_and_corrected_lines_again() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\nTwo.\n\nOne.\n");
    let plan = fixture.run_ok("batch", &["lines.txt", "--plan"]);
    assert!(plan.starts_with("Requests: 0 stored, 0 submitted, 0 in doubt, 2 new, 1 repeated."), "{plan}");
    assert_eq!(fixture.simulator.requests(), 0);
    for _ in 0..2 {
        fixture.run_ok("batch", &["lines.txt"]);
    }
    assert_eq!(fixture.simulator.creates(), 2);
    assert_eq!(fixture.audio("speeches/4.wav"), Simulator::audio_of("One."));

    fixture.write("lines.txt", "Zero.\nTwo.\n\nOne.\n");
    fixture.run_ok("batch", &["lines.txt"]);
    assert_eq!(fixture.simulator.creates(), 3);
    assert_eq!(fixture.audio("speeches/1.wav"), Simulator::audio_of("Zero."));

    fixture.run_ok("batch", &["lines.txt", "--again", "2", "4"]);
    assert_eq!(fixture.simulator.creates(), 5);
    let (code, text) = fixture.run("batch", &["lines.txt", "--again", "5"]);
    assert!(code == 2 && text.contains("--again 5: no line has this key"), "{text}");
    let plan = fixture.run_ok("batch", &["lines.txt", "--plan"]);
    assert!(plan.starts_with("Requests: 3 stored, 0 submitted, 0 in doubt, 0 new."), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_tell_that_the_next_run_submits_failed_texts_again() {
    let fixture = Fixture::new().await;
    fixture.write("book.txt", "One.\n");
    for (name, args, hint) in [
        (
            "speak",
            &["--file", "book.txt"][..],
            "hint: the next run submits the piece again, which may be billed",
        ),
        (
            "batch",
            &["book.txt"],
            "hint: lines whose task failed: 1; the next run submits them again, which may be billed",
        ),
    ] {
        fixture.simulator.reset();
        fixture.simulator.outcomes(Script::always(TaskOutcome::fails()));
        for run in 1..=2 {
            let (code, text) = fixture.run(name, args);
            assert!(code == 1 && text.contains(hint), "{text}");
            assert_eq!(fixture.simulator.creates(), run, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_stops_at_its_limit_and_continues_without() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\nTwo.\nThree.\nFour.\n");
    let (code, text) = fixture.run("batch", &["lines.txt", "--max-submissions", "2"]);
    assert!(code == 1 && text.contains("max_submissions of 2 is reached"), "{text}");
    assert_eq!(fixture.simulator.creates(), 2);
    let (code, text) = fixture.run("batch", &["lines.txt", "--max-seconds", "1.5"]);
    assert!(code == 1 && text.contains("max_seconds of 1.5 s would be exceeded"), "{text}");
    fixture.run_ok("batch", &["lines.txt"]);
    assert_eq!(fixture.simulator.creates(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_counts_speeches_that_are_not_saved_and_saves_them_in_the_next_run() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\nTwo.\nThree.\n");
    let directory = fixture.path().join("speeches/2.wav");
    fs::create_dir_all(&directory).unwrap();
    let (code, text) = fixture.run("batch", &["lines.txt"]);
    assert!(code == 1 && text.contains("2 done, 0 failed, 0 in doubt, 1 not saved; output"), "{text}");
    assert!(text.ends_with("correct the cause, then run the same command again to continue\n"), "{text}");
    fs::remove_dir(directory).unwrap();
    fixture.run_ok("batch", &["lines.txt"]);
    assert_eq!(fixture.audio("speeches/2.wav"), Simulator::audio_of("Two."));
    assert_eq!(fixture.simulator.creates(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubt_is_listed_and_settled_with_the_store_example() {
    let fixture = Fixture::new().await;
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    fixture.write("script.csv", "key,text\nintro,\"Welcome, all.\"\n");
    let (code, text) = fixture.run("batch", &["script.csv", "--store", "kept"]);
    assert_eq!(code, 1, "{text}");
    let hint = "settle them with `cargo run --example store -- kept --state in_doubt`";
    assert!(text.contains("0 done, 0 failed, 1 in doubt") && text.contains(hint), "{text}");

    let listed = fixture.run_ok("store", &["kept", "--state", "in_doubt"]);
    assert!(listed.contains(" in_doubt ") && listed.contains("\"intro\""), "{listed}");
    assert!(listed.ends_with("\n1 entries\n"), "{listed}");
    let hash = &listed[..8];
    for settlement in [&["--not-billed"][..], &["--billed", "task_7"]] {
        let (code, text) = fixture.run("store", &[&["kept", "settle", "ffffff"], settlement].concat());
        assert!(code == 2 && (text.contains("no entry starts with") || hash.starts_with("ffffff")), "{text}");
    }
    let (code, text) = fixture.run("store", &["kept", "settle", hash]);
    assert!(code == 2 && text.contains("<--not-billed|--billed <TASK>>"), "{text}");
    fixture.run_ok("store", &["kept", "settle", hash, "--not-billed"]);
    fixture.run_ok("batch", &["script.csv", "--store", "kept"]);
    assert_eq!(fixture.audio("speeches/intro.wav"), Simulator::audio_of("Welcome, all."));

    let listed = fixture.run_ok("store", &["kept"]);
    assert!(listed.contains(" stored ") && listed.contains(" 1.0 s "), "{listed}");
    let size = Simulator::audio_of("Welcome, all.").len();
    assert_eq!(fixture.run_ok("store", &["kept", "prune", "0"]), format!("{size} bytes removed\n"));
    fixture.run_ok("store", &["kept", "forget", hash]);
    assert_eq!(fixture.run_ok("store", &["kept"]), "0 entries\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_example_refuses_directories_without_store_and_unknown_states() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\n");
    fixture.run_ok("batch", &["lines.txt"]);
    fs::create_dir(fixture.path().join("empty")).unwrap();
    let not_a_store = "not a store, expected a directory with a file entries.redb";
    for (args, expected) in [
        (&["missing"][..], format!("missing: {not_a_store}\n")),
        (&["empty"], format!("empty: {not_a_store}\n")),
        (&["lines.txt"], format!("lines.txt: {not_a_store}\n")),
        (&["empty", "prune", "0"], format!("empty: {not_a_store}\n")),
        (&["speeches"], format!("speeches: {not_a_store}; did you mean speeches/store?\n")),
        (&["speeches/store", "--state", "in-doubt"], "failed, in_doubt]".to_owned()),
    ] {
        let (code, text) = fixture.run("store", args);
        assert!(code == 2 && text.contains(&expected), "{text}");
    }
    assert!(!fixture.path().join("missing").exists());
    assert_eq!(fs::read_dir(fixture.path().join("empty")).unwrap().count(), 0);
    assert!(!fixture.path().join("speeches/entries.redb").exists());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_accept_a_closed_standard_output() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\nTwo.\n");
    fixture.run_ok("batch", &["lines.txt"]);
    for (name, args) in [
        ("batch", &["lines.txt", "--plan"][..]),
        ("batch", &["lines.txt"]),
        ("speak", &["--file", "lines.txt", "--plan"]),
        ("store", &["speeches/store"]),
        ("store", &["speeches/store", "prune", "0"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = example_with(&fixture.simulator, name, fixture.path(), args);
        let output = command.stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{name} {args:?}: {output:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_report_a_full_standard_output() {
    let fixture = Fixture::new().await;
    fixture.write("lines.txt", "One.\nTwo.\n");
    fixture.run_ok("batch", &["lines.txt"]);
    for (name, args) in [
        ("batch", &["lines.txt", "--plan"][..]),
        ("speak", &["--file", "lines.txt", "--plan"]),
        ("store", &["speeches/store"]),
        ("store", &["speeches/store", "prune", "0"]),
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = example_with(&fixture.simulator, name, fixture.path(), args);
        let output = command.stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && stderr.starts_with("error: No space left"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_reads_keys_and_refuses_those_that_are_no_file_names() {
    let fixture = Fixture::new().await;
    let longest = "é".repeat(125) + "x";
    fixture.write("script.tsv", &format!("intro\tWelcome.\n\n{longest}\tGoodbye.\n"));
    fixture.run_ok("batch", &["script.tsv"]);
    assert_eq!(fixture.audio(&format!("speeches/{longest}.wav")), Simulator::audio_of("Goodbye."));
    let too_long = format!("{longest}x\tWelcome.\n");
    for (name, text, expected) in [
        ("a.tsv", "intro Welcome.\n", "line 1: no tab, expected a key, a tab and a text"),
        ("a.tsv", "../intro\tWelcome.\n", "line 1: key \"../intro\" is invalid, expected the name of a file"),
        ("a.tsv", "\tWelcome.\n", "line 1: key \"\" is invalid"),
        ("a.tsv", &too_long, "line 1: key of 252 bytes is too long, expected at most 251"),
        ("a.csv", "key,text\n", "a.csv: no row has a text, expected at least one"),
        ("a.csv", "a,Welcome.\nb,One,two\n", "line 2: 3 columns, expected a key and a text"),
        ("a.csv", "a,Welcome.\nA,Goodbye.\n", "line 2: key \"A\" is the key of line 1, expected another key"),
    ] {
        fixture.write(name, text);
        let (code, output) = fixture.run("batch", &[name]);
        assert!(code == 2 && output.contains(expected), "{output}");
    }
    let (code, output) = fixture.run("batch", &["a.csv", "--format", "lines", "--plan"]);
    assert!(code == 0 && output.contains("2 new"), "{output}");
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_with_store_plans_limits_and_speaks_pieces_again() {
    let fixture = Fixture::new().await;
    let book: Vec<_> =
        (0..300).map(|number| format!("This is sentence number {number} of the book.")).collect();
    fixture.write("book.txt", &book.join(" "));
    let speak = |args: &[&str]| {
        let all = [&["--file", "book.txt", "--store", "kept", "--out", "book.wav"], args].concat();
        fixture.run("speak", &all)
    };
    let (code, plan) = speak(&["--plan"]);
    assert!(code == 0 && plan.starts_with("Requests: 0 stored") && plan.contains(" new."), "{plan}");
    assert_eq!(fixture.simulator.requests(), 0);
    let (code, text) = speak(&["--max-seconds", "10"]);
    assert!(code == 1 && text.contains("max_seconds of 10 s would be exceeded"), "{text}");
    let (code, text) = speak(&[]);
    assert_eq!(code, 0, "{text}");
    let billed = fixture.simulator.creates();
    let (code, text) = speak(&["--again", "2"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(fixture.simulator.creates(), billed + 1);
    for _ in 0..2 {
        fixture.run_ok("speak", &["Hello from a store", "--store", "kept"]);
    }
    assert_eq!(fixture.simulator.creates(), billed + 2);
}
