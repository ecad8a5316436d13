//! Queries of the ledger. Nothing here changes the database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::Row as _;

use crate::store::{Store, with_pool};

/// A row of the ledger: a text and its state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) state: String,
    /// The time of the last state change, in seconds since 1970. It is unchanged when a text becomes "in
    /// doubt".
    pub(crate) since: i64,
    /// The server that the text is or was submitted to.
    pub(crate) server: Option<String>,
    /// The worker process that claimed the text.
    pub(crate) worker: Option<String>,
    pub(crate) claim: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) problem: Option<String>,
}

const ENTRY: &str =
    "SELECT number, state, since, server, worker, claim, task, problem FROM speeches WHERE number = $1";

const FAILED_OR_IN_DOUBT: &str = "SELECT number, state, since, server, worker, claim, task, problem \
                                  FROM speeches WHERE state IN ('in doubt', 'failed') ORDER BY number";

/// A text that is put off: it is in the state "queued" or "submitted", and its last attempt has failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Delayed {
    pub(crate) entry: Entry,
    /// The time of the next attempt, in seconds since 1970. `None` if a worker is already processing the
    /// text.
    pub(crate) due: Option<i64>,
}

/// Returns the query for the delayed texts. The time of the next attempt is that of the job in the queue.
/// The arguments are the job's text number, its time in seconds since 1970, and its table.
macro_rules! delayed {
    ($number:literal, $due:literal, $jobs:literal) => {
        concat!(
            "SELECT number, state, since, server, worker, claim, task, problem, due FROM speeches \
             LEFT JOIN (SELECT ",
            $number,
            " AS job_number, job_type, MIN(",
            $due,
            ") AS due \
                        FROM ",
            $jobs,
            " WHERE status = 'Pending' GROUP BY 1, 2) AS jobs \
             ON job_number = number \
                AND job_type = CASE state WHEN 'queued' THEN 'submit' ELSE 'collect' END \
             WHERE state IN ('queued', 'submitted') AND problem IS NOT NULL ORDER BY number"
        )
    };
}
const DELAYED_SQLITE: &str = delayed!("CAST(CAST(job AS TEXT) AS INTEGER)", "run_at", "Jobs");
const DELAYED_POSTGRES: &str =
    delayed!("convert_from(job, 'UTF8')::BIGINT", "EXTRACT(EPOCH FROM run_at)::BIGINT", "apalis.jobs");

/// Converts a row of either database into an [`Entry`].
macro_rules! entry_from_row {
    ($row:expr) => {{
        let row = $row;
        Entry {
            number: row.try_get(0)?,
            state: row.try_get(1)?,
            since: row.try_get(2)?,
            server: row.try_get(3)?,
            worker: row.try_get(4)?,
            claim: row.try_get(5)?,
            task: row.try_get(6)?,
            problem: row.try_get(7)?,
        }
    }};
}

impl Store {
    pub(crate) async fn entry(&self, number: i64) -> anyhow::Result<Option<Entry>> {
        with_pool!(self, pool => {
            match sqlx::query(ENTRY).bind(number).fetch_optional(pool).await? {
                Some(row) => Ok(Some(entry_from_row!(row))),
                None => Ok(None),
            }
        })
    }

    /// Returns the texts that wait for a person's decision: in doubt or failed.
    pub(crate) async fn failed_or_in_doubt(&self) -> anyhow::Result<Vec<Entry>> {
        with_pool!(self, pool => {
            let mut entries = Vec::new();
            for row in sqlx::query(FAILED_OR_IN_DOUBT).fetch_all(pool).await? {
                entries.push(entry_from_row!(row));
            }
            Ok(entries)
        })
    }

    /// Returns the texts whose last attempt has failed and that will be tried again, with the reason.
    pub(crate) async fn delayed(&self) -> anyhow::Result<Vec<Delayed>> {
        let query = match self {
            Self::Sqlite(_) => DELAYED_SQLITE,
            Self::Postgres(_) => DELAYED_POSTGRES,
        };
        with_pool!(self, pool => {
            let mut delayed = Vec::new();
            for row in sqlx::query(query).fetch_all(pool).await? {
                let due = row.try_get(8)?;
                delayed.push(Delayed { entry: entry_from_row!(row), due });
            }
            Ok(delayed)
        })
    }

    /// Returns the number of texts in each state. States without texts are omitted.
    pub(crate) async fn counts(&self) -> anyhow::Result<Vec<(String, i64)>> {
        with_pool!(self, pool => {
            Ok(sqlx::query_as("SELECT state, COUNT(*) FROM speeches GROUP BY state").fetch_all(pool).await?)
        })
    }

    /// Returns the number of texts that a worker can still process.
    pub(crate) async fn unfinished(&self) -> anyhow::Result<i64> {
        with_pool!(self, pool => {
            let query = "SELECT COUNT(*) FROM speeches WHERE state IN ('queued', 'submitting', 'submitted')";
            Ok(sqlx::query_scalar(query).fetch_one(pool).await?)
        })
    }

    /// Returns the number of texts in progress for each server.
    pub(crate) async fn in_progress_by_server(&self) -> anyhow::Result<Vec<(String, i64)>> {
        with_pool!(self, pool => {
            let query = "SELECT server, COUNT(*) FROM speeches WHERE state IN ('submitting', 'submitted') \
                         GROUP BY server";
            Ok(sqlx::query_as(query).fetch_all(pool).await?)
        })
    }

    /// Returns the current time of the database, in seconds since 1970. `SQLite` uses the clock of this
    /// machine.
    pub(crate) async fn database_time(&self) -> anyhow::Result<i64> {
        match self {
            Self::Sqlite(_) => Ok(now()),
            Self::Postgres(pool) => {
                let query = "SELECT FLOOR(EXTRACT(EPOCH FROM clock_timestamp()))::BIGINT";
                Ok(sqlx::query_scalar(query).fetch_one(pool).await?)
            }
        }
    }

    /// Returns `true` if the worker process has sent a heartbeat within the given time, by the database's
    /// clock. Any apalis worker of the process counts: apalis workers may restart while the submissions of
    /// the process continue.
    pub(crate) async fn is_worker_alive(&self, worker: &str, within: Duration) -> anyhow::Result<bool> {
        let count: i64 = match self {
            Self::Sqlite(pool) => {
                let query = "SELECT COUNT(*) FROM Workers \
                     WHERE id LIKE '%-' || $1 || '-%' AND strftime('%s', 'now') - last_seen < $2";
                sqlx::query_scalar(query).bind(worker).bind(within.as_secs_f64()).fetch_one(pool).await?
            }
            Self::Postgres(pool) => {
                let query = "SELECT COUNT(*) FROM apalis.workers \
                             WHERE id LIKE '%-' || $1 || '-%' AND NOW() - last_seen < make_interval(secs => $2)";
                sqlx::query_scalar(query).bind(worker).bind(within.as_secs_f64()).fetch_one(pool).await?
            }
        };
        Ok(count > 0)
    }
}

/// Returns the current time of this machine, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
