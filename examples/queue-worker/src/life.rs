//! apalis's workers, one for each queue, as often as it takes.

use std::{future::Future, sync::Arc, time::Duration};

use apalis::prelude::{BackendExt, BoxDynError, Data, WorkerBuilder, WorkerBuilderExt, WorkerError};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;

use crate::{
    collect,
    connection::name,
    jobs::{COLLECT, SUBMIT},
    speaker::Speaker,
    store::Store,
    submit,
};

/// How often a worker looks for jobs when there were none: a quarter of a second is little beside a speech, and four
/// small queries a second are little for a database. Postgres could tell by itself, `SQLite` can't across processes.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// So many signs of life may be missing before a worker counts as dead: one may be late because the database is busy.
pub(crate) const DEATHS: u32 = 3;

/// The lives of a queue: one ends with the first error of its database, however short, and another begins.
pub(crate) async fn live<F>(speaker: &Speaker, queue: &str, life: impl Fn(String) -> F)
where
    F: Future<Output = Result<(), WorkerError>> + Send + 'static,
{
    while !speaker.is_stopping() {
        // A name is never used twice: apalis would not let it in before the earlier one counts as dead.
        let end = tokio::spawn(life(format!("{queue}-{}-{}", speaker.name, name()))).await;
        let problem = match end {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::warn!("the queue {queue} broke down, and begins anew: {problem}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One life, of whichever database.
macro_rules! life {
    ($speaker:ident, $name:ident, $queue:ident, $places:expr, $job:ident) => {{
        let stop = Arc::clone(&$speaker);
        // Not before: once asked to stop, apalis leaves the transaction of a fetch open until its jobs are done, and
        // they may be waiting for the one writer that SQLite lets in.
        let stop = async move {
            stop.idle().await;
            Ok::<(), WorkerError>(())
        };
        macro_rules! on {
            ($storage:ident, $config:ty, $pool:expr) => {{
                let config = <$config>::default()
                    .queue($queue)
                    // One at a time: while apalis has more in hand than it can begin, it gives no sign of life.
                    .batch_size(1)
                    .heartbeat_interval($speaker.heartbeat)
                    .missed_heartbeats(DEATHS as usize)
                    // Who fetches a job has locked it already.
                    .lock_tasks(false);
                let backend = $storage::<i64>::new($pool).with_config(config).poll_with_interval(LOOK);
                let worker = WorkerBuilder::new($name.as_str())
                    .backend(backend)
                    .data(Arc::clone(&$speaker))
                    .concurrency($places.count())
                    .build($job);
                worker.run_until(stop).await
            }};
        }
        match $speaker.store.clone() {
            Store::Sqlite(pool) => on!(SqliteStorage, apalis_sqlite::Config, &pool),
            Store::Postgres(pool) => on!(PostgresStorage, apalis_postgres::Config, &pool),
        }
    }};
}

pub(crate) async fn submissions(speaker: Arc<Speaker>, name: String) -> Result<(), WorkerError> {
    life!(speaker, name, SUBMIT, speaker.submissions, submit_job)
}

pub(crate) async fn collections(speaker: Arc<Speaker>, name: String) -> Result<(), WorkerError> {
    life!(speaker, name, COLLECT, speaker.collections, collect_job)
}

async fn submit_job(number: i64, speaker: Data<Arc<Speaker>>) -> Result<(), BoxDynError> {
    let speaker = Arc::clone(&speaker);
    // On a task of its own: apalis drops its jobs when its database fails, and a reply must be heard all the same.
    let submission = tokio::spawn(async move {
        let _place = speaker.place(&speaker.submissions).await?;
        after_a_pause(submit::run(&speaker, number).await).await
    });
    Ok(submission.await.unwrap_or_else(|panic| Err(panic.into()))?)
}

async fn collect_job(number: i64, speaker: Data<Arc<Speaker>>) -> Result<(), BoxDynError> {
    let _place = speaker.place(&speaker.collections).await?;
    Ok(after_a_pause(collect::run(&speaker, number).await).await?)
}

/// apalis repeats at once what has failed. A database that is gone doesn't come back faster by that.
async fn after_a_pause(end: anyhow::Result<()>) -> anyhow::Result<()> {
    if end.is_err() {
        tokio::time::sleep(LOOK).await;
    }
    end
}
