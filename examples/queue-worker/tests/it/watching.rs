//! The output of a worker and of `status`.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use serde_json::Value;

use crate::{
    kills::kill,
    support::{Queue, simulator, stderr, wait_until},
};

/// Returns the response to a `GET` request, or an empty text without a connection.
fn get(address: &str, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finished_texts_and_holders_are_shown_in_text_json_and_metrics() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two"]);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut worker = queue.work(&["--metrics", &address]);
    wait_until("done", &queue, || queue.status().counts["done"] == 2).await;
    assert!(get(&address, "/health").ends_with("OK"));
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("queue_worker_finished_total{state=\"done\"} 2"), "{metrics}");
    assert!(metrics.contains("queue_worker_texts{state=\"queued\"}"), "{metrics}");
    let path = queue.out().join("1.wav").canonicalize().unwrap();
    let logged = queue.logged();
    assert!(logged.contains(&format!(":{}\n", path.display())) && logged.contains("1: done, "), "{logged}");
    assert!(!logged.contains('\u{1b}'), "{logged}");

    simulator
        .outcomes(distribute_ai::testing::Script::always(distribute_ai::testing::TaskOutcome::never_ends()));
    queue.enqueue(&["Three"]);
    wait_until("collected", &queue, || {
        let json = queue.run(&["status", "--json"]).stdout;
        let json: Value = serde_json::from_slice(&json).unwrap();
        let worker = &json["workers"][0];
        worker["state"] == "submitted" && worker["texts"] == 1 && json["done_in_5_minutes"] == 2
    })
    .await;
    let done = String::from_utf8(queue.run(&["status", "--state", "done", "--limit", "1"]).stdout).unwrap();
    assert!(done.lines().last().unwrap().contains(" ago: ") && done.contains("/out/"), "{done}");
    let other = queue.run(&["work", "--metrics", &address]);
    assert_eq!(other.status.code(), Some(2), "{}", stderr(&other));
    assert!(stderr(&other).contains(&format!("error: --metrics {address}: ")), "{}", stderr(&other));
    kill(&mut worker);
}

#[test]
fn log_level_and_format_follow_environment() {
    let queue = Queue::without_key();
    queue.enqueue(&["One."]);
    let mut command = queue.command(&["work", "--until-empty"]);
    let output = command.env("RUST_LOG", "distribute_ai=info").env("LOG_FORMAT", "json").output().unwrap();
    let stderr = stderr(&output);
    let event =
        stderr.lines().find(|line| line.contains("task submitted")).unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!(serde_json::from_str::<Value>(event).unwrap()["level"], "INFO");
}

#[test]
fn done_texts_are_removed_by_clean() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    assert!(queue.run(&["work", "--until-empty"]).status.success());
    assert!(queue.run(&["clean"]).stdout.starts_with(b"0 done texts removed"));
    assert!(queue.run(&["clean", "--days", "0"]).stdout.starts_with(b"2 done texts removed"));
    assert_eq!(queue.status().counts["done"], 0);
    queue.enqueue(&["Three."]);
    assert!(queue.run(&["work", "--until-empty"]).status.success(), "the removed claims are not missed");
    assert!(queue.speech(3).is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn progress_bar_replaces_lines_on_a_terminal() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    let worker = queue.command(&["work", "--until-empty"]);
    let program = format!("{} work --until-empty", worker.get_program().display());
    let mut terminal = std::process::Command::new("script");
    terminal.args(["-qec", &program, "/dev/null"]).current_dir(queue.directory());
    for (name, _) in worker.get_envs() {
        terminal.env_remove(name);
    }
    let shown = String::from_utf8(terminal.output().unwrap().stdout).unwrap();
    assert!(shown.contains(" 2/2, ") && shown.contains("\u{1b}[2K"), "{shown}");
    assert!(shown.ends_with("stopped: 2 done\r\n") && !shown.contains("1: done"), "{shown}");
}
