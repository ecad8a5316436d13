//! The job that fetches a speech: wait for a while, save, write it down. It may run any number of times.

use std::time::Duration;

use distribute_ai::{Error, TaskId};

use crate::{
    decide::{Collection, Whose, after_collection, whose},
    entry::now,
    life::DEATHS,
    speaker::{STOPPING, Speaker},
};

/// How long one job waits for its task. What takes longer makes room for others, and comes back.
const PATIENCE: Duration = Duration::from_mins(1);

/// When to look again at a task of another worker's server.
const ANOTHER_TIME: Duration = Duration::from_secs(1);

pub(crate) async fn run(speaker: &Speaker, number: i64) -> anyhow::Result<()> {
    let store = &speaker.store;
    let Some(entry) = store.entry(number).await? else { return Ok(()) };
    let (Some(task), Some(worker), "submitted") = (&entry.task, &entry.worker, entry.state.as_str()) else {
        return Ok(());
    };
    let is_alive = store.is_alive(worker, speaker.heartbeat * DEATHS).await?;
    match whose(&entry, &speaker.server, is_alive) {
        Whose::Ours => {}
        Whose::Nobodys => return store.forgotten(number, task).await.map(drop),
        Whose::Others => {
            let problem = format!("waits for a worker at {}", entry.server.as_deref().unwrap_or_default());
            return store.later(number, task, ANOTHER_TIME, &problem).await.map(drop);
        }
    }
    tokio::select! {
        outcome = fetch(speaker, number, task) => match outcome {
            Ok(()) => store.done(number, task).await.map(drop),
            Err(error) => {
                let age = Duration::from_secs(now().saturating_sub(entry.since).try_into().unwrap_or_default());
                settle(speaker, number, task, &error, age).await
            }
        },
        // Nothing is lost by that: whoever comes next finds the task where it is.
        () = speaker.stopping() => anyhow::bail!(STOPPING),
    }
}

async fn fetch(speaker: &Speaker, number: i64, task: &str) -> Result<(), Error> {
    let task = speaker.client.task(TaskId::from_server(task));
    let speech = task.wait().deadline(PATIENCE).await?;
    speech.save(speaker.out.join(format!("{number}.wav"))).await?;
    Ok(())
}

async fn settle(
    speaker: &Speaker,
    number: i64,
    task: &str,
    error: &Error,
    age: Duration,
) -> anyhow::Result<()> {
    let problem = error.to_string();
    match after_collection(error, age) {
        Collection::Later { after } => {
            if !error.is_deadline() {
                tracing::warn!(number, "{problem}");
            }
            speaker.store.later(number, task, after, &problem).await.map(drop)
        }
        Collection::Failed => speaker.store.failed(number, task, &problem).await.map(drop),
        Collection::Closed => {
            speaker.stop(problem.clone());
            speaker.store.later(number, task, Duration::ZERO, &problem).await.map(drop)
        }
    }
}
