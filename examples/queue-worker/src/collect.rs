//! The collect job: waits for a task, saves its speech and records the outcome. The job may run any number of
//! times.

use std::{error::Error as _, fs, io::ErrorKind, path::Path, time::Duration};

use distribute_ai::{Error, TaskId};
use tempfile::TempPath;

use crate::{
    connection::random_name,
    context::{STOPPING, WorkerContext},
    entry::now,
    policy::{CollectDecision, TaskServer, classify_collect_error, poll_interval, task_server},
    supervisor::MAX_MISSED_HEARTBEATS,
};

/// The time that a job waits for its task. After this time, the job frees its slot for other jobs and runs
/// again later.
const WAIT_DEADLINE: Duration = Duration::from_mins(1);

pub(crate) async fn run(context: &WorkerContext, number: i64) -> anyhow::Result<()> {
    let store = &context.store;
    let Some(entry) = store.entry(number).await? else { return Ok(()) };
    let (Some(task), Some(worker), "submitted") = (&entry.task, &entry.worker, entry.state.as_str()) else {
        return Ok(());
    };
    let is_alive = store.is_worker_alive(worker, context.heartbeat * MAX_MISSED_HEARTBEATS).await?;
    let age = Duration::from_secs(now().saturating_sub(entry.since).try_into().unwrap_or_default());
    match task_server(&entry, &context.server, is_alive) {
        TaskServer::Own => {}
        TaskServer::LostSimulator => return store.requeue_lost_task(number, task).await.map(drop),
        TaskServer::Other => {
            let server = entry.server.as_deref().unwrap_or_default();
            let problem = format!("waiting for a worker that uses {server}");
            return store.collect_later(number, task, poll_interval(age), Some(&problem)).await.map(drop);
        }
    }
    tokio::select! {
        outcome = fetch_and_save(context, number, task) => match outcome {
            Ok(None) => store.mark_done(number, task).await.map(drop),
            Ok(Some(problem)) => {
                tracing::warn!(number, problem, "speech not saved, retrying later");
                store.collect_later(number, task, poll_interval(age), Some(&problem)).await.map(drop)
            }
            Err(error) => {
                record_error(context, number, task, &error, age).await
            }
        },
        // Cancelling is safe: the task id is in the ledger, so another worker can collect the speech.
        () = context.stop_requested() => anyhow::bail!(STOPPING),
    }
}

/// Waits for the task and saves its speech. Returns a message if the speech could not be moved to its path.
async fn fetch_and_save(context: &WorkerContext, number: i64, task: &str) -> Result<Option<String>, Error> {
    let task = context.client.task(TaskId::new_unchecked(task));
    let speech = task.wait().deadline(WAIT_DEADLINE).await?;
    // Do not use the task id in a path: it is untrusted input from the server.
    let path = context.out.join(format!(".{number}-{}.wav", random_name()));
    let temporary = match TempPath::try_from_path(&path) {
        Ok(temporary) => temporary,
        Err(error) => return Ok(Some(format!("{}: {error}", context.out.display()))),
    };
    speech.save(&path).await?;
    Ok(move_into_place(temporary, &context.out.join(format!("{number}.wav"))))
}

/// Moves the temporary file to `path`. Returns a message if this is not possible.
///
/// An existing file is never replaced, because it may be the only copy of a billed speech. A file with the
/// same content counts as success: an earlier run of this job has saved it.
fn move_into_place(temporary: TempPath, path: &Path) -> Option<String> {
    let error = temporary.persist_noclobber(path).err()?;
    if error.error.kind() != ErrorKind::AlreadyExists {
        return Some(format!("{}: {}", path.display(), error.error));
    }
    match (fs::read(&error.path), fs::read(path)) {
        (Ok(new), Ok(existing)) if new == existing => None,
        _ => Some(format!("{}: path exists with different content; move the file away", path.display())),
    }
}

async fn record_error(
    context: &WorkerContext,
    number: i64,
    task: &str,
    error: &Error,
    age: Duration,
) -> anyhow::Result<()> {
    let problem = error.to_string();
    match classify_collect_error(error, age) {
        CollectDecision::Retry { after } => {
            // A deadline alone means that the task is slow. Report a problem only if the server could not be
            // polled.
            let is_slow_task = error.is_deadline() && error.status().is_none() && error.source().is_none();
            let problem = (!is_slow_task).then_some(problem);
            if let Some(problem) = &problem {
                tracing::warn!(number, problem, "speech not collected, retrying later");
            }
            context.store.collect_later(number, task, after, problem.as_deref()).await.map(drop)
        }
        CollectDecision::Failed => context.store.mark_failed(number, task, &problem).await.map(drop),
        CollectDecision::AccountRejected => {
            context.stop_account_rejected(problem.clone());
            context.store.collect_later(number, task, Duration::ZERO, Some(&problem)).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_file_with_other_content_is_not_replaced() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("1.wav");
        let temporary = |bytes: &[u8]| {
            let path = out.path().join(".1.wav");
            fs::write(&path, bytes).unwrap();
            TempPath::try_from_path(path).unwrap()
        };
        assert_eq!(move_into_place(temporary(b"one"), &path), None);
        assert_eq!(move_into_place(temporary(b"one"), &path), None, "a second time");
        let problem = move_into_place(temporary(b"two"), &path).unwrap();
        assert!(
            problem.ends_with("1.wav: path exists with different content; move the file away"),
            "{problem}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "the temporary file is removed");
    }
}
