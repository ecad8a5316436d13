//! The example `simulator`, as a user runs it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::support::example_path;

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
        simulator_stderr.lines().next().unwrap_or_default().contains("its audio is a placeholder"),
        "{simulator_stderr}"
    );
    let log: Vec<_> = simulator_stderr.lines().skip(1).collect();
    assert!(log.len() >= 3 && log.iter().all(|line| line.contains("request received")), "{log:?}");
    assert!(!simulator_stderr.contains("Hello"), "the log leaves out the texts: {simulator_stderr}");
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
        (&["--port", "99999"], "'99999' for '--port <PORT>'"),
        (&["--seed", "x"], "'x' for '--seed <NUMBER>'"),
        (&["--key", "", "--until-eof"], "--key: "),
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
