//! The simulator on its own thread.

use std::{process::Command, time::Duration};

use distribute_ai::testing::{Fault, Host, Route, Script, Simulator};

use crate::support::UNREACHABLE_URL;

fn curl(url: &str) -> (bool, String) {
    let output = Command::new("curl").args(["--silent", "--max-time", "20", url]).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn blocking_call_reaches_a_simulator_on_its_own_thread() {
    let simulator = Simulator::builder().start_on_thread().unwrap();
    let (success, body) = curl(simulator.base_url());
    assert!(success && body.contains("not found"), "{body}");
    assert!(!curl(UNREACHABLE_URL).0);

    // The methods work from the test's thread, and async clients too.
    simulator.client().speak("Hello").await.unwrap();
    simulator.go_down(Host::Api).await.unwrap();
    assert!(!curl(simulator.base_url()).0);
    simulator.come_up(Host::Api).await.unwrap();
    assert!(curl(simulator.base_url()).0);
    assert_eq!((simulator.creates(), simulator.received()[1].route), (1, Some(Route::Create)));
}

#[test]
fn dropped_simulator_ends_its_thread_and_frees_its_port() {
    let port = {
        let simulator = Simulator::builder().start_on_thread().unwrap();
        simulator.base_url().rsplit(':').next().unwrap().parse().unwrap()
    };
    for _ in 0..500 {
        if let Ok(simulator) = Simulator::builder().port(port).start_on_thread() {
            assert_eq!(simulator.base_url(), format!("http://127.0.0.1:{port}"));
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("port {port} is still in use");
}

#[test]
fn start_on_thread_returns_the_error_of_the_start() {
    let first = Simulator::builder().start_on_thread().unwrap();
    let port: u16 = first.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Simulator::builder().port(port).start_on_thread().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&format!("port {port}")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn simulator_on_its_own_thread_ignores_the_paused_clock_of_the_test() {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_secs(3600));
    let simulator = builder.start_on_thread().unwrap();
    let post = |operation: &str, body: &str| {
        let url = format!("{}/async/speech/{operation}", simulator.base_url());
        let [key, json] =
            [format!("authorization: {}", simulator.api_key()), "content-type: application/json".to_owned()];
        let arguments = ["--silent", "--header", &key, "--header", &json, "--data", body, &url];
        let output = Command::new("curl").args(arguments).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let task = post("create", r#"{"model":"Chatterbox","input":"Hello"}"#);
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(post("result", &task.to_string())["status"], "PROCESSING");

    simulator.complete(&task["id"].as_str().unwrap().parse().unwrap());
    assert_eq!(post("result", &task.to_string())["status"], "COMPLETED");
    simulator.script(Route::Result, Script::during(Duration::from_millis(1), Fault::status(503)));
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(post("result", &task.to_string())["status"], "COMPLETED");
}
