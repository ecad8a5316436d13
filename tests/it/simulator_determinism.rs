//! The simulator gives the same ids, outcomes and delays in every run.

use std::{collections::BTreeMap, time::Duration};

use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome};
use tokio::{task::JoinSet, time::Instant};

/// Submits ten texts at once, two of them the same, and returns each text with its ids, sorted.
async fn ids_of_concurrent_submissions(simulator: &Simulator) -> BTreeMap<String, Vec<String>> {
    let client = simulator.client();
    let mut submissions = JoinSet::new();
    for number in 0..10 {
        let client = client.clone();
        let text = format!("Text {}", number % 9);
        submissions.spawn(async move { client.speak(&text).submit().await.unwrap() });
    }
    submissions.join_all().await;
    let mut ids = BTreeMap::<_, Vec<_>>::new();
    for (id, text) in simulator.tasks() {
        ids.entry(text).or_default().push(id.to_string());
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulator_with_seed_gives_each_text_its_ids_in_any_order_of_arrival() {
    let (mut expected, mut orders) = (None, Vec::new());
    for _ in 0..15 {
        let simulator = Simulator::builder().seed(7).start().await.unwrap();
        let ids = ids_of_concurrent_submissions(&simulator).await;
        assert_eq!(ids["Text 0"].len(), 2);
        orders.push(simulator.spoken());
        let expected = expected.get_or_insert_with(|| ids.clone());
        assert_eq!(&ids, expected);
    }
    orders.dedup();
    assert!(orders.len() > 1, "the texts arrive in different orders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nth_outcome_belongs_to_the_nth_task() {
    for _ in 0..15 {
        let simulator = Simulator::builder()
            .waiting(Duration::ZERO)
            .running(Duration::ZERO)
            .outcomes(Script::nth(3, TaskOutcome::fails()).and(Script::from_nth(8, TaskOutcome::fails())))
            .start()
            .await
            .unwrap();
        let client = simulator.client();
        let mut submissions = JoinSet::new();
        for number in 0..10 {
            let client = client.clone();
            submissions.spawn(async move { client.speak(format!("Text {number}")).submit().await.unwrap() });
        }
        submissions.join_all().await;
        let mut failed = Vec::new();
        for (position, (id, _)) in simulator.tasks().into_iter().enumerate() {
            let status = client.task(id).status().await.unwrap().to_string();
            if status == "ERROR" {
                failed.push(position + 1);
            }
        }
        assert_eq!(failed, [3, 8, 9, 10]);
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_follows_from_seed_and_task_only() {
    let mut runs = Vec::new();
    for (seed, texts) in [(1, ["A text", "Another"]), (1, ["Another", "A text"]), (2, ["A text", "Another"])]
    {
        let simulator = Simulator::builder().seed(seed).start().await.unwrap();
        let fault = Fault::genuine().delay(Duration::from_secs(1)).jitter(Duration::from_secs(8));
        simulator.script(Route::Create, Script::always(fault));
        let mut delays = BTreeMap::new();
        for text in texts {
            let start = Instant::now();
            simulator.client().speak(text).submit().await.unwrap();
            delays.insert(text, start.elapsed().as_millis());
        }
        assert!(delays.values().all(|delay| (1_000..9_010).contains(delay)), "{delays:?}");
        runs.push(delays);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert_ne!(runs[0]["A text"], runs[0]["Another"]);
}
