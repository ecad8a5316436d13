//! Runs the apalis workers, one for each queue, and restarts a worker that fails.

use std::{future::Future, sync::Arc, time::Duration};

use apalis::prelude::{BackendExt, BoxDynError, Data, WorkerBuilder, WorkerBuilderExt, WorkerError};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;

use crate::{
    collect,
    connection::random_name,
    context::WorkerContext,
    jobs::{COLLECT, SUBMIT},
    store::Store,
    submit,
};

/// The time between two polls of an empty queue. The delay is small compared with the duration of a task, and
/// four short queries per second are a small load. Postgres could notify workers, but `SQLite` cannot notify
/// other processes.
pub(crate) const QUEUE_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The number of missed heartbeats after which a worker counts as dead. A single heartbeat may be late
/// because the database is busy.
pub(crate) const MAX_MISSED_HEARTBEATS: u32 = 3;

/// Runs the worker of a queue until shutdown. A worker stops at the first database error, however short the
/// outage, and is then restarted after one second.
pub(crate) async fn run_until_stopped<F>(
    context: &WorkerContext,
    queue: &str,
    run_worker: impl Fn(String) -> F,
) where
    F: Future<Output = Result<(), WorkerError>> + Send + 'static,
{
    while !context.is_stopping() {
        // Each restart needs a new name: apalis rejects a known name until the earlier worker counts as dead.
        let worker_name = format!("{queue}-{}-{}", context.name, random_name());
        let problem = match tokio::spawn(run_worker(worker_name)).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::warn!(queue, error = %problem, "queue worker failed, restarting");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Runs an apalis worker on the queue until all jobs have finished after a stop request.
macro_rules! run_worker {
    ($context:ident, $name:ident, $queue:ident, $slots:expr, $job:ident) => {{
        let stopped = Arc::clone(&$context);
        // Stop apalis only after all jobs have finished. After a stop request, apalis keeps the transaction
        // of a fetch open until its jobs are done, and these jobs may be waiting for SQLite's single writer.
        let stopped = async move {
            stopped.drained().await;
            Ok::<(), WorkerError>(())
        };
        macro_rules! run_on {
            ($storage:ident, $config:ty, $pool:expr) => {{
                let config = <$config>::default()
                    .queue($queue)
                    // apalis sends no heartbeat while it has fetched more jobs than it can start.
                    .batch_size(1)
                    .heartbeat_interval($context.heartbeat)
                    .missed_heartbeats(MAX_MISSED_HEARTBEATS as usize)
                    // A fetch has already locked the job.
                    .lock_tasks(false);
                let backend =
                    $storage::<i64>::new($pool).with_config(config).poll_with_interval(QUEUE_POLL_INTERVAL);
                let worker = WorkerBuilder::new($name.as_str())
                    .backend(backend)
                    .data(Arc::clone(&$context))
                    .concurrency($slots.count())
                    .build($job);
                worker.run_until(stopped).await
            }};
        }
        match $context.store.clone() {
            Store::Sqlite(pool) => run_on!(SqliteStorage, apalis_sqlite::Config, &pool),
            Store::Postgres(pool) => run_on!(PostgresStorage, apalis_postgres::Config, &pool),
        }
    }};
}

pub(crate) async fn run_submit_worker(context: Arc<WorkerContext>, name: String) -> Result<(), WorkerError> {
    run_worker!(context, name, SUBMIT, context.submit_slots, submit_job)
}

pub(crate) async fn run_collect_worker(context: Arc<WorkerContext>, name: String) -> Result<(), WorkerError> {
    run_worker!(context, name, COLLECT, context.collect_slots, collect_job)
}

async fn submit_job(number: i64, context: Data<Arc<WorkerContext>>) -> Result<(), BoxDynError> {
    let context = Arc::clone(&context);
    // Spawn a task, because apalis drops its jobs when the database fails, and the response must still be
    // recorded.
    let submission = tokio::spawn(async move {
        let _slot = context.acquire_slot(&context.submit_slots).await?;
        delay_on_error(submit::run(&context, number).await).await
    });
    Ok(submission.await.unwrap_or_else(|panic| Err(panic.into()))?)
}

async fn collect_job(number: i64, context: Data<Arc<WorkerContext>>) -> Result<(), BoxDynError> {
    let _slot = context.acquire_slot(&context.collect_slots).await?;
    Ok(delay_on_error(collect::run(&context, number).await).await?)
}

/// Delays a failed job for a moment. apalis retries a failed job immediately, and the usual reason is a
/// database outage.
async fn delay_on_error(result: anyhow::Result<()>) -> anyhow::Result<()> {
    if result.is_err() {
        tokio::time::sleep(QUEUE_POLL_INTERVAL).await;
    }
    result
}
