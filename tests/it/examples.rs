//! The README's commands, as a newcomer runs them: without a key, and with mistakes.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::support::example;

fn run(directory: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(example("speak"))
        .args(args)
        .current_dir(directory)
        .env_remove("DISTRIBUTE_AI_API_KEY")
        .env_remove("DISTRIBUTE_AI_BASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended already, for a reason that the test looks at.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn speaks_to_the_simulator_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["Hello from Rust"], "");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("a simulator speaks; its sound is a placeholder"), "{shown}");
    assert!(shown.contains("task ") && shown.contains("COMPLETED"), "{shown}");
    let wav = fs::read(directory.path().join("speech.wav")).unwrap();
    assert_eq!(&wav[..4], b"RIFF");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("speech.wav: {} bytes\n", wav.len()));
}

#[test]
fn reads_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        run(directory.path(), &["--voice", "nora", "--out", "other.wav", "-"], "Hello from a pipe\n");
    assert!(output.status.success(), "{output:?}");
    assert!(directory.path().join("other.wav").exists());
}

#[test]
fn speaks_a_file_of_any_length_in_pieces() {
    let directory = tempfile::tempdir().unwrap();
    let sentence = "It was the best of times, it was the worst of times.\n";
    fs::write(directory.path().join("book.txt"), sentence.repeat(100)).unwrap();
    let output = run(directory.path(), &["--file", "book.txt", "--out", "book.wav"], "");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("a simulator speaks; its sound is a placeholder"), "{shown}");
    assert!(shown.ends_with("5299 of 5299 characters, 2 pieces\n"), "{shown}");
    let length = fs::metadata(directory.path().join("book.wav")).unwrap().len();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("book.wav: {length} bytes\n"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_file_that_is_no_text_is_one_line_with_status_2_and_no_speech() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write("empty.txt", b"");
    write("blank.txt", b" \n\n");
    write("latin.txt", b"Caf\xe9 au lait");
    write("short.txt", b"x");
    for (args, expected) in [
        (&["--file", "missing.txt"][..], "--file missing.txt: No such file"),
        (&["--file", "empty.txt"], "--file empty.txt: there is nothing in it to speak"),
        (&["--file", "blank.txt"], "--file blank.txt: there is nothing in it to speak"),
        (&["--file", "latin.txt"], "--file latin.txt: is no text in UTF-8 from byte 3 on"),
        (&["--file", "short.txt"], "input: shorter than 2 characters (it has 1)"),
        (&["--file", "."], "--file .: "),
        (&["--file", "latin.txt", "Hello"], "cannot be used with"),
    ] {
        let output = run(directory.path(), args, "");
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{shown}");
        assert!(shown.lines().count() == 1 && shown.contains(expected), "{shown}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "{args:?}");
    }
}

#[test]
fn bad_input_is_one_line_with_status_2_and_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let long = "x".repeat(4097);
    for (args, expected) in [
        (&["x"][..], "input: shorter than 2 characters (it has 1)"),
        (&[&long], "input: longer than 4096 characters (it has 4097)"),
        (&["-"], "input: shorter than 2 characters (it has 0)"),
        (&["Hello", "--out", "missing/speech.wav"], "there is no directory missing"),
        (&["Hello", "--out", "."], "is a directory"),
        (&["--resume", "1b671a64-40d5-491e-99b0-da01ff1f3341"], "DISTRIBUTE_AI_API_KEY is not set"),
        (&["--resume", "42"], "not a UUID of version 4"),
        (&[], "<TEXT>"),
        (&["Hello", "--loud"], "--loud"),
    ] {
        let output = run(directory.path(), args, "");
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{shown}");
        let lines: Vec<_> = shown.lines().collect();
        assert!(
            matches!(lines[..], [line] if line.starts_with("error: ") && line.contains(expected)),
            "{shown}"
        );
        assert!(!shown.lines().any(|line| line.starts_with("task ")), "nothing was submitted: {shown}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn a_refusal_of_the_server_is_no_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["Hello", "--voice", "nobody"], "");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("404"), "{shown}");
}

/// A simulator in a process of its own, and the variables that it prints.
fn simulator(args: &[&str], input: Stdio) -> (Child, Vec<(String, String)>) {
    let mut child = Command::new(example("simulator"))
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
fn a_simulator_of_its_own_serves_whoever_is_told_its_variables() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, variables) = simulator(&["--wait", "0", "--run", "0.02"], Stdio::null());
    let output = Command::new(example("speak"))
        .args(["Hello", "--out", "hello.wav"])
        .current_dir(directory.path())
        .envs(variables)
        .output()
        .unwrap();
    let running = server.try_wait().unwrap().is_none();
    server.kill().unwrap();
    let told = server.wait_with_output().unwrap().stderr;

    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !shown.contains("a simulator speaks"), "{shown}");
    assert!(directory.path().join("hello.wav").exists());
    assert!(running, "the end of its input is not its own");
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().count() == 1 && told.contains("its sound is a placeholder"), "{told}");
}

#[test]
fn a_simulator_of_its_own_ends_with_its_input_if_it_is_told_to() {
    let (mut server, variables) = simulator(&["--until-eof"], Stdio::piped());
    assert_eq!(variables[0].0, "DISTRIBUTE_AI_API_KEY");
    assert_eq!(variables[1].0, "DISTRIBUTE_AI_BASE_URL");
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_simulator_of_its_own_ends_with_ctrl_c_also_while_it_reads() {
    for args in [&[][..], &["--until-eof"]] {
        let (mut server, _) = simulator(args, Stdio::piped());
        let input = server.stdin.take();
        let sent = Command::new("kill").args(["-INT", &server.id().to_string()]).status().unwrap();
        assert!(sent.success() && server.wait().unwrap().success(), "{args:?}");
        drop(input);
    }
}

#[test]
fn bad_arguments_of_the_simulator_are_one_line_with_status_2() {
    for (args, expected) in [
        (&["--wait", "soon"][..], "expected a number of seconds, such as 0.5"),
        (&["--run=-1"], "'-1' for '--run <SECONDS>'"),
        (&["--run", "1e99"], "'1e99' for '--run <SECONDS>'"),
        (&["--run-per-character", "NaN"], "'NaN'"),
        (&["--wait"], "--wait"),
        (&["Hello"], "'Hello'"),
    ] {
        let output = Command::new(example("simulator")).args(args).output().unwrap();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{shown}");
        assert!(
            shown.lines().count() == 1 && shown.starts_with("error: ") && shown.contains(expected),
            "{shown}"
        );
        assert!(output.stdout.is_empty(), "nothing was started");
    }
}
