//! Jobs as apalis keeps them, put there in the transaction that makes them needed.

use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder};
use sqlx::{PgConnection, SqliteConnection};

/// The queue of texts to submit.
pub(crate) const SUBMIT: &str = "submit";
/// The queue of speeches to collect.
pub(crate) const COLLECT: &str = "collect";

/// A job that waits for somebody else, is let go by a worker that stops, or finds the database gone, has not failed. The
/// ledger says how often something may be tried; apalis is to go on.
const ATTEMPTS: usize = i32::MAX as usize;

/// A connection that jobs can be put into, as part of its transaction.
pub(crate) trait Jobs {
    /// A job for each number, to be taken up after this time.
    fn put(
        &mut self,
        queue: &str,
        numbers: &[i64],
        after: Duration,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl Jobs for SqliteConnection {
    async fn put(&mut self, queue: &str, numbers: &[i64], after: Duration) -> anyhow::Result<()> {
        Ok(apalis_sqlite::queries::push_tasks(self, queue, &tasks(numbers, after)).await?)
    }
}

impl Jobs for PgConnection {
    async fn put(&mut self, queue: &str, numbers: &[i64], after: Duration) -> anyhow::Result<()> {
        Ok(apalis_postgres::queries::push_tasks(self, queue, tasks(numbers, after)).await?)
    }
}

/// In apalis's wire format, which is JSON: a number is written as a number.
fn tasks(numbers: &[i64], after: Duration) -> Vec<Task<Vec<u8>>> {
    let task = |number: &i64| {
        let builder = TaskBuilder::new(number.to_string().into_bytes()).max_attempts(ATTEMPTS);
        // Without a delay the database's clock decides, not this machine's, which may be ahead of it.
        if after.is_zero() { builder.build() } else { builder.run_after(after).build() }
    };
    numbers.iter().map(task).collect()
}
