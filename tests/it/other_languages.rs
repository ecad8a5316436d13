//! The programs in other languages that the guide shows, unchanged.

use std::{
    fs,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use distribute_ai::testing::{ReceivedRequest, Route, Script, Simulator, TaskOutcome};

use crate::repository::read;

/// Returns the program in this language of a section of the guide.
fn program(section: &str, language: &str) -> String {
    let page = read("docs/guide/testing.md");
    let section = page.split(&format!("## {section}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = section.split("```").filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    // A section may begin with the command that starts the simulator.
    blocks.last().unwrap().to_owned()
}

/// Runs the guide's program in this language, and checks what it has submitted and saved.
async fn assert_program_speaks(language: &str, interpreter: &str, text: &str) {
    let program = program("Programs in other languages", language);
    let builder = Simulator::builder().outcomes(Script::always(TaskOutcome::never_ends()));
    let simulator = Arc::new(builder.start().await.unwrap());
    let completing = Arc::clone(&simulator);
    // A slow machine may poll late, so the task is completed after the response to the first poll.
    tokio::spawn(async move {
        let is_answered =
            |request: &ReceivedRequest| request.route == Some(Route::Result) && request.status.is_some();
        while !completing.received().iter().any(is_answered) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        completing.complete(&completing.tasks()[0].0);
    });
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("program"), program).unwrap();
    let run = |key: &str| {
        let mut command = Command::new(interpreter);
        command.arg("program").current_dir(directory.path()).stdin(Stdio::null());
        command.env("DISTRIBUTE_AI_API_KEY", key).env("DISTRIBUTE_AI_BASE_URL", simulator.base_url());
        command.output().unwrap_or_else(|error| panic!("{interpreter}: {error}"))
    };
    let output = run("wrong");
    assert!(!output.status.success(), "{output:?}");
    let output = run(simulator.api_key());
    assert!(output.status.success(), "{output:?}");
    assert_eq!((simulator.spoken(), simulator.leaks()), (vec![text.to_owned()], 0));
    assert!(simulator.polls() > 1, "the program polls until the task is completed");
    assert!(fs::read(directory.path().join("hello.wav")).unwrap() == Simulator::audio_of(text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_program_of_guide_speaks() {
    assert_program_speaks("sh", "sh", "Hello from curl.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_program_of_guide_speaks() {
    assert_program_speaks("python", "python3", "Hello from Python.").await;
}

/// Runs a program of the guide that drives the simulator. Returns its output.
fn drive(simulator: &Simulator, interpreter: &str, program: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("program"), program).unwrap();
    let mut command = Command::new(interpreter);
    command.arg("program").current_dir(directory.path()).stdin(Stdio::null());
    command.env("DISTRIBUTE_AI_API_KEY", simulator.api_key());
    command.env("DISTRIBUTE_AI_BASE_URL", simulator.base_url());
    let output = command.output().unwrap_or_else(|error| panic!("{interpreter}: {error}"));
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn curl_program_of_guide_drives_simulator() {
    let simulator = Simulator::builder().control_api().start_on_thread().unwrap();
    let program = program("Driving the simulator over HTTP", "sh");
    let output = drive(&simulator, "sh", &program);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.starts_with(r#"null{"billed":0.0,"#) && lines.ends_with("}null"), "{lines}");

    // Without the reset, the fault is there.
    let (with_fault, _) = program.rsplit_once("control POST reset").unwrap();
    drive(&simulator, "sh", with_fault);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { simulator.client().speak("Hello").await.unwrap() });
    assert_eq!((simulator.faults(), simulator.received()[1].status), (1, Some(503)));
}

#[test]
fn python_program_of_guide_drives_simulator() {
    let simulator = Simulator::builder().control_api().start_on_thread().unwrap();
    let output = drive(&simulator, "python3", &program("Driving the simulator over HTTP", "python"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "billed, and not submitted again\n");
    assert_eq!(simulator.spoken(), ["Hello from Python."]);
}
