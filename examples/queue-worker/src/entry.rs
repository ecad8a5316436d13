//! What the ledger says: reading, and nothing that changes anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::Row as _;

use crate::store::{Store, with_pool};

/// A text as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) state: String,
    /// Seconds since 1970.
    pub(crate) since: i64,
    /// Who submits or has submitted it, and to whom.
    pub(crate) server: Option<String>,
    pub(crate) worker: Option<String>,
    pub(crate) claim: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) problem: Option<String>,
}

const ENTRY: &str =
    "SELECT number, state, since, server, worker, claim, task, problem FROM speeches WHERE number = $1";

const TROUBLED: &str = "SELECT number, state, since, server, worker, claim, task, problem FROM speeches \
                        WHERE state IN ('in doubt', 'failed') ORDER BY number";

const HELD_UP: &str = "SELECT number, state, since, server, worker, claim, task, problem FROM speeches \
                       WHERE state = 'submitted' AND problem IS NOT NULL ORDER BY number";

/// Of a row of either database.
macro_rules! entry {
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
                Some(row) => Ok(Some(entry!(row))),
                None => Ok(None),
            }
        })
    }

    /// What waits for a person: in doubt or failed.
    pub(crate) async fn troubled(&self) -> anyhow::Result<Vec<Entry>> {
        with_pool!(self, pool => {
            let mut entries = Vec::new();
            for row in sqlx::query(TROUBLED).fetch_all(pool).await? {
                entries.push(entry!(row));
            }
            Ok(entries)
        })
    }

    /// What is submitted and does not get on, with the reason.
    pub(crate) async fn held_up(&self) -> anyhow::Result<Vec<Entry>> {
        with_pool!(self, pool => {
            let mut entries = Vec::new();
            for row in sqlx::query(HELD_UP).fetch_all(pool).await? {
                entries.push(entry!(row));
            }
            Ok(entries)
        })
    }

    /// How many texts are in each state that any is in.
    pub(crate) async fn counts(&self) -> anyhow::Result<Vec<(String, i64)>> {
        with_pool!(self, pool => {
            Ok(sqlx::query_as("SELECT state, COUNT(*) FROM speeches GROUP BY state").fetch_all(pool).await?)
        })
    }

    /// How many texts have no end yet that a worker could bring about.
    pub(crate) async fn unfinished(&self) -> anyhow::Result<i64> {
        with_pool!(self, pool => {
            let query = "SELECT COUNT(*) FROM speeches WHERE state IN ('queued', 'submitting', 'submitted')";
            Ok(sqlx::query_scalar(query).fetch_one(pool).await?)
        })
    }

    /// How many are under way at a server, by its name.
    pub(crate) async fn under_way(&self) -> anyhow::Result<Vec<(String, i64)>> {
        with_pool!(self, pool => {
            let query = "SELECT server, COUNT(*) FROM speeches WHERE state IN ('submitting', 'submitted') \
                         GROUP BY server";
            Ok(sqlx::query_as(query).fetch_all(pool).await?)
        })
    }

    /// What the database takes for now, in seconds since 1970: a file has the clock of its machine.
    pub(crate) async fn clock(&self) -> anyhow::Result<i64> {
        match self {
            Self::Sqlite(_) => Ok(now()),
            Self::Postgres(pool) => {
                let query = "SELECT FLOOR(EXTRACT(EPOCH FROM clock_timestamp()))::BIGINT";
                Ok(sqlx::query_scalar(query).fetch_one(pool).await?)
            }
        }
    }

    /// Whether a worker's process has given a sign of life within this time, by the database's clock: apalis's workers
    /// come and go within it, and the submissions go on.
    pub(crate) async fn is_alive(&self, worker: &str, within: Duration) -> anyhow::Result<bool> {
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

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(age.as_secs()).unwrap_or(i64::MAX)
}
