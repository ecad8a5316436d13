//! The README's first command: a simulator speaks.

use distribute_ai::testing::Simulator;

use crate::{
    kills::kill,
    support::{Queue, said, simulator, until},
};

#[test]
fn a_simulator_speaks_and_says_so() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two."]);
    let output = queue.run(&["work", "--until-empty"]);
    let shown = said(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(
        shown.contains("a simulator speaks placeholders, nothing is billed, and it forgets all"),
        "{shown}"
    );
    assert_eq!(queue.speech(2), Some(Simulator::audio_of("Two.")));
    assert_eq!(queue.status().counts["done"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_simulator_has_forgotten_is_spoken_by_the_next_one() {
    let queue = Queue::without_key();
    queue.enqueue(&["One.", "Two.", "Three.", "Four."]);
    let mut worker = queue.work(&[]);
    until("submitted", &queue, || queue.status().counts["submitted"] == 4).await;
    kill(&mut worker);
    assert_eq!(queue.work_off(), Some(0), "{}", queue.logged());
    assert_eq!(queue.status().counts["done"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulator_does_not_touch_what_the_api_speaks() {
    let simulator = simulator(600_000).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    until("submitted", &queue, || queue.status().counts["submitted"] == 1).await;
    kill(&mut worker);
    let output = queue
        .command(&["work"])
        .env_remove("DISTRIBUTE_AI_API_KEY")
        .env_remove("DISTRIBUTE_AI_BASE_URL")
        .output();
    let output = output.unwrap();
    let shown = said(&output);
    assert_eq!((output.status.code(), shown.lines().count()), (Some(2), 1), "{shown}");
    assert!(shown.starts_with("error: this queue is spoken by the API, "), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_not_go_on_where_a_simulator_began() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One."]);
    let mut without_key = queue.command(&["work", "--until-empty"]);
    without_key.env_remove("DISTRIBUTE_AI_API_KEY").env_remove("DISTRIBUTE_AI_BASE_URL");
    assert!(without_key.output().unwrap().status.success());
    queue.enqueue(&["Two."]);
    let output = queue.run(&["work", "--until-empty"]);
    let shown = said(&output);
    assert_eq!((output.status.code(), shown.lines().count()), (Some(2), 1), "{shown}");
    assert!(shown.starts_with("error: this queue is spoken by simulators, "), "{shown}");
    assert_eq!((simulator.creates(), queue.status().counts["queued"]), (0, 1));
}
