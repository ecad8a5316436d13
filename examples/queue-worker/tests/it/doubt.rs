//! What nobody can know, and what the server refuses.

use std::time::Duration;

use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome};

use crate::{
    kills::kill,
    support::{Queue, said, simulator, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_reply_is_heard_it_is_in_doubt_until_a_person_decides() {
    let simulator = simulator(10)
        .script(Route::Create, Script::nth(1, Fault::never_answer().after_accepting()))
        .start()
        .await
        .unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    until("accepted", &queue, || simulator.creates() == 1).await;
    assert_eq!(queue.status().counts["submitting"], 1);
    kill(&mut worker);

    assert_eq!(queue.work_off(), Some(1));
    let status = queue.status();
    assert_eq!((status.code, status.counts["in doubt"]), (Some(1), 1));
    assert!(status.in_doubt[&1].contains("its worker was lost while submitting it"), "{status:?}");
    assert_eq!(queue.work_off(), Some(1), "however often somebody works");
    assert_eq!(simulator.spoken(), ["Hello"], "not submitted again by itself");

    let again = queue.run(&["again", "1"]);
    assert_eq!(said(&again), "");
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        "1 put back into the queue; each may be billed again\n"
    );
    assert_eq!(queue.work_off(), Some(0));
    assert_eq!(simulator.spoken(), ["Hello", "Hello"]);
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_lost_leaves_a_doubt_and_the_others_go_on() {
    let simulator = simulator(10)
        .script(Route::Create, Script::nth(2, Fault::reset().after_accepting()))
        .start()
        .await
        .unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two", "Three"]);
    assert_eq!(queue.work_off(), Some(1));
    let status = queue.status();
    assert_eq!((status.counts["done"], status.in_doubt.len()), (2, 1), "{status:?}");
    assert_eq!(simulator.creates(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_for_good_fails_with_its_words() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator);
    std::fs::write(queue.directory().join("lines"), "Hello\n").unwrap();
    assert!(queue.run(&["enqueue", "lines", "--voice", "nobody"]).status.success());
    assert_eq!(queue.work_off(), Some(1));
    let status = queue.status();
    assert!(status.failed[&1].contains("the server refused the request: 404"), "{status:?}");
    assert_eq!(simulator.creates(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_ends_in_error_fails_and_can_be_tried_again() {
    let simulator = simulator(10).outcomes(Script::nth(1, TaskOutcome::fails())).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["Hello"]);
    assert_eq!(queue.work_off(), Some(1));
    assert!(queue.status().failed[&1].contains("the task ended in the status ERROR"));
    let again = String::from_utf8(queue.run(&["again", "1"]).stdout).unwrap();
    assert!(
        again.starts_with("1 was task ") && again.contains(", which may have been paid for\n"),
        "{again}"
    );
    assert_eq!(queue.work_off(), Some(0));
    assert_eq!(queue.speech(1), Some(Simulator::audio_of("Hello")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_stops_the_worker_and_spends_no_text() {
    let simulator = simulator(10).start().await.unwrap();
    let queue = Queue::new(&simulator).with_key("wrong");
    queue.enqueue(&["One", "Two", "Three"]);
    let output = queue.run(&["work"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = said(&output);
    assert!(shown.contains("error: stopped, for the server would refuse every text: "), "{shown}");
    assert!(shown.contains("401"), "{shown}");
    assert_eq!(queue.status().counts["queued"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_for_now_is_taken_later() {
    let busy = Fault::status(429).retry_after(Duration::from_millis(200));
    let simulator = simulator(10).script(Route::Create, Script::next(3, busy)).start().await.unwrap();
    let queue = Queue::new(&simulator);
    queue.enqueue(&["One", "Two"]);
    assert_eq!(queue.work_off(), Some(0), "{}", queue.logged());
    assert_eq!(simulator.creates(), 2);
}
