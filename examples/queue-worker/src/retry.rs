//! Timeouts and retries of database operations, and jobs whose panic ends nothing else.

use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use crate::{context::WorkerContext, messages::describe};

/// The timeout of one database operation. Without this, a hanging connection would block the next attempt.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of attempts to write the outcome of a submission to the database. The pauses double up to five
/// seconds, and each attempt takes at most five seconds, so all attempts take about two minutes.
const MAX_WRITE_ATTEMPTS: u32 = 15;

/// The time for these attempts after a stop request.
pub(crate) const STOP_WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// Retries a database write until it succeeds, [`MAX_WRITE_ATTEMPTS`] attempts have failed, or the worker has been
/// stopping for four seconds. Calls `on_first_error` after the first failed attempt.
pub(crate) async fn retry_write<T, F>(
    context: &WorkerContext,
    on_first_error: impl Fn(&anyhow::Error),
    mut write: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let retries = async {
        let mut pause = Duration::from_millis(100);
        for attempt in 1..MAX_WRITE_ATTEMPTS {
            match with_timeout(write()).await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    if attempt == 1 {
                        on_first_error(&error);
                    }
                    tracing::warn!(attempt, error = describe(&error), "database write failed, retrying");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        with_timeout(write()).await
    };
    tokio::select! {
        result = retries => result,
        () = async { context.stop_requested().await; tokio::time::sleep(STOP_WRITE_TIMEOUT).await } => {
            anyhow::bail!("the worker stops, and the database did not respond for {} s", STOP_WRITE_TIMEOUT.as_secs())
        }
    }
}

/// Runs a database operation for at most [`WRITE_TIMEOUT`].
pub(crate) async fn with_timeout<T>(operation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(WRITE_TIMEOUT, operation).await {
        Ok(result) => result,
        Err(_) => anyhow::bail!("the database did not respond within {} s", WRITE_TIMEOUT.as_secs()),
    }
}

/// Runs a job as a task of its own, so that a panic ends only this job. Returns the message of a panic.
pub(crate) async fn isolate<T: Send + 'static>(
    job: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    // Dropping the returned future must also end the job.
    let mut job = JoinSet::from_iter([job]);
    let result: Option<Result<T, JoinError>> = job.join_next().await;
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(format!("the job ended with a panic: {error}")),
        None => Err("the job is missing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panic_of_a_job_is_returned_and_a_dropped_job_ends() {
        assert_eq!(isolate(async { 7 }).await, Ok(7));
        let problem = isolate(async { assert!(std::hint::black_box(false), "no audio") }).await.unwrap_err();
        assert!(
            problem.starts_with("the job ended with a panic: ") && problem.contains("no audio"),
            "{problem}"
        );

        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let job = isolate(async move {
            let _sender = sender;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), job).await.is_err());
        assert!(receiver.await.is_err(), "the job is dropped");
    }
}
