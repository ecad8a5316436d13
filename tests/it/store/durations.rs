//! The next process learns the durations of tasks from the store.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use distribute_ai::{
    Client,
    pacing::{CompletedTask, Pacing, Progress},
    testing::Simulator,
};
use futures_util::StreamExt;
use tempfile::TempDir;

/// A policy that records its calls.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<String>>>);

impl Recording {
    fn record(&self, call: &str) {
        self.0.lock().unwrap().push(call.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Pacing for Recording {
    fn delay(&self, task: &Progress) -> Duration {
        if task.polls == 0 {
            self.record(&format!("first delay, expected: {}", task.expected.is_some()));
        }
        Duration::from_millis(10)
    }

    fn learn(&self, task: &CompletedTask) {
        let total = task.total.unwrap();
        assert!(total < Duration::from_secs(10), "{total:?}");
        self.record(&format!("learn {:?}", task.characters.unwrap()));
    }
}

struct Fixture {
    simulator: Simulator,
    directory: TempDir,
}

impl Fixture {
    /// Returns a store in which a process has spoken one text.
    async fn new() -> Self {
        let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::from_millis(50));
        let simulator = builder.start().await.unwrap();
        let fixture = Self { simulator, directory: tempfile::tempdir().unwrap() };
        let (client, policy) = fixture.process();
        client.speak("One.").await.unwrap();
        assert_eq!(policy.take(), ["first delay, expected: false", "learn 4"]);
        fixture
    }

    /// Returns a client that has seen no task.
    fn process(&self) -> (Client, Recording) {
        let policy = Recording::default();
        let builder = self.simulator.client_builder().pacing(policy.clone());
        (builder.store(self.directory.path()).build().unwrap(), policy)
    }
}

#[tokio::test]
async fn wait_learns_stored_durations_before_its_first_poll() {
    let fixture = Fixture::new().await;
    let (client, policy) = fixture.process();
    for text in ["Two words.", "Three short words."] {
        client.speak(text).await.unwrap();
    }
    let first = ["learn 4", "first delay, expected: true", "learn 10"];
    assert_eq!(policy.take(), [&first[..], &["first delay, expected: true", "learn 18"]].concat());
}

#[tokio::test]
async fn updates_learn_stored_durations_before_their_first_poll() {
    let fixture = Fixture::new().await;
    let (client, policy) = fixture.process();
    let task = client.speak("Two words.").submit().await.unwrap();
    assert_eq!(policy.take(), [""; 0], "learning does not delay the submission");
    let updates: Vec<_> = task.updates().collect().await;
    assert!(updates.last().unwrap().is_ok());
    assert_eq!(policy.take(), ["learn 4", "first delay, expected: true", "learn 10"]);
}

#[tokio::test]
async fn batch_learns_stored_durations_before_its_first_poll() {
    let fixture = Fixture::new().await;
    let policy = Recording::default();
    let client = fixture.simulator.client_builder().pacing(policy.clone()).build().unwrap();
    let lines = ["Two words."].into_iter().enumerate();
    let results = client.batch(lines).store(fixture.directory.path()).run().await.unwrap();
    assert_eq!(results.filter(|(_, speech)| std::future::ready(speech.is_ok())).count().await, 1);
    assert_eq!(policy.take(), ["learn 4", "first delay, expected: true", "learn 10"]);
}

#[tokio::test]
async fn plan_and_new_batch_know_how_long_they_take() {
    let fixture = Fixture::new().await;
    let lines = || ["Two words.", "Other words."].into_iter().enumerate();
    let batch = |client: &Client| client.batch(lines()).store(fixture.directory.path()).max_in_flight(1);
    let client = fixture.simulator.client();
    let unknown = client.batch(lines()).plan().await.unwrap();
    assert_eq!((unknown.new, unknown.time), (2, None));

    let plan = batch(&client).plan().await.unwrap();
    let time = plan.time.unwrap();
    assert!(time > Duration::ZERO && time < Duration::from_secs(20), "{time:?}");
    assert!(plan.to_string().contains("They are expected to be finished after "), "{plan}");

    let mut results = batch(&client).run().await.unwrap();
    let progress = results.progress();
    let mut first = None;
    while results.next().await.is_some() {
        first.get_or_insert_with(|| progress.borrow().time_left);
    }
    assert!(first.unwrap().is_some());
}

#[tokio::test]
async fn stored_speech_needs_no_durations() {
    let fixture = Fixture::new().await;
    let (client, policy) = fixture.process();
    client.speak("One.").await.unwrap();
    assert_eq!((policy.take(), fixture.simulator.creates()), (Vec::new(), 1));
}
