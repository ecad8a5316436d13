//! The README's commands as a newcomer runs them: without an API key, and with mistakes.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome};
use serde_json::json;

use crate::support::{Action, ID, ScriptedServer, UNREACHABLE_URL, example_path};

/// Returns the command that runs an example without an API key.
fn example(name: &str, directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(example_path(name));
    command
        .args(args)
        .current_dir(directory)
        .env_remove("DISTRIBUTE_AI_API_KEY")
        .env_remove("DISTRIBUTE_AI_BASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Returns the command that runs an example with this simulator as the API.
pub(crate) fn example_with(simulator: &Simulator, name: &str, directory: &Path, args: &[&str]) -> Command {
    let mut command = example(name, directory, args);
    command
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url());
    command
}

/// Runs the `speak` example without an API key.
fn run(directory: &Path, args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = example("speak", directory, args).spawn().unwrap();
    // The write fails if the process has already exited. The test checks how the process exited.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

#[test]
fn speak_example_without_api_key_uses_simulator() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["Hello from Rust"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("using a local simulator; its audio is a placeholder"), "{stderr}");
    assert!(stderr.contains("task ") && stderr.contains("COMPLETED"), "{stderr}");
    let wav = fs::read(directory.path().join("speech.wav")).unwrap();
    assert_eq!(&wav[..4], b"RIFF");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("speech.wav: {} bytes\n", wav.len()));
}

#[test]
fn speak_example_reads_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        run(directory.path(), &["--voice", "nora", "--out", "other.wav", "-"], "Hello from a pipe\n");
    assert!(output.status.success(), "{output:?}");
    assert!(directory.path().join("other.wav").exists());
}

