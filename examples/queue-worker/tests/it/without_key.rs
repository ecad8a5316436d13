//! The first command of the README: a worker without an API key uses its own simulator.

use distribute_ai::testing::Simulator;

use crate::{
    kills::kill,
    support::{Queue, simulator, stderr, wait_until},
};

#[test]
fn work_without_key_uses_simulator_and_reports_it() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    let output = queue.run(&["work", "--until-empty"]);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains(
            "using a local simulator; its audio is a placeholder, nothing is billed, and its tasks are lost"
        ),
        "{stderr}"
    );
    assert!(stderr.contains("\n2: done, ") && stderr.ends_with("\nstopped: 2 done\n"), "{stderr}");
    // Some texts may be submitted already.
    let count = |part: &str| part.split(' ').next()?.parse::<u32>().ok();
    let total = |line: &str| line.split(", ").map(count).sum::<Option<u32>>();
    assert!(stderr.lines().any(|line| total(line) == Some(2)), "no counts at the start: {stderr}");
    assert_eq!(queue.speech(2), Some(Simulator::audio_of("Two.")));
    assert_eq!(queue.status().counts["done"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_stopped_simulator_are_submitted_again_by_next_worker() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two.", "Three.", "Four."]);
    let mut worker = queue.work(&[]);
    wait_until("submitted", &queue, || queue.status().counts["submitted"] == 4).await;
    kill(&mut worker);
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert_eq!(queue.status().counts["done"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_without_key_rejects_queue_that_uses_api() {
    let simulator = simulator(600_000).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("submitted", &queue, || queue.status().counts["submitted"] == 1).await;
    kill(&mut worker);
    let output = queue
        .command(&["work"])
        .env_remove("DISTRIBUTE_AI_API_KEY")
        .env_remove("DISTRIBUTE_AI_BASE_URL")
        .output();
    let output = output.unwrap();
    let stderr = stderr(&output);
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(stderr.starts_with("error: --database: the queue uses the API, "), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_with_key_rejects_queue_that_uses_simulators() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One."]);
    let mut without_key = queue.command(&["work", "--until-empty"]);
    without_key.env_remove("DISTRIBUTE_AI_API_KEY").env_remove("DISTRIBUTE_AI_BASE_URL");
    assert!(without_key.output().unwrap().status.success());
    queue.enqueue(&["Two."]);
    let output = queue.run(&["work", "--until-empty"]);
    let stderr = stderr(&output);
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(stderr.starts_with("error: --database: the queue uses simulators, "), "{stderr}");
    assert_eq!((simulator.creates(), queue.status().counts["queued"]), (0, 1));
}
