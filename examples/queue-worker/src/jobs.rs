//! Adds jobs to the apalis queues within the transaction that requires the jobs.

use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder};
use sqlx::{PgConnection, SqliteConnection};

/// The queue of texts to submit.
pub(crate) const SUBMIT: &str = "submit";
/// The queue of speeches to collect.
pub(crate) const COLLECT: &str = "collect";

/// The maximum number of attempts of a job: unlimited in practice. apalis also counts an attempt when a
/// worker stops or the database is unavailable, which are not failures of the job. The ledger decides what
/// may be tried again.
const MAX_ATTEMPTS: usize = i32::MAX as usize;

/// A database connection that adds jobs to a queue as part of its transaction.
pub(crate) trait PushJobs {
    /// Adds a job for each number. The jobs start after the delay `after`.
    fn push_jobs(
        &mut self,
        queue: &str,
        numbers: &[i64],
        after: Duration,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl PushJobs for SqliteConnection {
    async fn push_jobs(&mut self, queue: &str, numbers: &[i64], after: Duration) -> anyhow::Result<()> {
        Ok(apalis_sqlite::queries::push_tasks(self, queue, &encode_jobs(numbers, after)).await?)
    }
}

impl PushJobs for PgConnection {
    async fn push_jobs(&mut self, queue: &str, numbers: &[i64], after: Duration) -> anyhow::Result<()> {
        Ok(apalis_postgres::queries::push_tasks(self, queue, encode_jobs(numbers, after)).await?)
    }
}

/// Encodes the jobs in apalis's format: the payload is JSON, so a number is written as a number.
fn encode_jobs(numbers: &[i64], after: Duration) -> Vec<Task<Vec<u8>>> {
    let task = |number: &i64| {
        let builder = TaskBuilder::new(number.to_string().into_bytes()).max_attempts(MAX_ATTEMPTS);
        // Without a delay, use the database's clock. The clock of this machine may be ahead.
        if after.is_zero() { builder.build() } else { builder.run_after(after).build() }
    };
    numbers.iter().map(task).collect()
}
