//! The collect job: waits for a task, saves its speech and records the outcome. The job may run any number of
//! times.

use std::{error::Error as _, fs, io::ErrorKind, path::Path, sync::Arc, time::Duration};

use distribute_ai::{Error, TaskId};
use tempfile::TempPath;

use crate::{
    connection::random_name,
    context::{WorkerContext, host},
    ledger::Collection,
    messages::describe,
    policy::{CollectDecision, classify_collect_error, poll_interval},
    progress,
    retry::{isolate, with_timeout},
};

/// The time that a job waits for its task. After this time, the job frees its slot for other jobs and runs
/// again later.
const WAIT_DEADLINE: Duration = Duration::from_mins(1);

/// Collects a speech. If the outcome cannot be stored, the speech is collected again after the end of the lease.
pub(crate) async fn run(context: Arc<WorkerContext>, text: Collection) {
    context.collecting().insert(text.number);
    let (job, collection) = (Arc::clone(&context), text.clone());
    let result = match isolate(async move { collect(&job, &collection).await }).await {
        Ok(result) => result,
        Err(problem) => collect_later(&context, &text, poll_interval(text.age), Some(&problem)).await,
    };
    if let Err(error) = result {
        tracing::warn!(
            number = text.number,
            error = describe(&error),
            "outcome of the collection not stored"
        );
    }
    context.collecting().remove(&text.number);
}

async fn collect(context: &WorkerContext, text: &Collection) -> anyhow::Result<()> {
    match fetch_and_save(context, text).await {
        Ok(Ok(place)) => {
            if with_timeout(context.store.mark_done(text, &place)).await? {
                progress::finished(text.number, "done", &place);
            }
            Ok(())
        }
        Ok(Err(problem)) => collect_later(context, text, poll_interval(text.age), Some(&problem)).await,
        Err(error) => record_error(context, text, &error).await,
    }
}

/// Waits for the task and saves its speech. Returns the host and the path of the speech, or the reason why the
/// speech could not be moved to its path.
async fn fetch_and_save(context: &WorkerContext, text: &Collection) -> Result<Result<String, String>, Error> {
    let task = context.client.task(TaskId::new_unchecked(&*text.task));
    let speech = task.wait().deadline(WAIT_DEADLINE).await?;
    // Do not use the task id in a path: it is untrusted input from the server.
    let path = context.out.join(format!(".{}-{}.wav", text.number, random_name()));
    let temporary = match TempPath::try_from_path(&path) {
        Ok(temporary) => temporary,
        Err(error) => return Ok(Err(format!("{}: {error}", context.out.display()))),
    };
    speech.save(&path).await?;
    let path = context.out.join(format!("{}.wav", text.number));
    let place = format!("{}:{}", host(), path.display());
    let moved = tokio::task::spawn_blocking(move || move_into_place(temporary, &path, sync_directory)).await;
    Ok(moved.unwrap_or_else(|panic| Err(panic.to_string())).map(|()| place))
}

