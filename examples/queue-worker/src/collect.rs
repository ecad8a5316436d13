//! The job that fetches a speech: wait for a while, save, write it down. It may run any number of times.

use std::{error::Error as _, fs, io::ErrorKind, path::Path, time::Duration};

use distribute_ai::{Error, TaskId};
use tempfile::TempPath;

use crate::{
    connection::name,
    decide::{Collection, Whose, after_collection, pause_at, whose},
    entry::now,
    life::DEATHS,
    speaker::{STOPPING, Speaker},
};

/// How long one job waits for its task. What takes longer makes room for others, and comes back.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn run(speaker: &Speaker, number: i64) -> anyhow::Result<()> {
    let store = &speaker.store;
    let Some(entry) = store.entry(number).await? else { return Ok(()) };
    let (Some(task), Some(worker), "submitted") = (&entry.task, &entry.worker, entry.state.as_str()) else {
        return Ok(());
    };
    let is_alive = store.is_alive(worker, speaker.heartbeat * DEATHS).await?;
    let age = Duration::from_secs(now().saturating_sub(entry.since).try_into().unwrap_or_default());
    match whose(&entry, &speaker.server, is_alive) {
        Whose::Ours => {}
        Whose::Nobodys => return store.forgotten(number, task).await.map(drop),
        Whose::Others => {
            let problem = format!("waits for a worker at {}", entry.server.as_deref().unwrap_or_default());
            return store.later(number, task, pause_at(age), Some(&problem)).await.map(drop);
        }
    }
    tokio::select! {
        outcome = fetch(speaker, number, task) => match outcome {
            Ok(None) => store.done(number, task).await.map(drop),
            Ok(Some(problem)) => {
                tracing::warn!(number, "{problem}");
                store.later(number, task, pause_at(age), Some(&problem)).await.map(drop)
            }
            Err(error) => {
                settle(speaker, number, task, &error, age).await
            }
        },
        // Nothing is lost by that: whoever comes next finds the task where it is.
        () = speaker.stopping() => anyhow::bail!(STOPPING),
    }
}

/// Or what keeps the speech from its place.
async fn fetch(speaker: &Speaker, number: i64, task: &str) -> Result<Option<String>, Error> {
    let task = speaker.client.task(TaskId::from_server(task));
    let speech = task.wait().deadline(PATIENCE).await?;
    // Task ids are the server's: none of them becomes part of a path.
    let beside = speaker.out.join(format!(".{number}-{}.wav", name()));
    let saved = match TempPath::try_from_path(&beside) {
        Ok(saved) => saved,
        Err(error) => return Ok(Some(format!("{}: {error}", speaker.out.display()))),
    };
    speech.save(&beside).await?;
    Ok(put(saved, &speaker.out.join(format!("{number}.wav"))))
}

/// In its place, unless another file is there: it may be somebody's only copy of what was paid for. The same bytes are no
/// problem, but this job in an earlier life.
fn put(saved: TempPath, place: &Path) -> Option<String> {
    let error = saved.persist_noclobber(place).err()?;
    if error.error.kind() != ErrorKind::AlreadyExists {
        return Some(format!("{}: {}", place.display(), error.error));
    }
    match (fs::read(&error.path), fs::read(place)) {
        (Ok(new), Ok(old)) if new == old => None,
        _ => Some(format!("{} is there and is not this speech: move it away", place.display())),
    }
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
            // To take long is no problem, unless the server could not be asked.
            let is_long = error.is_deadline() && error.status().is_none() && error.source().is_none();
            let problem = (!is_long).then_some(problem);
            if let Some(problem) = &problem {
                tracing::warn!(number, "{problem}");
            }
            speaker.store.later(number, task, after, problem.as_deref()).await.map(drop)
        }
        Collection::Failed => speaker.store.failed(number, task, &problem).await.map(drop),
        Collection::Closed => {
            speaker.stop(problem.clone());
            speaker.store.later(number, task, Duration::ZERO, Some(&problem)).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speech_takes_no_other_files_place() {
        let out = tempfile::tempdir().unwrap();
        let place = out.path().join("1.wav");
        let saved = |bytes: &[u8]| {
            let beside = out.path().join(".1.wav");
            fs::write(&beside, bytes).unwrap();
            TempPath::try_from_path(beside).unwrap()
        };
        assert_eq!(put(saved(b"one"), &place), None);
        assert_eq!(put(saved(b"one"), &place), None, "a second time");
        let problem = put(saved(b"two"), &place).unwrap();
        assert!(problem.ends_with("1.wav is there and is not this speech: move it away"), "{problem}");
        assert_eq!(fs::read(&place).unwrap(), b"one");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
