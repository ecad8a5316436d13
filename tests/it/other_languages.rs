//! The programs in other languages that the guide shows, unchanged.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use distribute_ai::testing::Simulator;

use crate::repository::read;

/// Runs the guide's program in this language, and checks what it has submitted and saved.
async fn assert_program_speaks(language: &str, interpreter: &str, text: &str) {
    let page = read("docs/guide/testing.md");
    let section = page.split("## Programs in other languages").nth(1).unwrap();
    let programs = section.split("```").filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    let program = programs.into_iter().find(|program| program.contains("hello.wav")).unwrap();
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(1_200));
    let simulator = builder.start().await.unwrap();
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
