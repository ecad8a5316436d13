//! The durations of tasks, which the next process learns.

use std::sync::Mutex;

use super::*;
use crate::{
    ext::{polling::client_policy::ClientPolicy, store::database::Priority},
    pacing::{CompletedTask, Pacing, Progress},
};

/// A policy that records the seconds of the tasks that it has learned.
#[derive(Default)]
struct Recording(Mutex<Vec<u64>>);

impl Pacing for Recording {
    fn delay(&self, _: &Progress) -> Duration {
        Duration::from_secs(1)
    }

    fn learn(&self, task: &CompletedTask) {
        self.0.lock().unwrap().push(task.total.unwrap().as_secs());
    }
}

/// Returns the seconds of the tasks that a new policy learns from the store of an entry.
async fn learned(entry: &EntryHandle) -> Vec<u64> {
    let policy = Arc::new(Recording::default());
    entry.teach(&Arc::new(ClientPolicy::new(Arc::clone(&policy) as Arc<dyn Pacing>))).await;
    policy.0.lock().unwrap().clone()
}

fn completed(seconds: u64) -> CompletedTask {
    CompletedTask { total: Some(Duration::from_secs(seconds)), ..CompletedTask::default() }
}

fn finish_after(entry: &EntryHandle, task: &str, seconds: u64) {
    let result = json!({"id": task, "status": "COMPLETED"});
    entry.finished(&id(task), &serde_json::from_value(result).unwrap(), None, Some(completed(seconds)));
}

#[tokio::test]
async fn durations_of_the_same_api_are_learned_from_a_store_that_is_opened_again() {
    let TestStore { store, disk, .. } = open(|settings| settings).await;
    for (number, seconds) in [("1", 3), ("2", 5)] {
        let entry = store.entry(Request::of(&speech(&format!("Text {number}."))));
        submit(&entry, number).await;
        finish_after(&entry, number, seconds);
    }
    drop(store);
    let store = Store::open_on(&disk, "/d/store".into()).await.unwrap();
    let other_voice = speech("Another text.").voice("leo");
    assert_eq!(learned(&store.entry(Request::of(&other_voice))).await, [3, 5]);
    let other_api = Request { base_url: "https://example.org", ..Request::of(&other_voice) };
    assert_eq!(learned(&store.entry(other_api)).await, [0; 0]);
}

#[tokio::test]
async fn durations_are_written_in_the_commit_of_the_entry() {
    let steps_of = async |completed: Option<CompletedTask>| {
        let store = open(|settings| settings).await;
        let entry = store.store.entry(Request::of(&speech("Hello.")));
        submit(&entry, "t1").await;
        let before = store.steps().await;
        let result = serde_json::from_value(json!({"id": "t1", "status": "COMPLETED"})).unwrap();
        entry.finished(&id("t1"), &result, None, completed);
        store.steps().await - before
    };
    let (without, with) = (steps_of(None).await, steps_of(Some(completed(3))).await);
    assert!(with <= without + 2, "{with} changes and syncs of the disk instead of {without}");
}

#[tokio::test]
async fn damaged_durations_are_ignored_and_replaced() {
    for damaged in ["", "no JSON", r#"{"version":2,"tasks":[]}"#] {
        let TestStore { store, .. } = open(|settings| settings).await;
        let entry = store.entry(Request::of(&speech("Hello.")));
        let name = "durations https://example.com Chatterbox";
        let damage = store
            .shared
            .database
            .run(Priority::Normal, move |transaction| transaction.put_meta(name, damaged.as_bytes()));
        damage.await.unwrap();
        assert_eq!(learned(&entry).await, [0; 0], "{damaged}");
        submit(&entry, "t1").await;
        finish_after(&entry, "t1", 7);
        assert_eq!(learned(&entry).await, [7], "{damaged}");
        assert_eq!(only_entry(&store).await.state(), EntryState::Stored);
    }
}