/// Moves the temporary file to `path`, on disk too. Returns a message if this is not possible.
///
/// An existing file is never replaced, because it may be the only copy of a billed speech. A file with the
/// same content counts as success: an earlier run of this job has saved it.
fn move_into_place(
    temporary: TempPath,
    path: &Path,
    sync_directory: impl Fn(&Path) -> std::io::Result<()>,
) -> Result<(), String> {
    let problem = |error: &std::io::Error| format!("{}: {error}", path.display());
    if let Err(error) = temporary.persist_noclobber(path) {
        if error.error.kind() != ErrorKind::AlreadyExists {
            return Err(problem(&error.error));
        }
        match (fs::read(&error.path), fs::read(path)) {
            (Ok(new), Ok(existing)) if new == existing => {}
            _ => {
                return Err(format!(
                    "{}: path exists with different content; move the file away",
                    path.display()
                ));
            }
        }
    }
    // Without this, a power failure could remove the file after the text is done.
    sync_directory(path.parent().unwrap_or(path)).map_err(|error| problem(&error))
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> std::io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Other systems cannot open a directory as a file.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> std::io::Result<()> {
    Ok(())
}

async fn record_error(context: &WorkerContext, text: &Collection, error: &Error) -> anyhow::Result<()> {
    let (number, problem) = (text.number, error.to_string());
    match classify_collect_error(error, text.age) {
        CollectDecision::Retry { after } => {
            // A deadline alone means that the task is slow. Report a problem only if the server could not be
            // polled.
            let is_slow_task = error.is_deadline() && error.status().is_none() && error.source().is_none();
            collect_later(context, text, after, (!is_slow_task).then_some(&problem)).await
        }
        CollectDecision::Failed => {
            if with_timeout(context.store.mark_failed(text, &problem)).await? {
                progress::finished(number, "failed", &problem);
            }
            Ok(())
        }
        CollectDecision::AccountRejected => {
            context.stop_failed(format!("the server rejects every request of this account: {problem}"));
            collect_later(context, text, Duration::ZERO, Some(&problem)).await
        }
    }
}

async fn collect_later(
    context: &WorkerContext,
    text: &Collection,
    after: Duration,
    problem: Option<&String>,
) -> anyhow::Result<()> {
    if let Some(problem) = problem {
        tracing::warn!(number = text.number, problem, "speech not collected, retrying later");
    }
    let problem = problem.map(String::as_str);
    with_timeout(context.store.collect_later(text, after, problem)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use distribute_ai::testing::Simulator;
    use tower::{Layer, Service};

    use super::*;
    use crate::submit::{self, tests::context_with};

    /// A connector that panics.
    #[derive(Clone)]
    struct Panics<S>(S);

    impl<S> Layer<S> for Panics<()> {
        type Service = Panics<S>;

        fn layer(&self, inner: S) -> Panics<S> {
            Panics(inner)
        }
    }

    impl<S: Service<R>, R> Service<R> for Panics<S> {
        type Response = S::Response;
        type Error = S::Error;
        type Future = S::Future;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            panic!("no connection")
        }

        fn call(&mut self, request: R) -> S::Future {
            self.0.call(request)
        }
    }

    #[tokio::test]
    async fn collection_that_panics_is_repeated_and_submission_that_panics_is_in_doubt() {
        let simulator = Simulator::start().await.unwrap();
        let client = simulator.client_builder().configure_http(|http| http.connector_layer(Panics(())));
        let (_directory, context) = context_with(&["One", "Two"], client.build().unwrap()).await;
        let mut texts = context.claim(2).await.unwrap();
        let ((two, time), (one, _)) = (texts.remove(1), texts.remove(0));
        context.store.mark_submitted(&one.claim, "task").await.unwrap();
        run(Arc::clone(&context), context.claim_collections(1).await.unwrap().remove(0)).await;
        submit::run(Arc::clone(&context), two, time).await;
        for (number, state) in [(1, "submitted"), (2, "in doubt")] {
            let entry = context.store.entry(number).await.unwrap().unwrap();
            assert_eq!((entry.state.as_str(), entry.worker), (state, None));
            assert!(entry.problem.unwrap().contains("the job ended with a panic: "));
        }
        assert!(context.collecting().is_empty());
    }

    #[test]
    fn existing_file_with_other_content_is_not_replaced() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("1.wav");
        let temporary = |bytes: &[u8]| {
            let path = out.path().join(".1.wav");
            fs::write(&path, bytes).unwrap();
            TempPath::try_from_path(path).unwrap()
        };
        let move_into_place = |bytes| move_into_place(temporary(bytes), &path, sync_directory);
        assert_eq!(move_into_place(b"one"), Ok(()));
        assert_eq!(move_into_place(b"one"), Ok(()), "a second time");
        let problem = move_into_place(b"two").unwrap_err();
        assert!(
            problem.ends_with("1.wav: path exists with different content; move the file away"),
            "{problem}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "the temporary file is removed");
    }

    #[test]
    fn directory_is_synced_after_the_file_is_in_place_or_the_text_is_not_done() {
        let out = tempfile::tempdir().unwrap();
        let (temporary, path) = (out.path().join(".1.wav"), out.path().join("1.wav"));
        // The second time, the file is there, because an earlier run could not sync the directory.
        for _ in 0..2 {
            fs::write(&temporary, b"one").unwrap();
            let sync = |directory: &Path| {
                assert!(directory == out.path() && path.exists());
                Err(std::io::Error::other("no space"))
            };
            let moved = move_into_place(TempPath::try_from_path(&temporary).unwrap(), &path, sync);
            assert_eq!(moved, Err(format!("{}: no space", path.display())));
        }
    }
}
