//! The connection to the database and its tables. The URL selects `SQLite` or Postgres.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::InvalidInput;

/// The time that a process waits for the write lock of a `SQLite` file. `SQLite` allows one writer at a time,
/// and each write takes some milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The size of the connection pool. Connections serve the two queues, the heartbeats, and the writes of
/// concurrent jobs.
const MAX_CONNECTIONS: u32 = 8;

/// Returns the statement that creates the ledger. The databases differ only in the type of an
/// auto-incremented key.
macro_rules! create_ledger {
    ($number:literal) => {
        concat!(
            "CREATE TABLE IF NOT EXISTS speeches (number ",
            $number,
            ", text TEXT NOT NULL, voice TEXT,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'submitting', 'submitted', 'done', 'failed', 'in doubt')),
            since BIGINT NOT NULL, server TEXT, worker TEXT, claim TEXT, task TEXT, problem TEXT)"
        )
    };
}

/// Creates the table of the queue's backend: the API or simulators. The first worker inserts the single row.
/// The primary key prevents a second row, even if several workers start at once.
const CREATE_SPOKEN_BY: &str =
    "CREATE TABLE IF NOT EXISTS spoken_by (one INTEGER PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL)";

const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS speeches_by_state ON speeches (state, number)";

/// The connection pool of the queue's database.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code with the pool of either database. sqlx has a type for each database, so the code is
/// compiled twice.
macro_rules! with_pool {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite($pool) => $body,
            $crate::store::Store::Postgres($pool) => $body,
        }
    };
}
pub(crate) use with_pool;

impl Store {
    /// Connects and creates missing tables. The database itself is created if the URL requests this
    /// (`mode=rwc`).
    pub(crate) async fn create(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, true).await?;
        // Retry, because two processes that start at once on a new SQLite file conflict. The second one then
        // succeeds.
        let mut attempts = 0;
        while let Err(error) = store.create_tables().await {
            attempts += 1;
            if attempts == 5 {
                return Err(error.context("could not create the tables of the queue"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(store)
    }

    /// Connects to a database that [`create`](Self::create) has set up.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, false).await?;
        let query = with_pool!(&store, pool => {
            sqlx::query("SELECT 1 FROM speeches LIMIT 1").execute(pool).await.map(drop)
        });
        query.map_err(|error| {
            InvalidInput(format!("--database: queue not found, create it with `enqueue` first ({error})"))
        })?;
        Ok(store)
    }

    async fn connect(url: &str, create: bool) -> anyhow::Result<Self> {
        // Report only the message of sqlx and no part of the URL, which may contain a password.
        let invalid = |error: sqlx::Error| InvalidInput(format!("--database: {error}"));
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            // A claim must be on disk before the request is sent. This overrides the setting of the server.
            let options =
                PgConnectOptions::from_str(url).map_err(invalid)?.options([("synchronous_commit", "on")]);
            // Connect once without the pool, which would retry an unreachable server for 30 seconds.
            options.connect().await.map_err(invalid)?.close().await.map_err(invalid)?;
            return Ok(Self::Postgres(
                PgPoolOptions::new().max_connections(MAX_CONNECTIONS).connect_lazy_with(options),
            ));
        }
        if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
            let problem = "--database: unsupported URL, expected sqlite://FILE or postgres://USER@HOST/NAME; \
                           in-memory databases are not supported";
            return Err(InvalidInput(problem.into()).into());
        }
        let mut options = SqliteConnectOptions::from_str(url).map_err(invalid)?;
        if !create {
            options = options.create_if_missing(false);
        }
        // A claim must be on disk before the request is sent, even after a power failure. The `setup`
        // function of apalis is not used, because it turns `synchronous` off.
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        options.connect().await.map_err(invalid)?.close().await.map_err(invalid)?;
        Ok(Self::Sqlite(SqlitePoolOptions::new().max_connections(MAX_CONNECTIONS).connect_lazy_with(options)))
    }

    async fn create_tables(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(pool) => {
                SqliteStorage::<()>::migrations().run(pool).await?;
                sqlx::query(create_ledger!("INTEGER PRIMARY KEY AUTOINCREMENT")).execute(pool).await?;
                sqlx::query(CREATE_INDEX).execute(pool).await?;
                sqlx::query(CREATE_SPOKEN_BY).execute(pool).await?;
            }
            Self::Postgres(pool) => {
                PostgresStorage::<()>::setup(pool).await.context("could not run the apalis migrations")?;
                sqlx::query(create_ledger!("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))
                    .execute(pool)
                    .await?;
                sqlx::query(CREATE_INDEX).execute(pool).await?;
                sqlx::query(CREATE_SPOKEN_BY).execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// Returns `true` if another process kept the `SQLite` file locked for the whole timeout. The lower 8 bits of
/// a `SQLite` code are the error, the higher bits are the reason. Codes of Postgres are ignored, although
/// some are numeric too.
pub(crate) fn is_locked(error: &anyhow::Error) -> bool {
    const BUSY: i32 = 5;
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let Some(cause) = cause.and_then(|cause| cause.try_downcast_ref::<SqliteError>()) else {
            return false;
        };
        cause.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == BUSY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_locked_detects_only_sqlite_lock_errors() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("queue.db"))
            .create_if_missing(true)
            .busy_timeout(Duration::ZERO);
        let mut first = options.connect().await.unwrap();
        let mut second = options.connect().await.unwrap();
        let begin = "BEGIN IMMEDIATE";
        sqlx::query(begin).execute(&mut first).await.unwrap();
        let locked = sqlx::query(begin).execute(&mut second).await.unwrap_err();
        assert!(is_locked(&anyhow::Error::new(locked).context("could not create the tables")));
        let other = sqlx::query("no SQL").execute(&mut first).await.unwrap_err();
        assert!(!is_locked(&other.into()));
    }
}