#[test]
fn speak_example_splits_long_file_into_pieces() {
    let directory = tempfile::tempdir().unwrap();
    let sentence = "It was the best of times, it was the worst of times.\n";
    fs::write(directory.path().join("book.txt"), sentence.repeat(100)).unwrap();
    let output = run(directory.path(), &["--file", "book.txt", "--out", "book.wav"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("using a local simulator; its audio is a placeholder"), "{stderr}");
    assert!(stderr.ends_with("5299 of 5299 characters, 2 pieces saved\n"), "{stderr}");
    let length = fs::metadata(directory.path().join("book.wav")).unwrap().len();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("book.wav: {length} bytes\n"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no other file is created");
}

#[test]
fn speak_example_with_invalid_file_prints_one_line_and_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write("empty.txt", b"");
    write("blank.txt", b" \n\n");
    write("latin.txt", b"Caf\xe9 au lait");
    write("short.txt", b"x\n");
    write("book.vtt", b"Hello from a file.");
    for (args, expected) in [
        (&["--file", "missing.txt"][..], "--file missing.txt: No such file"),
        (&["--file", "empty.txt"], "--file empty.txt: file is empty or contains only white space"),
        (&["--file", "blank.txt"], "--file blank.txt: file is empty or contains only white space"),
        (&["--file", "latin.txt"], "--file latin.txt: invalid UTF-8 at byte 3, expected UTF-8 text"),
        (&["--file", "short.txt"], "--file short.txt: file contains 1 character, expected at least 2"),
        (&["--file", "."], "--file .: "),
        (&["--file", "latin.txt", "Hello"], "cannot be used with"),
        (
            &["--file", "latin.txt", "--subtitles", "missing/x.srt"],
            "--subtitles missing/x.srt: directory missing does not exist",
        ),
        (&["--file", "book.vtt", "--out", "./book.vtt"], "--out ./book.vtt: path is that of --file"),
        (
            &["--file", "book.vtt", "--subtitles", "book.vtt"],
            "--subtitles book.vtt: path is that of --file; choose another path",
        ),
    ] {
        let output = run(directory.path(), args, "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(expected), "{stderr}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5, "{args:?}");
    }
}

#[test]
fn speak_example_with_invalid_input_prints_one_line_and_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let long = "x".repeat(4097);
    for (args, expected) in [
        (&["x"][..], "input: length 1 is too short, expected at least 2 characters"),
        (&[&long], "text: 4097 characters, expected at most 4096; save it to a file and use --file"),
        (&["-"], "input: length 0 is too short, expected at least 2 characters"),
        (&["Hello", "--out", "missing/speech.wav"], "directory missing does not exist"),
        (&["Hello", "--out", "."], "path is a directory, expected a file"),
        (&["Hello", "--out="], "'--out <OUT>'"),
        (&["--resubmit", "Hello"], "--resubmit needs --file"),
        (&["Hello", "--max-seconds", "3"], "--max-seconds needs --file"),
        (&["Hello", "--plan"], "--plan needs --file"),
        (&["Hello", "--subtitles", "a.vtt"], "--subtitles needs --file"),
        (&["Hello", "--store", "kept", "--again", "1"], "--again needs --file"),
        (&["--resubmit", "--resume", "1b671a64-40d5-491e-99b0-da01ff1f3341"], "--resubmit needs --file"),
        (&["--resubmit"], "--file"),
        (&["--resume", "1b671a64-40d5-491e-99b0-da01ff1f3341"], "DISTRIBUTE_AI_API_KEY is not set"),
        (&["--resume="], "'--resume <TASK>'"),
        (&[], "<TEXT>"),
        (&["Hello", "--loud"], "--loud"),
    ] {
        let output = run(directory.path(), args, "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let lines: Vec<_> = stderr.lines().collect();
        assert!(
            matches!(lines[..], [line] if line.starts_with("error: ") && line.contains(expected)),
            "{stderr}"
        );
        assert!(!stderr.lines().any(|line| line.starts_with("task ")), "nothing was submitted: {stderr}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn speak_example_with_invalid_utf8_on_standard_input_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["-"], b"Caf\xe9 au lait");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("error: standard input: invalid UTF-8 at byte 3, "), "{stderr}");
}

#[test]
fn speak_example_counts_a_single_piece_in_the_singular() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("short.txt"), "Hello from a file.").unwrap();
    let output = run(directory.path(), &["--file", "short.txt"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.ends_with("18 of 18 characters, 1 piece saved\n"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_with_rejected_piece_does_not_advise_to_run_again() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    fs::write(directory.path().join("book.txt"), "Hello from a file.").unwrap();
    let args = ["--file", "book.txt", "--voice", "nobody"];
    let mut command = example_with(&simulator, "speak", directory.path(), &args);
    let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(stderr.contains("404 Not Found"), "{stderr}");
    assert!(
        stderr.ends_with("will reject the piece again; correct the text or the voice first\n"),
        "{stderr}"
    );

    let output = command.env("DISTRIBUTE_AI_API_KEY", "wrong").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("hint: correct the API key or the account"), "{stderr}");
}

/// Returns the error output of the `speak` example with a file of two pieces.
fn speak_two_pieces(simulator: &Simulator, directory: &Path, args: &[&str]) -> String {
    fs::write(directory.join("book.txt"), "This is a sentence of a book. ".repeat(150)).unwrap();
    let args = [&["--file", "book.txt", "--out", "book.wav"], args].concat();
    let output = example_with(simulator, "speak", directory, &args).output().unwrap();
    String::from_utf8([output.stderr, output.stdout].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_plans_the_rest_of_an_unfinished_file() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    let plan = speak_two_pieces(&simulator, directory.path(), &["--plan"]);
    assert!(plan.contains("2 new"), "{plan}");
    simulator.script(Route::Create, Script::nth(2, Fault::status(402)));
    let error = speak_two_pieces(&simulator, directory.path(), &[]);
    assert!(error.contains("402 Payment Required"), "{error}");
    let plan = speak_two_pieces(&simulator, directory.path(), &["--plan"]);
    assert!(plan.contains("1 new"), "{plan}");
    assert_eq!(simulator.creates(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_to_settle_a_doubt_whose_task_is_known() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    let body = format!(r#"{{"message": "internal error", "id": "{ID}"}}"#);
    simulator.script(Route::Create, Script::always(Fault::status(500).json(body)));
    for args in [&[][..], &["--resubmit"]] {
        let error = speak_two_pieces(&simulator, directory.path(), args);
        assert!(error.contains(&format!("-- book.wav.store settle HASH --billed {ID}`")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_to_settle_a_doubt_that_is_not_submitted_again() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    simulator.script(Route::Create, Script::always(Fault::reset()));
    let first = speak_two_pieces(&simulator, directory.path(), &[]);
    assert!(first.contains("hint: run with --resubmit"), "{first}");
    for _ in 0..2 {
        let error = speak_two_pieces(&simulator, directory.path(), &["--resubmit"]);
        assert!(error.contains("-- book.wav.store --state in_doubt`, and settle it"), "{error}");
        assert!(!error.contains("run with --resubmit"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_to_forget_the_entry_of_a_lost_task() {
    let simulator = Simulator::builder().running(Duration::from_secs(600)).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    simulator.script(Route::Create, Script::nth(2, Fault::status(402)));
    speak_two_pieces(&simulator, directory.path(), &[]);
    simulator.reset();
    let error = speak_two_pieces(&simulator, directory.path(), &[]);
    assert!(error.contains("task not found on the server"), "{error}");
    assert!(
        error.contains("forget its entry with `cargo run --example store -- book.wav.store forget"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_a_higher_limit_after_its_limit() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    let error = speak_two_pieces(&simulator, directory.path(), &["--max-seconds", "1"]);
    assert!(error.ends_with("run with a higher --max-seconds to continue\n"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_to_speak_a_piece_with_unusable_audio_again() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    simulator.outcomes(Script::nth(1, TaskOutcome::without_url()));
    fs::write(directory.path().join("book.txt"), "Hello from a file.").unwrap();
    let speak = |args: &[&str]| {
        let args = [&["--file", "book.txt", "--out", "book.wav"], args].concat();
        example_with(&simulator, "speak", directory.path(), &args).output().unwrap()
    };
    let again = ["--store", "book.wav.store", "--again", "1"];
    let stderr = String::from_utf8(speak(&[]).stderr).unwrap();
    assert!(stderr.ends_with(&format!(" with {}, which is billed again\n", again.join(" "))), "{stderr}");
    assert!(speak(&again).status.success());
    assert_eq!(simulator.creates(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_that_submitted_nothing_gives_no_hint() {
    let (simulator, directory) = (Simulator::start().await.unwrap(), tempfile::tempdir().unwrap());
    fs::write(directory.path().join("file"), "").unwrap();
    let error = speak_two_pieces(&simulator, directory.path(), &["--store", "file/store"]);
    assert!(error.starts_with("error: ") && !error.contains("hint: "), "{error}");
    assert_eq!(simulator.creates(), 0);
}

#[test]
fn speak_example_without_api_key_cannot_speak_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("book.txt"), "Hello from a file.").unwrap();
    let args = ["--file", "book.txt", "--store", "speeches", "--again", "1"];
    let output = run(directory.path(), &args, "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("set it to use --again"), "{stderr}");
}

#[test]
fn speak_example_rejected_by_server_exits_1() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["Hello", "--voice", "nobody"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("404"), "{stderr}");
}

/// Runs an example with this server as the API. Returns its exit status, and what it prints.
fn run_with(server: &ScriptedServer, name: &str, directory: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = example(name, directory, args);
    command.env("DISTRIBUTE_AI_API_KEY", "key").env("DISTRIBUTE_AI_BASE_URL", &server.url);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_resumes_a_task_whose_id_is_not_a_uuid() {
    let server = ScriptedServer::start([Action::response("400 Bad Request", "", "")]).await;
    let directory = tempfile::tempdir().unwrap();
    let (code, text) = run_with(&server, "speak", directory.path(), &["--resume", "task_7"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(server.requests()[0].ends_with(r#"{"id":"task_7"}"#), "{:?}", server.requests());
    assert!(text.contains("run with --resume task_7 to"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_advises_to_resume_a_doubt_whose_task_is_known() {
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    let directory = tempfile::tempdir().unwrap();
    let (code, text) = run_with(&server, "speak", directory.path(), &["Hello"]);
    let hint = format!("hint: the text may be task {ID}; run with --resume {ID} to fetch the speech\n");
    assert!(code == Some(1) && text.ends_with(&hint), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_print_task_id_without_control_characters() {
    // It could also run a command in the shell of who copies the hint.
    let created = json!({"id": "x\u{1b}[31m\u{202e}\n0f0f stored';reboot;"});
    let actions =
        [Action::json("200 OK", &created), Action::response("400 Bad Request", "", ""), Action::Close];
    let server = ScriptedServer::start(actions).await;
    let directory = tempfile::tempdir().unwrap();
    let (_, spoken) = run_with(&server, "speak", directory.path(), &["Hello", "--store", "kept"]);
    assert!(spoken.starts_with("task x\\u{1b}[31m\\u{202e}\\n0f0f stored\\';reboot;\n"), "{spoken}");
    assert!(
        spoken.contains(r"run with --resume 'x\u{1b}[31m\u{202e}\n0f0f stored\'\'';reboot;' to"),
        "{spoken}"
    );
    let (_, listed) = run_with(&server, "store", directory.path(), &["kept"]);
    assert!(listed.contains("task x\\u{1b}[31m") && listed.lines().count() == 2, "{listed}");
    for text in [spoken, listed] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}

/// Waits until the simulator has accepted `creates` texts, then sends Ctrl-C.
#[cfg(unix)]
async fn interrupt(child: &Child, simulator: &Simulator, creates: u64) {
    while simulator.creates() < creates {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_on_ctrl_c_exits_1_and_ends_with_the_hint() {
    let simulator = Simulator::builder().running(Duration::from_secs(600)).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let lines: Vec<_> = (1..=100).map(|number| format!("This is line number {number}.")).collect();
    fs::write(directory.path().join("lines.txt"), lines.join("\n")).unwrap();
    let mut command = example_with(&simulator, "batch", directory.path(), &["lines.txt", "--rate", "1000"]);
    let child = command.spawn().unwrap();
    interrupt(&child, &simulator, 64).await;
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "stopping: waiting for pending submissions; press Ctrl-C to stop at once",
            "lines in progress that were stopped: 64",
            "error: interrupted; run the same command again to continue",
        ]
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_interrupted_while_it_speaks_again_names_the_lines_that_are_left() {
    let simulator =
        Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lines.txt"), "Good morning.\nGood night.\n").unwrap();
    let mut first = example_with(&simulator, "batch", directory.path(), &["lines.txt"]);
    assert!(first.output().unwrap().status.success());
    simulator.outcomes(Script::nth(2, TaskOutcome::never_ends()));
    let args = ["lines.txt", "--in-flight", "1", "--again", "1", "2"];
    let child = example_with(&simulator, "batch", directory.path(), &args).spawn().unwrap();
    interrupt(&child, &simulator, 4).await;
    let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(stderr.contains("error: interrupted; run the command with --again 2 to continue"), "{stderr}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_on_ctrl_c_ends_the_save_of_a_file() {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    let silent = Script::always(Fault::never_answer());
    let simulator = builder.script(Route::Audio, silent).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lines.txt"), "Hello.\n").unwrap();
    let args = ["lines.txt", "--deadline", "1"];
    let child = example_with(&simulator, "batch", directory.path(), &args).spawn().unwrap();
    // Until the deadline, the store downloads the audio. The second request is that of the file.
    while simulator.arrivals(Route::Audio).len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    interrupt(&child, &simulator, 1).await;
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.ends_with("error: interrupted; run the same command again to continue\n"), "{stderr}");
    assert!(!stderr.contains("line 1: "), "the download failed before the signal: {stderr}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_example_on_second_ctrl_c_exits_at_once() {
    let no_response = Script::always(Fault::never_answer().after_accepting());
    let simulator = Simulator::builder().script(Route::Create, no_response).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lines.txt"), "Hello.\n").unwrap();
    let mut child = example_with(&simulator, "batch", directory.path(), &["lines.txt"]).spawn().unwrap();
    interrupt(&child, &simulator, 1).await;
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(stderr.next().unwrap().starts_with("stopping: "));
    // Repeat the signal until the program has installed its second handler.
    let status = loop {
        interrupt(&child, &simulator, 1).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(1));
    assert_eq!(stderr.next().unwrap(), "error: interrupted; lines that were being submitted may be in doubt");
}

#[test]
fn batch_example_with_invalid_input_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write("blank.txt", b" \n\n");
    write("latin.txt", b"Caf\xe9 au lait");
    write("lines.txt", b"Hello.\n");
    for (args, expected) in [
        (&["missing.txt"][..], "missing.txt: No such file"),
        (&["blank.txt"], "blank.txt: file is empty or contains only white space"),
        (&["latin.txt"], "latin.txt: invalid UTF-8 at byte 3, expected UTF-8 text"),
        (&["lines.txt", "--out", "lines.txt"], "--out lines.txt: "),
        (&["lines.txt", "--rate", "0"], "requests_per_second: 0 is not a rate"),
        (&[], "<LINES>"),
    ] {
        let output = example("batch", directory.path(), args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(expected), "{args:?}: {stderr}");
    }
    let mut without_key = example("batch", directory.path(), &["lines.txt"]);
    let output = without_key.env("DISTRIBUTE_AI_BASE_URL", UNREACHABLE_URL).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && stderr.contains("API_KEY is not set; set it"), "{stderr}");
}

#[test]
fn batch_example_with_unreachable_server_exits_1_and_names_the_cause() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lines.txt"), "Hello.\n").unwrap();
    let mut command = example("batch", directory.path(), &["lines.txt", "--deadline", "1"]);
    command.env("DISTRIBUTE_AI_API_KEY", "key").env("DISTRIBUTE_AI_BASE_URL", UNREACHABLE_URL);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("no usable response to a submission: waiting"), "{stderr}");
    let line = stderr.lines().find(|line| line.starts_with("line 1: ")).unwrap_or_default();
    assert!(line.contains("127.0.0.1:9: Connection refused"), "{stderr}");
}
