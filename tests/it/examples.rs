//! The README's commands as a newcomer runs them: without an API key, and with mistakes.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::support::example_path;

fn run(directory: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(example_path("speak"))
        .args(args)
        .current_dir(directory)
        .env_remove("DISTRIBUTE_AI_API_KEY")
        .env_remove("DISTRIBUTE_AI_BASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The write fails if the process has already exited. The test checks how the process exited.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
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
    assert!(stderr.ends_with("5299 of 5299 characters, 2 pieces\n"), "{stderr}");
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
    write("short.txt", b"x");
    for (args, expected) in [
        (&["--file", "missing.txt"][..], "--file missing.txt: No such file"),
        (&["--file", "empty.txt"], "--file empty.txt: file is empty or contains only white space"),
        (&["--file", "blank.txt"], "--file blank.txt: file is empty or contains only white space"),
        (&["--file", "latin.txt"], "--file latin.txt: invalid UTF-8 at byte 3, expected UTF-8 text"),
        (&["--file", "short.txt"], "input: shorter than 2 characters (length is 1)"),
        (&["--file", "."], "--file .: "),
        (&["--file", "latin.txt", "Hello"], "cannot be used with"),
    ] {
        let output = run(directory.path(), args, "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(expected), "{stderr}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "{args:?}");
    }
}

#[test]
fn speak_example_with_invalid_input_prints_one_line_and_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let long = "x".repeat(4097);
    for (args, expected) in [
        (&["x"][..], "input: shorter than 2 characters (length is 1)"),
        (&[&long], "input: longer than 4096 characters (length is 4097)"),
        (&["-"], "input: shorter than 2 characters (length is 0)"),
        (&["Hello", "--out", "missing/speech.wav"], "directory missing does not exist"),
        (&["Hello", "--out", "."], "path is a directory, expected a file"),
        (&["--resume", "1b671a64-40d5-491e-99b0-da01ff1f3341"], "DISTRIBUTE_AI_API_KEY is not set"),
        (&["--resume", "42"], "expected a UUID version 4"),
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
fn speak_example_rejected_by_server_exits_1() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["Hello", "--voice", "nobody"], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("404"), "{stderr}");
}

/// Starts the `simulator` example. Returns its process and the environment variables that it prints.
fn start_simulator(args: &[&str], input: Stdio) -> (Child, Vec<(String, String)>) {
    let mut child = Command::new(example_path("simulator"))
        .args(args)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(2).map(Result::unwrap);
    let variable = |line: String| {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let variables = lines.map(variable).collect();
    (child, variables)
}

#[test]
fn simulator_example_serves_client_with_printed_variables() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, variables) = start_simulator(&["--wait", "0", "--run", "0.02"], Stdio::null());
    let output = Command::new(example_path("speak"))
        .args(["Hello", "--out", "hello.wav"])
        .current_dir(directory.path())
        .envs(variables)
        .output()
        .unwrap();
    let running = server.try_wait().unwrap().is_none();
    server.kill().unwrap();
    let simulator_stderr = server.wait_with_output().unwrap().stderr;

    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("using a local simulator"), "{stderr}");
    assert!(directory.path().join("hello.wav").exists());
    assert!(running, "the simulator keeps running at the end of its input");
    let simulator_stderr = String::from_utf8(simulator_stderr).unwrap();
    assert!(
        simulator_stderr.lines().count() == 1 && simulator_stderr.contains("its audio is a placeholder"),
        "{simulator_stderr}"
    );
}

#[test]
fn simulator_example_with_until_eof_exits_at_end_of_input() {
    let (mut server, variables) = start_simulator(&["--until-eof"], Stdio::piped());
    assert_eq!(variables[0].0, "DISTRIBUTE_AI_API_KEY");
    assert_eq!(variables[1].0, "DISTRIBUTE_AI_BASE_URL");
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn simulator_example_exits_on_ctrl_c() {
    for args in [&[][..], &["--until-eof"]] {
        let (mut server, _) = start_simulator(args, Stdio::piped());
        let input = server.stdin.take();
        let sent = Command::new("kill").args(["-INT", &server.id().to_string()]).status().unwrap();
        assert!(sent.success() && server.wait().unwrap().success(), "{args:?}");
        drop(input);
    }
}

#[test]
fn simulator_example_with_invalid_arguments_prints_one_line_and_exits_2() {
    for (args, expected) in [
        (&["--wait", "soon"][..], "expected a number of seconds, such as 0.5"),
        (&["--run=-1"], "'-1' for '--run <SECONDS>'"),
        (&["--run", "1e99"], "'1e99' for '--run <SECONDS>'"),
        (&["--run-per-character", "NaN"], "'NaN'"),
        (&["--wait"], "--wait"),
        (&["Hello"], "'Hello'"),
    ] {
        let output = Command::new(example_path("simulator")).args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.lines().count() == 1 && stderr.starts_with("error: ") && stderr.contains(expected),
            "{stderr}"
        );
        assert!(output.stdout.is_empty(), "no simulator is started");
    }
}
